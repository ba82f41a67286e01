"""Draws states onto pictures, for people to look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mien._extras import need
from mien.types import U8, FaceState

_GREEN, _WHITE, _BLACK, _AMBER, _BAR = (120, 220, 90), (255, 255, 255), (0, 0, 0), (255, 180, 40), (36, 110, 60)
_SHADES = ((235, 70, 70), (90, 220, 90), (90, 140, 255))  # of the head's x, y and z
_RAY = (255, 90, 220)
_BARS = 8
_BAR_WIDTH = 172
_MIN_PANEL_WIDTH = 480


def annotate(picture: U8, states: Sequence[FaceState]) -> U8:
    """A copy of an RGB picture with what is known of each face.

    Landmarks, box, head axes and gaze rays; the strongest coefficients, action units and emotions as bars.
    """
    cv2 = need("cv2", "Drawing")
    scale = max(1, round(_MIN_PANEL_WIDTH / picture.shape[1])) if picture.shape[1] < _MIN_PANEL_WIDTH else 1
    canvas = (
        cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR) if scale > 1 else picture.copy()
    )
    for state in states:
        if not state.found:
            continue
        _face(cv2, canvas, state, scale)
    shown = [state for state in states if state.found][:2]
    for place, state in enumerate(shown):
        _panel(cv2, canvas, _strongest(state), 8 + place * (_BAR_WIDTH + 18))
    if len(shown) == 1:
        _panel(cv2, canvas, _expression(shown[0]), canvas.shape[1] - _BAR_WIDTH - 14)
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
        reach = (x1 - x0) * 0.4
        if state.head is not None:
            for axis, shade in zip(state.head.matrix()[:3, :3].T.tolist(), _SHADES, strict=True):
                _arrow(cv2, canvas, ((x0 + x1) / 2, (y0 + y1) / 2), axis, reach, shade)
        if state.gaze is not None and state.eyes is not None:
            for eye, ray in zip((state.eyes * scale).tolist(), state.gaze.tolist(), strict=True):
                _arrow(cv2, canvas, eye, ray, reach, _RAY)


def _arrow(cv2: Any, canvas: U8, start: Sequence[float], way: Sequence[float], reach: float, shade: Any) -> None:
    """From a place in the picture along a direction in camera axes."""
    tip = (round(start[0] + reach * way[0]), round(start[1] - reach * way[1]))
    cv2.arrowedLine(canvas, (round(start[0]), round(start[1])), tip, shade, 2, cv2.LINE_AA, tipLength=0.15)


def _strongest(state: FaceState) -> list[tuple[str, float]]:
    """Text and length of a bar for each of the largest valid coefficients."""
    order = np.argsort(-np.where(state.valid, state.values, -1))[:_BARS].tolist()
    return [_bar(state.layout.names[slot], float(state.values[slot])) for slot in order if state.valid[slot]]


def _expression(state: FaceState) -> list[tuple[str, float]]:
    """The same for the strongest emotions and action units; the bars of valence and arousal begin at -1."""
    rows: list[tuple[str, float]] = []
    for named in (state.emotion, state.aus):
        rows += [_bar(*pair) for pair in sorted((named or {}).items(), key=lambda pair: -pair[1])[:3]]
    if state.valence is not None and state.arousal is not None:
        rows += [(f"{state.valence:+.2f} valence", (1 + state.valence) / 2)]
        rows += [(f"{state.arousal:+.2f} arousal", (1 + state.arousal) / 2)]
    return rows


def _bar(name: str, value: float) -> tuple[str, float]:
    return f"{value:.2f} {name}", value


def _panel(cv2: Any, canvas: U8, rows: Sequence[tuple[str, float]], left: int) -> None:
    if not rows:
        return
    top = canvas.shape[0] - 14 - 15 * len(rows)  # below: faces stand in the upper part of most pictures
    shade = canvas[max(0, top) : top + 8 + 15 * len(rows), max(0, left - 4) : left + _BAR_WIDTH + 6]
    shade //= 3
    for row, (text, length) in enumerate(rows):
        y = top + 14 + 15 * row
        cv2.rectangle(canvas, (left, y - 9), (left + round(_BAR_WIDTH * length), y + 2), _BAR, -1)
        _text(cv2, canvas, text, (left + 4, y), 0.36)


def _text(cv2: Any, canvas: U8, text: str, at: tuple[int, int], size: float) -> None:
    cv2.putText(canvas, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, _BLACK, 3, cv2.LINE_AA)
    cv2.putText(canvas, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, _WHITE, 1, cv2.LINE_AA)
