"""points_box: the hull of landmarks, refused if any coordinate is not finite."""

from __future__ import annotations

import mien
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from mien import _native

COORDINATES = st.floats(-1e6, 1e6, width=32)


@given(hnp.arrays(np.float32, st.tuples(st.integers(1, 70), st.sampled_from([2, 3])), elements=COORDINATES))
def test_the_hull_is_that_of_numpy(points: np.ndarray) -> None:
    box = _native.points_box(points)
    assert box == (*points[:, :2].min(axis=0), *points[:, :2].max(axis=0))


@pytest.mark.parametrize("place", [(0, 0), (3, 1), (5, 2)])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_coordinate_that_is_not_finite_is_refused(place: tuple[int, int], value: float) -> None:
    points = np.zeros((6, 3), np.float32)
    points[place] = value
    with pytest.raises(mien.InputError) as caught:
        _native.points_box(points)
    assert caught.value.code == "value.not_finite"


def test_no_points_have_no_hull() -> None:
    with pytest.raises(mien.InputError) as caught:
        _native.points_box(np.zeros((0, 3), np.float32))
    assert caught.value.code == "native.argument"
