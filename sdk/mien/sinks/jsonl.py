"""JSON lines: one line per frame with all its faces; to a file or, for "-", to standard output."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from mien.sinks._files import opening, writing
from mien.sinks.base import Sink
from mien.types import FaceState, Frame, ImuWindow


class JsonLines(Sink):
    """Each line: ``{"t_ns": ..., "faces": [...]}``, a face as `FaceState.to_dict` gives it; flushed line by line."""

    def __init__(self, address: str, landmarks: bool = False) -> None:
        self._address = address
        self._landmarks = landmarks
        self._own = address != "-"
        with opening(address):
            self._file = Path(address).open("w", encoding="utf-8") if self._own else sys.stdout  # noqa: SIM115

    def put(self, states: Sequence[FaceState], frame: Frame | ImuWindow | None = None) -> None:
        t_ns = frame.span_ns[1] if frame is not None else states[0].t_ns if states else None
        line = {"t_ns": t_ns, "faces": [state.to_dict(self._landmarks) for state in states]}
        text = json.dumps(line) + "\n"
        with writing(self._address):
            self._file.write(text)
            self._file.flush()

    def close(self) -> None:
        if self._own:
            with writing(self._address):
                self._file.close()
