"""A video capture of OpenCV that may be let go of while another thread reads it."""

from __future__ import annotations

from collections.abc import Callable
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
        return float(self._turned(lambda: self._capture.get(setting)) or 0)

    def read(self) -> U8 | None:
        """The next picture, BGR, or None."""
        picture: U8 | None = self._turned(lambda: self._capture.read()[1])
        return picture

    def _turned(self, act: Callable[[], Any]) -> Any:
        """What `act` gives, or None once released; the lock keeps `release` out meanwhile."""
        with self._turn:
            answer = None if self._released.is_set() else act()
        if self._released.is_set():
            self.release()
        return answer

    def release(self) -> None:
        """Lets go of the device or file; later reads give nothing."""
        self._released.set()
        if self._turn.acquire(blocking=False):
            try:
                self._capture.release()
            finally:
                self._turn.release()
