"""Where the assets lie."""

from __future__ import annotations

import os
from pathlib import Path

from training.errors import TrainingError

ROOT = Path(__file__).resolve().parent.parent


def shared() -> Path:
    """The folder with the shared assets: the variable MIEN_SHARED, else `../shared` beside the repository."""
    return Path(os.environ.get("MIEN_SHARED", ROOT.parent / "shared"))


def asset(*parts: str) -> Path:
    """A file or folder below `shared()`.

    Raises:
        TrainingError: it is not there.
    """
    path = shared().joinpath(*parts)
    if not path.exists():
        raise TrainingError(
            "asset.missing",
            f"{'/'.join(parts)} is not in {shared()}.",
            "Set MIEN_SHARED to the folder that holds data/ and facts/, or follow docs/training.md to fetch them.",
        )
    return path
