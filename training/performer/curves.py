"""Smooth curves through time: uniform cubic B-splines, whose second derivative is continuous as a body's motion is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.performer.mesh import F32

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Curve:
    """Control values (N, D) `step` seconds apart, the second at time 0; constant beyond its ends."""

    values: npt.NDArray[np.floating]
    step: float

    def at(self, seconds: F64) -> F64:
        """Values (T, D)."""
        place = seconds / self.step
        index = np.floor(place).astype(np.intp)
        t = (place - index)[:, None]
        weights = (
            (1 - t) ** 3 / 6,
            (3 * t**3 - 6 * t**2 + 4) / 6,
            (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6,
            t**3 / 6,
        )
        last = len(self.values) - 1
        out = weights[0] * self.values[np.clip(index, 0, last)]
        for k in (1, 2, 3):
            out = out + weights[k] * self.values[np.clip(index + k, 0, last)]
        return np.asarray(out)


def smooth(values: F32, rate: float, sigma: float) -> Curve:
    """A curve through samples (T, D) at `rate` Hz, smoothed by a Gaussian of `sigma` seconds.

    Recorded takes are 30 Hz, joined by straight lines; skin has inertia, and its acceleration no spikes.
    """
    width = int(np.ceil(3 * sigma * rate))
    kernel = np.exp(-0.5 * (np.arange(-width, width + 1) / (sigma * rate)) ** 2)
    kernel /= kernel.sum()
    padded = np.concatenate([np.repeat(values[:1], width, 0), values, np.repeat(values[-1:], width, 0)])
    out = np.zeros(values.shape, np.float64)
    for k, weight in enumerate(kernel):
        out += weight * padded[k : k + len(values)]
    return Curve(np.concatenate([out[:1], out]), 1 / rate)
