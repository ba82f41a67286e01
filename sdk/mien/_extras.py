"""Optional packages, imported when first needed."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from mien.errors import MissingExtraError

_PACKAGES = {
    "cv2": ("video", "opencv-python-headless"),
    "matplotlib": ("viewer", "matplotlib"),
    "serial": ("serial", "pyserial"),
}


def need(module: str, purpose: str) -> Any:
    """Imports an optional module. Raises MissingExtraError, which names the pip command."""
    if module == "cv2":
        # FFmpeg inside OpenCV reports to stderr what the SDK raises; a level that the host chose stays.
        os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    try:
        return importlib.import_module(module)
    except ImportError as error:
        extra, package = _PACKAGES[module.partition(".")[0]]
        raise MissingExtraError(extra, package, purpose) from error


class _Quiet:
    """Who asked OpenCV to be silent, and its level before."""

    lock = Lock()
    users = 0
    level = 0


@contextmanager
def quiet(cv2: Any) -> Iterator[None]:
    """Keeps OpenCV from reporting to stderr what the SDK raises; the last to leave restores the host's level."""
    logging = cv2.utils.logging
    with _Quiet.lock:
        _Quiet.users += 1
        if _Quiet.users == 1:
            _Quiet.level = logging.getLogLevel()
            logging.setLogLevel(logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        with _Quiet.lock:
            _Quiet.users -= 1
            if _Quiet.users == 0:
                logging.setLogLevel(_Quiet.level)
