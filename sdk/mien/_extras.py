"""Optional packages, imported when first needed."""

from __future__ import annotations

import importlib
from typing import Any

from mien.errors import MissingExtraError

_PACKAGES = {
    "cv2": ("video", "opencv-python-headless"),
    "matplotlib": ("viewer", "matplotlib"),
}


def need(module: str, purpose: str) -> Any:
    """Imports an optional module. Raises MissingExtraError, which names the pip command."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        extra, package = _PACKAGES[module.partition(".")[0]]
        raise MissingExtraError(extra, package, purpose) from error
