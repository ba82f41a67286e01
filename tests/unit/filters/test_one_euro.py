"""mien.filters.one_euro: a low-pass with the true time between frames, its strength per group of coefficients."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from mien.bundle import Bundle
from mien.errors import InputError, TimestampError
from mien.filters._manifest import coefficient_filter
from mien.filters.one_euro import OneEuro
from mien.layouts import ARKIT52, layout
from mien.locate import locate
from mien.types import FaceState
from models import MS


def state(t_ns: int, value: float, valid: bool = True) -> FaceState:
    values = np.full(52, value, np.float32)
    return FaceState(t_ns, 0, ARKIT52, values, values, np.full(52, valid), 1.0)


def alpha(cutoff: float, dt: float) -> float:
    """Casiez et al. 2012, equation 5."""
    tau = 1 / (2 * math.pi * cutoff)
    return 1 / (1 + tau / dt)


def test_the_first_value_passes_unchanged() -> None:
    assert OneEuro().apply(state(0, 0.7))["jawOpen"] == pytest.approx(0.7)


def test_a_constant_stays_constant() -> None:
    smooth = OneEuro()
    out = [smooth.apply(state(t * 33 * MS, 0.4))["jawOpen"] for t in range(20)]
    assert out == pytest.approx([0.4] * 20)


def test_without_beta_it_is_the_low_pass_of_its_cutoff() -> None:
    smooth, dt = OneEuro(min_cutoff=2.0, beta=0.0), 0.02
    expected = 0.0
    smooth.apply(state(0, 0.0))
    for step in range(1, 10):
        expected += alpha(2.0, dt) * (1.0 - expected)
        assert smooth.apply(state(step * 20 * MS, 1.0))["jawOpen"] == pytest.approx(expected, rel=1e-4)


def test_the_true_time_between_frames_counts_not_their_number() -> None:
    slow, fast = OneEuro(1.0, 0.0), OneEuro(1.0, 0.0)
    slow.apply(state(0, 0.0))
    fast.apply(state(0, 0.0))
    after_long = slow.apply(state(200 * MS, 1.0))["jawOpen"]
    after_short = fast.apply(state(10 * MS, 1.0))["jawOpen"]
    assert after_long == pytest.approx(alpha(1.0, 0.2), rel=1e-4)
    assert after_short == pytest.approx(alpha(1.0, 0.01), rel=1e-4)


def test_beta_makes_fast_motion_lag_less() -> None:
    lags = []
    for beta in (0.0, 5.0):
        smooth = OneEuro(1.0, beta)
        for step in range(20):
            out = smooth.apply(state(step * 33 * MS, step / 20))
        lags.append(19 / 20 - out["jawOpen"])
    assert 0 < lags[1] < lags[0] / 2


def test_jitter_becomes_less() -> None:
    noise = np.random.default_rng(0).normal(0.5, 0.05, 200)
    smooth = OneEuro(1.0, 0.0)
    out = [smooth.apply(state(t * 33 * MS, float(v)))["jawOpen"] for t, v in enumerate(noise)]
    assert np.std(out[20:]) < np.std(noise) / 2


def test_a_filter_that_catches_up_is_as_still_and_arrives_sooner() -> None:
    rng = np.random.default_rng(0)
    signal = np.where(np.arange(300) < 200, 0.2, 0.5) + rng.normal(0, 0.01, 300)
    spread, off = [], []
    for smooth in (OneEuro(0.05, 0.8, settle=True), OneEuro(0.01, 0.2, 2.0, settle=True, catch_up=True)):
        out = np.array([smooth.apply(state(t * 16 * MS, float(v)))["jawOpen"] for t, v in enumerate(signal)])
        spread.append(np.std(out[50:200]))
        off.append(abs(out[212] - 0.5))
    assert spread[1] <= spread[0] < 0.002
    assert off[1] < 0.03 < off[0]


def test_the_default_bundles_filter_lets_a_movement_through_and_stills_noise() -> None:
    section = Bundle.open(locate("face")).manifest.root.section("face").section("coefficient_filter")
    frames = np.arange(240)
    movement = 0.25 + 0.25 * np.sin(2 * np.pi * frames / 60)  # once a second
    noise = np.random.default_rng(0).normal(0.3, 0.01, 240)
    came, still = (
        np.array([smooth.apply(state(t * 16_666_667, float(v)))["jawOpen"] for t, v in enumerate(signal)])[60:]
        for signal, smooth in ((movement, coefficient_filter(section)), (noise, coefficient_filter(section)))
    )
    late = [float(np.corrcoef(came[lag:], movement[60 : 240 - lag])[0, 1]) for lag in range(20)]
    assert int(np.argmax(late)) <= 4
    assert 0.95 < came.std() / movement[60:].std() < 1.05
    assert still.std() < 0.01 / 15


def test_a_group_has_its_own_strength_and_the_longest_prefix_counts() -> None:
    smooth = OneEuro(0.1, 0.0, groups={"eye": (1e6, 0.0), "eyeLook": (0.5, 0.0)})
    smooth.apply(state(0, 0.0))
    out = smooth.apply(state(33 * MS, 1.0))
    assert out["eyeBlinkLeft"] == pytest.approx(1.0, abs=1e-3)
    assert out["eyeLookUpLeft"] == pytest.approx(alpha(0.5, 0.033), rel=1e-3)
    assert out["jawOpen"] == pytest.approx(alpha(0.1, 0.033), rel=1e-3)


def test_what_is_invalid_stays_invalid_and_begins_anew() -> None:
    smooth = OneEuro(0.1, 0.0)
    smooth.apply(state(0, 0.0))
    assert not smooth.apply(state(MS, 9.0, valid=False)).valid.any()
    after = smooth.apply(state(2 * MS, 1.0))["jawOpen"]
    assert 0 <= after <= 1


def test_the_given_state_and_raw_stay_untouched() -> None:
    smooth, given = OneEuro(0.1, 0.0), state(MS, 1.0)
    smooth.apply(state(0, 0.0))
    out = smooth.apply(given)
    assert (given.values == 1).all()
    assert (out.raw == 1).all()
    assert (out.values < 1).all()


def test_time_that_goes_back_is_an_error() -> None:
    smooth = OneEuro()
    smooth.apply(state(10, 0.0))
    with pytest.raises(TimestampError) as refused:
        smooth.apply(state(9, 0.0))
    assert refused.value.code == "time.not_increasing"


def test_a_fresh_filter_has_the_settings_but_not_the_memory() -> None:
    smooth = OneEuro(0.1, 0.0, groups={"jaw": (1e6, 0.0)})
    smooth.apply(state(0, 0.0))
    fresh = smooth.fresh()
    assert fresh.apply(state(0, 1.0))["browInnerUp"] == 1
    assert fresh.apply(state(33 * MS, 0.0))["jawOpen"] == pytest.approx(0, abs=1e-3)
    assert fresh.apply(state(66 * MS, 0.0))["browInnerUp"] > 0.9


def test_a_change_of_layout_begins_anew() -> None:
    smooth = OneEuro(0.1, 0.0)
    smooth.apply(state(0, 0.0))
    assert smooth.apply(state(MS, 1.0).to(layout("mediapipe52")))["jawOpen"] == 1


@pytest.mark.parametrize(
    "settings",
    [
        {"min_cutoff": 0},
        {"min_cutoff": -1},
        {"min_cutoff": float("nan")},
        {"min_cutoff": float("inf")},
        {"beta": -0.1},
        {"beta": float("nan")},
        {"derivative_cutoff": 0},
        {"groups": {"eye": (0, 1)}},
        {"groups": {"eye": (1, -1)}},
        {"min_cutoff": "a"},
        {"min_cutoff": None},
        {"min_cutoff": 1e-60},
        {"min_cutoff": 1e300},
        {"beta": True},
        {"groups": {"eye": 4.0}},
        {"groups": {"eye": ("a", 1)}},
        {"groups": [1]},
        {"groups": 5},
    ],
)
def test_an_impossible_setting_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(InputError) as refused:
        OneEuro(**settings)
    assert refused.value.code == "filter.setting"


def test_what_a_bundle_asks_of_its_filter_is_possible() -> None:
    """Noise of 0.004 down to 0.001 at rest, and a step followed less than 1.5 frames late, at 60 frames a second."""
    smooth, late = OneEuro(0.3, 10.0), OneEuro(0.3, 10.0)
    noise = np.random.default_rng(0).normal(0.3, 0.004, 600).tolist()
    still = [smooth.apply(state(k * 16_666_667, value))["jawOpen"] for k, value in enumerate(noise)]
    assert np.std(still[60:]) <= 0.0010
    moved = [late.apply(state(k * 16_666_667, 0.2 if k < 150 else 0.5))["jawOpen"] for k in range(300)]
    delay = sum((0.5 - value) / 0.3 for value in moved[150:])  # the mean delay of the step, in frames
    assert delay <= 1.5
