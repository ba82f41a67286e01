"""Video files, animated GIFs included."""

from __future__ import annotations

from pathlib import Path

from mien._extras import need
from mien.errors import SourceError
from mien.sources._capture import Capture
from mien.sources.base import Source
from mien.sources.select import existing
from mien.types import Frame

SUFFIXES = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".gif", ".m4v", ".mpg", ".mpeg")
_USUAL_FPS = 25.0


class Video(Source):
    """Reads a video with OpenCV. Times are frame number / frame rate; a file that states no rate counts as 25 fps."""

    def __init__(self, address: str) -> None:
        path = existing(address)
        cv2 = need("cv2", "Reading videos")
        self._address = address
        capture = cv2.VideoCapture(str(path))
        self._capture = Capture(capture)
        if not capture.isOpened():
            raise SourceError("source.truncated", f"{address!r} is not a readable video.", "Is the file complete?")
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        self.fps = fps if 0 < fps < 1e4 else _USUAL_FPS
        count = int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self._length = count if count > 0 else None
        self._next = 0

    @classmethod
    def accepts(cls, address: str) -> bool:
        return Path(address).suffix.lower() in SUFFIXES

    def read(self) -> Frame | None:
        picture = self._capture.read()
        if picture is None:
            if self._next == 0:
                raise SourceError("source.truncated", f"{self._address!r} holds no readable frame.", "Copy it again.")
            return None
        frame = Frame.of(picture, "bgr", t_ns=round(self._next * 1e9 / self.fps))
        self._next += 1
        return frame

    def close(self) -> None:
        self._capture.release()

    def length(self) -> int | None:
        return self._length
