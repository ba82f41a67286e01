"""mien.filters.hold: a coefficient that is lost for a moment keeps its last value, and says so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from mien.errors import InputError
from mien.filters.hold import Hold
from mien.layouts import ARKIT52, layout
from mien.types import FaceState
from models import MS


def state(t_ns: int, value: float, valid: bool | np.ndarray = True, stale: bool = False) -> FaceState:
    values = np.full(52, value, np.float32)
    return FaceState(t_ns, 0, ARKIT52, values, values, np.broadcast_to(valid, 52).copy(), 1.0, stale=stale)


def test_a_valid_state_passes_unchanged() -> None:
    out = Hold().apply(state(0, 0.4))
    assert (out["jawOpen"], out.stale) == (pytest.approx(0.4), False)


def test_a_short_gap_is_bridged_and_marked_stale() -> None:
    hold = Hold(0.3)
    hold.apply(state(0, 0.4))
    out = hold.apply(state(300 * MS, 0.0, valid=False))
    assert out["jawOpen"] == pytest.approx(0.4)
    assert out.valid.all()
    assert out.stale


def test_after_the_time_is_over_nothing_is_valid_nor_stale() -> None:
    hold = Hold(0.3)
    hold.apply(state(0, 0.4))
    out = hold.apply(state(301 * MS, 0.0, valid=False))
    assert not out.valid.any()
    assert not out.stale


def test_each_coefficient_is_bridged_for_itself() -> None:
    hold, half = Hold(0.3), np.arange(52) < 26
    hold.apply(state(0, 0.4))
    hold.apply(state(200 * MS, 0.8, valid=half))
    out = hold.apply(state(400 * MS, 0.0, valid=False))
    np.testing.assert_array_equal(out.valid, half)
    np.testing.assert_allclose(out.values[half], 0.8)


def test_a_gap_that_ends_is_over() -> None:
    hold = Hold(0.3)
    hold.apply(state(0, 0.4))
    hold.apply(state(100 * MS, 0.0, valid=False))
    out = hold.apply(state(200 * MS, 0.9))
    assert (out["jawOpen"], out.stale) == (pytest.approx(0.9), False)


def test_nothing_seen_yet_cannot_be_bridged() -> None:
    out = Hold().apply(state(0, 0.7, valid=False))
    assert not out.valid.any()
    assert not out.stale


def test_a_stale_state_stays_stale() -> None:
    assert Hold().apply(state(0, 0.4, stale=True)).stale


def test_the_given_state_and_raw_stay_untouched() -> None:
    hold, gap = Hold(), state(MS, 0.0, valid=False)
    hold.apply(state(0, 0.4))
    out = hold.apply(gap)
    assert not gap.valid.any()
    assert not gap.values.any()
    assert not out.raw.any()


def test_a_fresh_filter_has_no_memory() -> None:
    hold = Hold(0.3)
    hold.apply(state(0, 0.4))
    assert not hold.fresh().apply(state(MS, 0.0, valid=False)).valid.any()


def test_a_change_of_the_number_of_coefficients_begins_anew() -> None:
    hold = Hold(0.3)
    hold.apply(state(0, 0.4))
    other = state(MS, 0.0, valid=False).to(layout("arkit52"))
    assert hold.apply(other).valid.all()
    three = FaceState(2 * MS, 0, ARKIT52, np.zeros(3, np.float32), np.zeros(3, np.float32), np.zeros(3, np.bool_), 1.0)
    assert not hold.apply(three).valid.any()


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf"), 1e7, "x", None, True])
def test_an_impossible_time_is_refused(seconds: Any) -> None:
    with pytest.raises(InputError) as refused:
        Hold(seconds)
    assert refused.value.code == "filter.setting"
