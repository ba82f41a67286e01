"""Grain: the texture from which the skin shader takes pores, freckles, strands and clouds, a channel for each."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def noise_texture(size: int = 256) -> npt.NDArray[np.uint8]:
    """Tiled noise made in the frequency domain, with a power law or stretched: uint8 (size, size, 4), evenly spread."""
    rng = np.random.default_rng(5)
    fy, fx = np.meshgrid(np.fft.fftfreq(size) * size, np.fft.fftfreq(size) * size, indexing="ij")
    filters = [
        1 / (1 + (np.hypot(fx, fy) / 60) ** 2),
        np.exp(-(((np.hypot(fx, fy) - 26) / 10) ** 2)),
        1 / (1 + (fx / 60) ** 2) / (1 + (fy / 6) ** 2),
        1 / (1 + (np.hypot(fx, fy) / 5) ** 2.4),
    ]
    out = np.empty((size, size, 4), np.uint8)
    for k, gain in enumerate(filters):
        field = np.fft.ifft2(np.fft.fft2(rng.standard_normal((size, size))) * gain).real
        rank = field.ravel().argsort().argsort().reshape(size, size)  # an even spread of values
        out[..., k] = (rank / rank.size * 255).astype(np.uint8)
    return out
