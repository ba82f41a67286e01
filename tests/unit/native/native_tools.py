"""What the tests of the native core share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from mien import _native
from mien.errors import MienError
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
IDENTITY = np.array([[1.0, 0, 0], [0, 1.0, 0]])
LEVELS = _native.simd_available()


@contextmanager
def simd(level: str) -> Iterator[None]:
    """Runs a block with another instruction set."""
    before = _native.simd_active()
    _native.simd_select(level)
    try:
        yield
    finally:
        _native.simd_select(before)


@contextmanager
def raises(code: str) -> Iterator[None]:
    """Expects a MienError with this code."""
    with pytest.raises(MienError) as caught:
        yield
    assert caught.value.code == code


def rotation_matrix(xyzw: tuple[float, float, float, float]) -> NDArray[np.float64]:
    """The matrix of a unit quaternion."""
    x, y, z, w = xyzw
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def spec(width: int, height: int, **changes: Any) -> _native.TensorSpec:
    """A request for plain 0..255 values unless changed."""
    channels = 1 if changes.get("color") == "gray" else 3
    settings = {
        "dtype": "float32",
        "layout": "nchw",
        "color": "rgb",
        "border": "replicate",
        "scale": [1.0] * channels,
        "bias": [0.0] * channels,
    }
    return _native.TensorSpec(width, height, **(settings | changes))


def run(image: _native.Image, affine: NDArray[np.float64], request: _native.TensorSpec) -> NDArray[Any]:
    """The tensor, in a new array."""
    out = np.zeros(request.shape, request.dtype)
    _native.image_to_tensor(image, affine, request, out)
    return out


def random_image(rng: np.random.Generator, name: str, width: int, height: int) -> _native.Image:
    """Noise with random row padding."""

    def plane(rows: int, row_bytes: int) -> Bytes:
        return rng.integers(0, 256, (rows, row_bytes + int(rng.integers(0, 20))), dtype=np.uint8)[:, :row_bytes]

    if name in ("nv12", "nv21"):
        planes = [plane(height, width), plane(height // 2, width)]
    else:
        planes = [plane(height, width * {"gray8": 1, "yuyv": 2}.get(name, len(name)))]
    matrix, extent = str(rng.choice(["bt601", "bt709"])), str(rng.choice(["limited", "full"]))
    return _native.Image(name, width, height, planes, matrix, extent)
