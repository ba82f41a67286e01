"""Chooses the importer for a file and writes the bundle."""

from __future__ import annotations

import os
from pathlib import Path

from mien import registry
from mien._checks import as_path
from mien.bundle import Bundle
from mien.errors import BundleError
from mien.importers.base import Importer
from mien.sinks._files import check_distinct


def import_model(
    path: str | os.PathLike[str], out: str | os.PathLike[str], kind: str | None = None, key: bytes | None = None
) -> Path:
    """Converts a public model into a bundle.

    Args:
        kind: an importer's name; default: the first that accepts the file.
        key: Ed25519 private key to sign with.

    Returns:
        The path of `out`.

    Raises:
        BundleError: no importer takes the file, or it is damaged. SinkError: `out` is the model itself.
    """
    path, out = as_path(path, BundleError, "import.missing"), as_path(out, BundleError, "bundle.write")
    if not path.is_file():
        raise BundleError("import.missing", f"There is no file {str(path)!r}.", "Check the path.")
    check_distinct([out], [path])
    if kind is not None:
        importer = registry.find("importers", kind, Importer)
    else:
        for importer in registry.every("importers", Importer):
            if importer.accepts(path):
                break
        else:
            raise BundleError(
                "import.unknown",
                f"No importer takes {str(path)!r}.",
                "Describe an ONNX model in a .toml file and import that; see docs/importing.md.",
            )
    imported = importer().convert(path)
    Bundle.write(out, imported.manifest, imported.blobs, key)
    return out
