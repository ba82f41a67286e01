"""Sampling "8bit": what OpenCV's 8-bit warps did up to 4.10, written out here in whole numbers by numpy."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from mien import _native

SIDE = 96


def smooth_picture() -> npt.NDArray[np.uint8]:
    """A picture without noise: positions that round the other way then change a sample by little."""
    y, x = np.mgrid[0:120, 0:160]
    waves = [128 + 120 * np.sin(x / (9 + c) + c) * np.cos(y / (11 - c)) for c in range(3)]
    return np.stack(waves, axis=2).round().astype(np.uint8)


def whole_number_warp(
    picture: npt.NDArray[np.uint8], affine: npt.NDArray[np.float64], border: str
) -> npt.NDArray[np.int64]:
    v, u = np.mgrid[0:SIDE, 0:SIDE]
    x, y = (np.rint(32 * (row[0] * u + row[1] * v + row[2])).astype(np.int64) for row in affine)
    x0, y0, fx, fy = x >> 5, y >> 5, (x & 31)[..., None], (y & 31)[..., None]
    height, width = picture.shape[:2]

    def tap(tx: npt.NDArray[np.int64], ty: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        value = picture[np.clip(ty, 0, height - 1), np.clip(tx, 0, width - 1)].astype(np.int64)
        inside = (tx >= 0) & (tx < width) & (ty >= 0) & (ty < height)
        return value if border == "replicate" else value * inside[..., None]

    total = (
        tap(x0, y0) * (32 - fx) * (32 - fy)
        + tap(x0 + 1, y0) * fx * (32 - fy)
        + tap(x0, y0 + 1) * (32 - fx) * fy
        + tap(x0 + 1, y0 + 1) * fx * fy
    )
    return (total + 512) >> 10


def sampled(picture: npt.NDArray[np.uint8], affine: npt.NDArray[np.float64], border: str) -> npt.NDArray[np.float32]:
    spec = _native.TensorSpec(SIDE, SIDE, "float32", "nhwc", "rgb", border, [1.0] * 3, [0.0] * 3, 1.0, 0, "8bit")
    out = np.empty(spec.shape, np.float32)
    _native.image_to_tensor(_native.Image("rgb", 160, 120, [picture]), affine, spec, out)
    return out[0]


@pytest.mark.parametrize("border", ["replicate", "constant"])
@pytest.mark.parametrize("degrees", [0, 13, -77, 160])
@pytest.mark.parametrize("scale", [0.31, 1.0, 1.7])
def test_samples_are_those_of_the_whole_number_warp(border: str, degrees: int, scale: float) -> None:
    cos, sin = scale * math.cos(math.radians(degrees)), scale * math.sin(math.radians(degrees))
    affine = np.array([[cos, -sin, 80 - 48 * (cos - sin)], [sin, cos, 60 - 48 * (sin + cos)]])
    ours = sampled(smooth_picture(), affine, border)
    reference = whole_number_warp(smooth_picture(), affine, border)
    # Positions are float32 here and float64 there: one in a few hundred rounds to the neighbouring 1/32 pixel.
    assert (ours != reference).mean() < 0.01
    away_from_the_border = np.abs(ours - reference).max() if border == "replicate" else 0
    assert away_from_the_border <= 2


def test_whole_positions_copy_pixels() -> None:
    picture = smooth_picture()
    ours = sampled(picture, np.array([[1.0, 0, 7], [0, 1.0, 3]]), "replicate")
    np.testing.assert_array_equal(ours, picture[3 : 3 + SIDE, 7 : 7 + SIDE])


def test_samples_are_whole_numbers_and_fine_ones_are_not() -> None:
    affine = np.array([[0.37, 0.1, 20], [-0.1, 0.37, 30.0]])
    rounded = sampled(smooth_picture(), affine, "replicate")
    assert np.array_equal(rounded, np.rint(rounded))
    spec = _native.TensorSpec(SIDE, SIDE, "float32", "nhwc", "rgb", "replicate", [1.0] * 3, [0.0] * 3)
    fine = np.empty(spec.shape, np.float32)
    _native.image_to_tensor(_native.Image("rgb", 160, 120, [smooth_picture()]), affine, spec, fine)
    assert not np.array_equal(fine, np.rint(fine))
    assert np.abs(fine[0] - rounded).max() < 4
