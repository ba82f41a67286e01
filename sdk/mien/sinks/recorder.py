"""Records frames and states so that they can be replayed, and survives being killed."""

from __future__ import annotations

from collections.abc import Sequence

from mien.recording import Writer
from mien.sinks.base import Sink
from mien.types import FaceState, Frame, ImuWindow


class Recorder(Sink):
    """Writes a .mrec file; `mien.recording` describes it."""

    def __init__(self, address: str) -> None:
        self._writer = Writer(address)

    def put(self, states: Sequence[FaceState], frame: Frame | ImuWindow | None = None) -> None:
        if isinstance(frame, ImuWindow):
            self._writer.window(frame)
        elif frame is not None:
            self._writer.frame(frame)
        for state in states:
            self._writer.state(state)

    def close(self) -> None:
        self._writer.close()
