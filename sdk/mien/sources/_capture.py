"""A video capture of OpenCV that may be let go of while another thread reads it."""

from __future__ import annotations

from threading import Event, Lock
from typing import Any

from mien.types import U8


class Capture:
    """Wraps cv2.VideoCapture, which crashes the process when it is released during a read.

    `release` returns at once: where a read is under way in another thread, that read lets go when it comes back.
    """

    def __init__(self, capture: Any) -> None:
        self._capture = capture
        self._turn = Lock()
        self._released = Event()

    def get(self, setting: int) -> float:
        """A property of the capture."""
        return float(self._capture.get(setting))

    def read(self) -> U8 | None:
        """The next picture, BGR, or None."""
        with self._turn:
            picture: U8 | None = None if self._released.is_set() else self._capture.read()[1]
        if self._released.is_set():
            self.release()
        return picture

    def release(self) -> None:
        """Lets go of the device or file; later reads give nothing."""
        self._released.set()
        if self._turn.acquire(blocking=False):
            try:
                self._capture.release()
            finally:
                self._turn.release()
