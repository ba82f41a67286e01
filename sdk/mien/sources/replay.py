"""Frames, or samples of sensors, of a recording made by the recorder sink."""

from __future__ import annotations

import time
from threading import TIMEOUT_MAX, Event

from mien import recording
from mien._checks import within
from mien.errors import SourceError
from mien.sources.base import Source
from mien.sources.select import existing
from mien.types import Frame, ImuWindow


class Replay(Source):
    """Replays the frames and windows of a .mrec file with their recorded times.

    Args:
        speed: 0 delivers as fast as they are read; 1 in real time, 2 twice as fast ...
    """

    def __init__(self, address: str, speed: float = 0.0) -> None:
        if not within(speed, 0, 1e6):
            raise SourceError("source.setting", f"Cannot replay at speed {speed!r}.", "Give 0 or more.")
        self._records = recording.read(existing(address))
        self._speed = speed
        self._first: tuple[int, int] | None = None
        self._closed = Event()

    @classmethod
    def accepts(cls, address: str) -> bool:
        return address.lower().endswith(".mrec")

    def read(self) -> Frame | ImuWindow | None:
        for kind, t_ns, content in self._records:
            if kind != "state":
                self._wait(t_ns)
                return content if isinstance(content, (Frame, ImuWindow)) else None
        return None

    def _wait(self, t_ns: int) -> None:
        if not self._speed:
            return
        now = time.monotonic_ns()
        self._first = self._first or (t_ns, now)
        due = self._first[1] + (t_ns - self._first[0]) / self._speed
        self._closed.wait(min(max(0.0, (due - now) / 1e9), TIMEOUT_MAX))

    def close(self) -> None:
        self._closed.set()
