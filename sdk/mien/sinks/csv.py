"""A table: one row per face and frame; empty cells where nothing was measured."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from mien.layouts import layout
from mien.sinks._files import opening, writing
from mien.sinks.base import Sink
from mien.types import FaceState, Frame

_HEAD = ("head_qx", "head_qy", "head_qz", "head_qw", "head_x_m", "head_y_m", "head_z_m")


class Csv(Sink):
    """Columns: t_ns, id, confidence, the coefficients in the given layout, head quaternion and translation."""

    def __init__(self, address: str, names: str = "arkit52") -> None:
        self._layout = layout(names)
        with opening(address):
            self._file = Path(address).open("w", newline="", encoding="utf-8")  # noqa: SIM115 (closed by close)
        self._address = address
        self._writer = csv.writer(self._file)
        self._writer.writerow(["t_ns", "id", "confidence", *self._layout.names, *_HEAD])

    def put(self, states: Sequence[FaceState], frame: Frame | None = None) -> None:
        for given in states:
            state = given if given.layout == self._layout else given.to(self._layout)
            values = [
                f"{value:.6f}" if ok else "" for value, ok in zip(state.values.tolist(), state.valid, strict=True)
            ]
            head = (*state.head.rotation, *state.head.translation) if state.head else ()
            row = [state.t_ns, state.id, f"{state.confidence:.6f}", *values]
            with writing(self._address):
                self._writer.writerow([*row, *(f"{v:.6f}" for v in head)] if head else [*row, *[""] * len(_HEAD)])

    def close(self) -> None:
        with writing(self._address):
            self._file.close()
