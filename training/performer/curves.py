"""Curves through sampled coefficients."""

from __future__ import annotations

import numpy as np
from mien.kinematics import Curve

from training.performer.mesh import F32


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
