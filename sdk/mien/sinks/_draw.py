"""Draws states onto pictures, for people to look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mien._extras import need
from mien.types import U8, FaceState

_GREEN, _WHITE, _BLACK, _AMBER, _BAR = (120, 220, 90), (255, 255, 255), (0, 0, 0), (255, 180, 40), (36, 110, 60)
_AXES = (((1.0, 0.0, 0.0), (235, 70, 70)), ((0.0, 1.0, 0.0), (90, 220, 90)), ((0.0, 0.0, 1.0), (90, 140, 255)))
_BARS = 8
_MIN_PANEL_WIDTH = 480


def annotate(picture: U8, states: Sequence[FaceState]) -> U8:
    """A copy of an RGB picture with landmarks, boxes, head axes and the strongest coefficients of each face."""
    cv2 = need("cv2", "Drawing")
    scale = max(1, round(_MIN_PANEL_WIDTH / picture.shape[1])) if picture.shape[1] < _MIN_PANEL_WIDTH else 1
    canvas = (
        cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR) if scale > 1 else picture.copy()
    )
    for state in states:
        if not state.found:
            continue
        _face(cv2, canvas, state, scale)
    for place, state in enumerate(s for s in states if s.found and s.valid.any()):
        if place < 2:
            _panel(cv2, canvas, state, place)
    return np.asarray(canvas, np.uint8)


def _face(cv2: Any, canvas: U8, state: FaceState, scale: int) -> None:
    colour = _AMBER if state.stale else _GREEN
    if state.landmarks is not None:
        span = float(np.ptp(state.landmarks[:, 0])) * scale
        radius = round(span / 260) if len(state.landmarks) > 100 else max(1, round(span / 60))
        for x, y in (state.landmarks[:, :2] * scale).tolist():
            cv2.circle(canvas, (round(x), round(y)), radius, colour, -1)
    if state.box is not None:
        x0, y0, x1, y1 = (round(v * scale) for v in state.box)
        cv2.rectangle(canvas, (x0, y0), (x1, y1), colour, 1, cv2.LINE_AA)
        _text(cv2, canvas, f"#{state.id} {state.confidence:.2f}", (x0, max(12, y0 - 5)), 0.42)
        if state.head is not None:
            matrix = state.head.matrix()[:3, :3]
            cx, cy, reach = (x0 + x1) / 2, (y0 + y1) / 2, (x1 - x0) * 0.4
            for axis, shade in _AXES:
                x, y, _ = matrix @ np.array(axis)
                tip = (round(cx + reach * x), round(cy - reach * y))
                cv2.arrowedLine(canvas, (round(cx), round(cy)), tip, shade, 2, cv2.LINE_AA, tipLength=0.15)


def _panel(cv2: Any, canvas: U8, state: FaceState, place: int) -> None:
    strongest = np.argsort(-np.where(state.valid, state.values, -1))[:_BARS]
    left = 8 + place * 190
    top = canvas.shape[0] - 14 - 15 * _BARS  # below: faces stand in the upper part of most pictures
    shade = canvas[top : top + 8 + 15 * _BARS, left - 4 : left + 178]
    shade //= 3
    for row, slot in enumerate(strongest.tolist()):
        y = top + 14 + 15 * row
        length = round(172 * float(state.values[slot]))
        cv2.rectangle(canvas, (left, y - 9), (left + length, y + 2), _BAR, -1)
        _text(cv2, canvas, f"{state.values[slot]:.2f} {state.layout.names[slot]}", (left + 4, y), 0.36)


def _text(cv2: Any, canvas: U8, text: str, at: tuple[int, int], size: float) -> None:
    cv2.putText(canvas, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, _BLACK, 3, cv2.LINE_AA)
    cv2.putText(canvas, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, _WHITE, 1, cv2.LINE_AA)
