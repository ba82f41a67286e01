"""mien.filters.constraints: values within 0..1, and what anatomy forbids."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mien.errors import InputError, LayoutError
from mien.filters.constraints import Constraints
from mien.layouts import ARKIT52
from mien.types import FaceState

CLOSE, OPEN = ARKIT52.index("mouthClose"), ARKIT52.index("jawOpen")


def state(changes: dict[int, float], invalid: tuple[int, ...] = ()) -> FaceState:
    values = np.full(52, 0.5, np.float32)
    valid = np.ones(52, np.bool_)
    for slot, value in changes.items():
        values[slot] = value
    valid[list(invalid)] = False
    return FaceState(0, 0, ARKIT52, values, values.copy(), valid, 1.0)


@pytest.mark.parametrize(
    ("close", "jaw", "expected"), [(0.8, 0.3, 0.3), (0.2, 0.3, 0.2), (0.3, 0.3, 0.3), (0.8, -1, 0), (2, 2, 1)]
)
def test_a_mouth_closes_no_further_than_the_jaw_is_open(close: float, jaw: float, expected: float) -> None:
    out = Constraints().apply(state({CLOSE: close, OPEN: jaw}))
    assert out["mouthClose"] == pytest.approx(expected)
    assert out["jawOpen"] == pytest.approx(min(max(jaw, 0), 1))


@given(values=st.lists(st.floats(-10, 10, width=32), min_size=52, max_size=52))
def test_valid_values_are_within_0_and_1(values: list[float]) -> None:
    out = Constraints().apply(state(dict(enumerate(values))))
    assert (out.values >= 0).all()
    assert (out.values <= 1).all()
    assert out["mouthClose"] <= out["jawOpen"]


def test_an_invalid_value_constrains_nothing_and_stays_what_it_is() -> None:
    out = Constraints().apply(state({CLOSE: 0.8, OPEN: 0.1}, invalid=(OPEN,)))
    assert out["mouthClose"] == pytest.approx(0.8)
    assert not out.valid[OPEN]


def test_pairs_of_ones_own_are_enforced() -> None:
    out = Constraints([("jawLeft", "jawRight")]).apply(state({ARKIT52.index("jawRight"): 0.1, CLOSE: 0.9, OPEN: 0.1}))
    assert out["jawLeft"] == pytest.approx(0.1)
    assert out["mouthClose"] == pytest.approx(0.9)


def test_no_pairs_only_clamp() -> None:
    assert Constraints([]).apply(state({CLOSE: 3, OPEN: 0}))["mouthClose"] == 1


def test_the_given_state_and_raw_stay_untouched() -> None:
    given = state({CLOSE: 0.8, OPEN: 0.3})
    out = Constraints().apply(given)
    assert given["mouthClose"] == out.raw[CLOSE] == pytest.approx(0.8)


def test_a_name_that_the_layout_lacks_is_an_error() -> None:
    with pytest.raises(LayoutError, match="jawDrop"):
        Constraints([("mouthClose", "jawDrop")]).apply(state({}))


def test_a_fresh_filter_has_the_same_pairs() -> None:
    fresh = Constraints([("jawLeft", "jawRight")]).fresh()
    assert fresh.apply(state({ARKIT52.index("jawRight"): 0.1}))["jawLeft"] == pytest.approx(0.1)


@pytest.mark.parametrize("pairs", [5, None, [("mouthClose",)], ("mouthClose", "jawOpen"), [1]])
def test_what_are_no_pairs_of_names_is_refused(pairs: Any) -> None:
    with pytest.raises(InputError) as refused:
        Constraints(pairs)
    assert refused.value.code == "filter.setting"
