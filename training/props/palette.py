"""Colours, linear RGB, and the curve that everything round is drawn with."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]

DARK, WHITE, BONE = (np.array(rgb, np.float32) for rgb in ([0.012] * 3, [0.85] * 3, [0.75, 0.68, 0.5]))
FURS = np.array(
    [[0.02, 0.018, 0.016], [0.12, 0.06, 0.03], [0.3, 0.16, 0.07], [0.45, 0.2, 0.06], [0.55, 0.42, 0.28],
     [0.75, 0.7, 0.62], [0.22, 0.21, 0.2], [0.5, 0.3, 0.26], [0.15, 0.25, 0.06]],
    np.float32,
)  # fmt: skip
HAIRS = 6  # the first of FURS are also the colours of human hair


def paint(rng: np.random.Generator, low: float = 0.05) -> F32:
    """Any paint or plastic, linear RGB."""
    hue = np.abs((rng.random() * 3 + np.array([0, 1, 2])) % 3 - 1.5) / 1.5
    strong = rng.uniform(0, 1)
    bright = math.exp(rng.uniform(math.log(low), math.log(0.85)))
    return (bright * (1 - strong + strong * hue**1.5)).astype(np.float32)


def skin_tone(rng: np.random.Generator) -> F32:
    """A person's skin, linear RGB, from the darkest to the lightest."""
    mix = rng.random()
    tone = np.array([0.07, 0.035, 0.022]) ** (1 - mix) * np.array([0.78, 0.5, 0.38]) ** mix
    return (tone * rng.uniform(0.7, 1.2)).astype(np.float32)


def arc(centre: tuple[float, float], axes: tuple[float, float], start: float, end: float) -> list[tuple[float, float]]:
    """Points on an ellipse between two angles, radians clockwise from the right."""
    return [
        (centre[0] + axes[0] * math.cos(angle), centre[1] + axes[1] * math.sin(angle))
        for angle in np.linspace(start, end, 12)
    ]
