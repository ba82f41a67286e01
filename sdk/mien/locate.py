"""Finds bundles: by path, or by the name of one that ships with mien."""

from __future__ import annotations

import os
from pathlib import Path

from mien.errors import BundleError

_MODELS = Path(__file__).parent / "models"


def shipped() -> list[str]:
    """The names of the bundles that ship with mien, sorted."""
    return sorted(path.stem for path in _MODELS.glob("*.mien"))


def film() -> Path:
    """The performance that ships with mien."""
    return Path(__file__).parent / "data" / "performance.mp4"


def drawing() -> Path:
    """The character file of the drawn cat that ships with mien."""
    return Path(__file__).parent / "data" / "cat.toml"


def locate(model: str | os.PathLike[str]) -> Path:
    """The file of a bundle.

    Args:
        model: path of a .mien file, or the name of a bundle that ships with mien.

    Raises:
        BundleError: it is neither. Whether the file exists is left to whoever opens it.
    """
    try:
        path = Path(model)
        if path.suffix == ".mien" or path.is_file():
            return path
        if str(path) in shipped():
            return _MODELS / f"{path}.mien"
    except (TypeError, ValueError, OSError) as error:
        raise BundleError(
            "bundle.missing", f"{model!r} is not a path ({error}).", "Give the path of a .mien file."
        ) from error
    raise BundleError(
        "bundle.unknown",
        f"There is no bundle {str(model)!r}; with mien come: {', '.join(shipped()) or 'none'}.",
        "Give the path of a .mien file; `mien import` makes one from a public model.",
    )


def beside(path: Path, name: str) -> Path:
    """The bundle that another one refers to by name: its neighbour in the same folder, or else the shipped one.

    Raises:
        BundleError: `name` is not a plain name, or there is no such bundle.
    """
    if not (name.isascii() and name.replace("-", "").replace("_", "").isalnum()):
        raise BundleError("bundle.path", f"{path} refers to {name!r}, which is not the name of a bundle.", "")
    for folder in (path.parent, _MODELS):
        if (found := folder / f"{name}.mien").is_file():
            return found
    raise BundleError(
        "bundle.missing",
        f"{path} needs the bundle {name!r}, which is neither beside it nor among those that come with mien.",
        f"Put {name}.mien into the same folder.",
    )
