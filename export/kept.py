"""What is kept on disk between two exports: files that are whole or not there, keyed by what they are made of."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from export.errors import ExportError


def keep(path: Path, write: Callable[[Path], Any]) -> None:
    """Writes a file whole or not at all.

    Raises:
        ExportError: ``export.write``, the disk is full or the folder cannot be written.
    """
    part = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(part)
        part.replace(path)
    except OSError as error:
        raise ExportError(
            "export.write", f"{path} cannot be written: {error.strerror or error}.", "Free some space; run it again."
        ) from error
    finally:
        part.unlink(missing_ok=True)
