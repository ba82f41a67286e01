"""Video files, animated GIFs included."""

from __future__ import annotations

from pathlib import Path

from mien._extras import need, quiet
from mien.errors import SourceError
from mien.sources._capture import Capture
from mien.sources.base import Source
from mien.sources.select import existing
from mien.types import Frame

SUFFIXES = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".gif", ".m4v", ".mpg", ".mpeg")
_USUAL_FPS = 25.0


class Video(Source):
    """Reads a video with OpenCV. Times are frame number / frame rate; a file that states no rate counts as 25 fps.

    A file that ends before the length that it states raises after its last good frame. Some containers only estimate
    that length, so two frames or 2 % may be missing, and where frames come at changing rates the time of the last one
    counts instead of its number. MPEG streams and GIFs state no length beforehand; a cut there goes unnoticed.

    Raises:
        SourceError: not there, not readable, or truncated.
    """

    def __init__(self, address: str) -> None:
        path = existing(address)
        cv2 = need("cv2", "Reading videos")
        self._address = address
        with quiet(cv2):
            capture = cv2.VideoCapture(str(path))
        self._capture = Capture(capture)
        if not capture.isOpened():
            raise SourceError("source.truncated", f"{address!r} is not a readable video.", "Is the file complete?")
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        has_rate = 0 < fps < 1e4
        self.fps = fps if has_rate else _USUAL_FPS
        count = int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self._length = count if count > 0 and has_rate else None  # else it was estimated from no rate
        self._next = 0
        self._position_ms = cv2.CAP_PROP_POS_MSEC
        self._closed = False

    @classmethod
    def accepts(cls, address: str) -> bool:
        return Path(address).suffix.lower() in SUFFIXES

    def read(self) -> Frame | None:
        picture = self._capture.read()
        if picture is None:
            if self._closed:
                return None
            if self._next == 0:
                raise SourceError("source.truncated", f"{self._address!r} holds no readable frame.", "Copy it again.")
            self._check_end()
            return None
        frame = Frame.of(picture, "bgr", t_ns=round(self._next * 1e9 / self.fps))
        self._next += 1
        return frame

    def _check_end(self) -> None:
        stated = self._length or 0
        reached = max(self._next, self._capture.get(self._position_ms) * 1e-3 * self.fps + 1)
        if stated - reached > max(2.0, 0.02 * stated):
            raise SourceError(
                "source.truncated", f"{self._address!r} ends after {self._next} of {stated} frames.", "Copy it again."
            )

    def close(self) -> None:
        self._closed = True
        self._capture.release()

    def length(self) -> int | None:
        return self._length
