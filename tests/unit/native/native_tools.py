"""What the tests of the native core share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from mien import _native
from mien.errors import MienError
from numpy.typing import NDArray

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
