"""Importer: turns a public model file into a bundle. A file of this folder is one format."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from mien.errors import BundleError


@dataclass(frozen=True)
class Imported:
    """A manifest (without hashes) and its blobs, ready for `Bundle.write`."""

    manifest: dict[str, Any]
    blobs: dict[str, bytes] = field(repr=False)


class Importer(ABC):
    """One foreign format.

    Attributes:
        summary: one line for the command line's help.
    """

    summary: ClassVar[str]

    @classmethod
    @abstractmethod
    def accepts(cls, path: Path) -> bool:
        """Whether the file is of this format; looks at its name and its first bytes."""

    @abstractmethod
    def convert(self, path: Path) -> Imported:
        """Reads the file. Raises BundleError if it is damaged or not what it seems."""


def read_bytes(path: Path) -> bytes:
    """The whole file. Raises BundleError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise BundleError(
            "import.missing", f"Cannot read {str(path)!r}: {error.strerror}.", "Check the path."
        ) from error


def licence_beside(path: Path, network: str = "") -> dict[str, bytes]:
    """The licence text that lies beside a model, as a blob to carry over; empty if there is none."""
    member = f"licence/LICENSE-{network}" if network else "licence/LICENSE"
    for name in ("LICENSE", "LICENSE.txt", "LICENCE"):
        text = path.parent / name
        if text.is_file():
            return {member: text.read_bytes()}
    return {}


def licence(spdx: str, source: str, blobs: dict[str, bytes]) -> dict[str, Any]:
    """The manifest's licence section; `texts` are the members that hold the licences' words."""
    return {"spdx": spdx, "source": source, "texts": sorted(name for name in blobs if name.startswith("licence/"))}
