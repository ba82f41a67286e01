"""One-Euro, hold and constraints against plain Python, and their refusals."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mien import _native
from native_tools import LEVELS, raises, simd
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass
class PlainEuro:
    """Casiez et al. 2012, one value at a time; the derivative between raw values, or that from the filtered one."""

    min_cutoff: float
    beta: float
    derivative_cutoff: float
    catch_up: bool = False
    last: tuple[float, float, float, float] | None = None  # time, raw, smooth, speed

    def __call__(self, t: float, x: float, value_scale: float = 1.0) -> float:
        if self.last is None:
            self.last = (t, x, x, 0.0)
            return x
        before, raw, smooth, speed = self.last
        dt = t - before

        def alpha(cutoff: float) -> float:
            return 1 / (1 + 1 / (2 * math.pi * cutoff) / dt)

        a = alpha(self.derivative_cutoff)
        speed = a * (x - (smooth if self.catch_up else raw)) * value_scale / dt + (1 - a) * speed
        a = alpha(self.min_cutoff + self.beta * abs(speed) ** (2 if self.catch_up else 1))
        smooth = a * x + (1 - a) * smooth
        self.last = (t, x, smooth, speed)
        return smooth


def euro(
    count: int, min_cutoff: float = 1.0, beta: float = 0.5, derivative_cutoff: float = 1.0, catch_up: bool = False
) -> _native.OneEuro:
    cutoffs, betas = np.full(count, min_cutoff, np.float32), np.full(count, beta, np.float32)
    return _native.OneEuro(cutoffs, betas, derivative_cutoff, catch_up=catch_up)


@given(
    seed=st.integers(0, 2**32 - 1),
    min_cutoff=st.floats(0.01, 10),
    beta=st.floats(0, 100),
    derivative_cutoff=st.floats(0.1, 5),
    value_scale=st.floats(0, 2),
    catch_up=st.booleans(),
)
def test_one_euro_agrees_with_plain_python_at_uneven_times(
    seed: int, min_cutoff: float, beta: float, derivative_cutoff: float, value_scale: float, catch_up: bool
) -> None:
    rng = np.random.default_rng(seed)
    native = euro(3, min_cutoff, beta, derivative_cutoff, catch_up)
    plain = [PlainEuro(min_cutoff, beta, derivative_cutoff, catch_up) for _ in range(3)]
    out, t = np.zeros(3, np.float32), 0
    for _ in range(30):
        t += int(rng.integers(1_000_000, 100_000_000))
        values = rng.normal(0, 1, 3).astype(np.float32)
        native.apply(t, values, out, value_scale=value_scale)
        expected = [f(t * 1e-9, float(x), value_scale) for f, x in zip(plain, values, strict=True)]
        assert np.allclose(out, expected, atol=2e-4)


def test_an_invalid_value_passes_and_its_time_step_stays_true() -> None:
    filtered, plain, out = euro(2), PlainEuro(1.0, 0.5, 1.0), np.zeros(2, np.float32)
    for frame in range(20):
        values = np.array([math.sin(frame * 0.5), frame], np.float32)
        valid = np.array([frame % 3 != 1, True])
        filtered.apply(frame * 33_000_000, values, out, valid)
        if valid[0]:
            assert math.isclose(out[0], plain(frame * 0.033, float(values[0])), abs_tol=1e-4)
        else:
            assert out[0] == values[0]


def test_a_settling_filter_is_the_mean_of_what_it_has_seen_until_the_paper_s_weighs_more() -> None:
    rng = np.random.default_rng(5)
    values = rng.normal(0, 1, (40, 1)).astype(np.float32)
    settling = _native.OneEuro(np.full(1, 1.0, np.float32), np.zeros(1, np.float32), 1.0, settle=True)
    out, seen = np.zeros(1, np.float32), []
    for frame, value in enumerate(values):
        settling.apply(frame * 10_000_000, value, out)
        seen.append(float(out[0]))
    weight = 1 / (1 + 1 / (2 * math.pi * 1.0) / 0.01)  # 0.059: the 17th sample is the first that weighs more than 1 / n
    expected = [float(values[: n + 1].mean()) for n in range(16)]
    for value in values[16:, 0]:
        expected.append(expected[-1] + weight * (float(value) - expected[-1]))
    assert np.allclose(seen, expected, atol=1e-5)
    settling.reset()
    settling.apply(0, values[3], out)
    assert out[0] == values[3]


@pytest.mark.parametrize("catch_up", [False, True])
@pytest.mark.parametrize("settle", [False, True])
def test_all_instruction_sets_filter_equally(settle: bool, catch_up: bool) -> None:
    results = []
    for level in LEVELS:
        rng = np.random.default_rng(1)
        with simd(level):
            cutoffs, betas = np.full(1434, 0.05, np.float32), np.full(1434, 80.0, np.float32)
            native = _native.OneEuro(cutoffs, betas, 1.0, settle, catch_up)
            out, all_out = np.zeros(1434, np.float32), []
            for frame in range(30):
                values = rng.normal(0, 1, 1434).astype(np.float32)
                valid = (rng.random(1434) < 0.9).astype(np.uint8)
                native.apply(frame * 33_333_333, values, out, valid, 0.01)
                all_out.append(out.tobytes())
        results.append(b"".join(all_out))
    assert len(set(results)) == 1


def test_filtering_in_place_is_allowed() -> None:
    rng = np.random.default_rng(2)
    apart, together, out = euro(50), euro(50), np.zeros(50, np.float32)
    for t in range(5):
        values = rng.normal(0, 1, 50).astype(np.float32)
        apart.apply(t, values, out)
        together.apply(t, values, values)
        assert np.array_equal(values, out)


def test_a_constant_stays_and_reset_forgets() -> None:
    native, out = euro(1), np.zeros(1, np.float32)
    for t in range(10):
        native.apply(t, np.full(1, 3.25, np.float32), out)
        assert out[0] == 3.25
    native.reset()
    native.apply(0, np.full(1, -9, np.float32), out)
    assert out[0] == -9


def test_time_must_advance_and_errors_leave_the_state_alone() -> None:
    native, out = euro(1), np.full(1, 7, np.float32)
    one = np.ones(1, np.float32)
    native.apply(100, one, out)
    out[0] = 7
    for t in (100, 99, -(2**63)):
        with raises("time.not_increasing"):
            native.apply(t, one, out)
    with raises("value.not_finite"):
        native.apply(200, np.full(1, np.nan, np.float32), out)
    with raises("value.not_finite"):
        native.apply(200, one, out, value_scale=math.inf)
    with raises("native.argument"):
        native.apply(200, one, out, value_scale=-1.0)
    assert out[0] == 7
    native.apply(101, one, out)


def test_filters_refuse_arrays_that_do_not_fit() -> None:
    native, out = euro(4), np.zeros(4, np.float32)
    for values in (np.zeros(5, np.float32), np.zeros(4)):
        with raises("native.argument"):
            native.apply(1, values, out)  # type: ignore[arg-type]
    with raises("native.argument"):
        native.apply(1, out, out, np.ones(3, np.uint8))
    with raises("image.stride"):
        native.apply(1, np.zeros(8, np.float32)[::2], out)
    block = np.zeros(6, np.float32)
    with raises("native.argument"):
        native.apply(1, block[:4], block[1:5])
    with raises("native.argument"):
        euro(1, min_cutoff=0.0)
    with raises("native.argument"):
        euro(1, beta=-1.0)
    with raises("native.argument"):
        euro(0)
    with raises("value.not_finite"):
        euro(1, beta=math.nan)


def test_threads_may_share_a_filter() -> None:
    native, accepted = euro(200), []

    def work() -> None:
        out = np.zeros(200, np.float32)
        for t in range(200):
            try:
                native.apply(t, np.ones(200, np.float32), out)
            except Exception as error:
                assert "time.not_increasing" in str(error)
            else:
                accepted.append(t)
                assert np.all(out == 1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert accepted == sorted(set(accepted)) or set(accepted) <= set(range(200))
    assert len(accepted) == len(set(accepted))


def test_hold_bridges_a_loss_and_then_lets_go() -> None:
    hold = _native.Hold(2, 100)
    out, usable = np.zeros(2, np.float32), np.zeros(2, np.uint8)
    first, later = np.array([3, 4], np.float32), np.array([8, 9], np.float32)
    none = np.zeros(2, np.uint8)
    hold.apply(0, first, np.array([1, 0], np.uint8), out, usable)
    assert (out.tolist(), usable.tolist()) == ([3, 4], [1, 0])
    hold.apply(100, later, none, out, usable)
    assert (out.tolist(), usable.tolist()) == ([3, 9], [1, 0])
    hold.apply(101, later, none, out, usable)
    assert (out.tolist(), usable.tolist()) == ([8, 9], [0, 0])
    with raises("time.not_increasing"):
        hold.apply(101, later, none, out, usable)
    with raises("value.not_finite"):
        hold.apply(102, np.full(2, np.inf, np.float32), np.ones(2, np.uint8), out, usable)
    hold.reset()
    hold.apply(5, later, none, out, usable)
    assert usable.tolist() == [0, 0]
    with raises("native.argument"):
        _native.Hold(2, -1)


@given(
    values=st.lists(st.floats(-2, 2, width=32), min_size=6, max_size=6),
    valid=st.lists(st.booleans(), min_size=6, max_size=6),
    pairs=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=8),
)
def test_constraints_clamp_and_order_valid_values(
    values: list[float], valid: list[bool], pairs: list[tuple[int, int]]
) -> None:
    got = np.array(values, np.float32)
    lower, upper = (np.array([p[i] for p in pairs], np.int32) for i in (0, 1))
    _native.constrain(got, np.array(valid), 0.0, 1.0, lower, upper)
    expected = [min(max(v, 0.0), 1.0) if ok else v for v, ok in zip(values, valid, strict=True)]
    for a, b in pairs:
        if valid[a] and valid[b]:
            expected[a] = min(expected[a], expected[b])
    assert np.array_equal(got, np.array(expected, np.float32))


def test_constraints_refuse_indices_outside() -> None:
    values, index = np.ones(3, np.float32), np.array([3], np.int32)
    with raises("native.argument"):
        _native.constrain(values, None, 0.0, 1.0, index, np.array([0], np.int32))
    with raises("native.argument"):
        _native.constrain(values, None, 1.0, 0.0, index[:0], index[:0])
    with raises("value.not_finite"):
        _native.constrain(np.full(3, np.nan, np.float32), None, 0.0, 1.0, index[:0], index[:0])
