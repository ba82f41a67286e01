"""A table: one row per face and frame; empty cells where nothing was measured."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path

from mien.layouts import layout
from mien.sinks._files import opening, writing
from mien.sinks.base import Sink
from mien.types import FaceState, Frame, ImuWindow

_HEAD = ("head_qx", "head_qy", "head_qz", "head_qw", "head_x_m", "head_y_m", "head_z_m")


class Csv(Sink):
    """Columns: t_ns, id, confidence, the coefficients in the given layout, head quaternion and translation.

    Then what else the first face has: extras, `visibility_<region>`, `gaze_<left|right>_<x|y|z>`, `au_<name>`,
    `emotion_<name>`, valence, arousal, unknown.
    """

    def __init__(self, address: str, names: str = "arkit52") -> None:
        self._layout = layout(names)
        with opening(address):
            self._file = Path(address).open("w", newline="", encoding="utf-8")  # noqa: SIM115 (closed by close)
        self._address = address
        self._writer = csv.writer(self._file)
        self._more: list[str] | None = None  # known with the first face

    def put(self, states: Sequence[FaceState], frame: Frame | ImuWindow | None = None) -> None:
        with writing(self._address):
            for state in states:
                self._row(state if state.layout == self._layout else state.to(self._layout))

    def _row(self, state: FaceState) -> None:
        more = _more(state)
        if self._more is None:
            self._begin(list(more))
        values = [f"{value:.6f}" if ok else "" for value, ok in zip(state.values.tolist(), state.valid, strict=True)]
        head = (*state.head.rotation, *state.head.translation) if state.head else [math.nan] * len(_HEAD)
        measured = [*head, *(more.get(name, math.nan) for name in self._more or ())]
        cells = ["" if math.isnan(value) else f"{value:.6f}" for value in measured]
        self._writer.writerow([state.t_ns, state.id, f"{state.confidence:.6f}", *values, *cells])

    def _begin(self, more: list[str]) -> None:
        self._more = more
        self._writer.writerow(["t_ns", "id", "confidence", *self._layout.names, *_HEAD, *more])

    def close(self) -> None:
        with writing(self._address):
            if self._more is None and not self._file.closed:
                self._begin([])  # nobody came
            self._file.close()


def _more(state: FaceState) -> dict[str, float]:
    """What only some bundles measure, by column."""
    named = (("", state.extras), ("visibility_", state.visibility), ("au_", state.aus), ("emotion_", state.emotion))
    columns = {f"{prefix}{name}": value for prefix, found in named for name, value in (found or {}).items()}
    if state.gaze is not None:
        columns |= {
            f"gaze_{eye}_{axis}": float(state.gaze[row, column])
            for row, eye in enumerate(("left", "right"))
            for column, axis in enumerate("xyz")
        }
    alone = {"valence": state.valence, "arousal": state.arousal, "unknown": state.unknown}
    return columns | {name: value for name, value in alone.items() if value is not None}
