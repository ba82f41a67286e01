"""The preparation of samples from sensors on the skin: against the reference in numpy, and at its edges."""

from __future__ import annotations

import imu_reference
import mien
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mien import _native
from mien.imu_packet import FACE
from mien.kinematics import axes, quaternions
from mien.types import ImuWindow
from native_tools import raises

RATE = 100.0
SENSORS = 6
OF_HEAD = SENSORS * 13


def made(rate: float = RATE) -> _native.Imu:
    """A preparation with the six sensors of the smallest layout."""
    with np.load(FACE) as face:
        rest = face["rest"][:SENSORS].astype(np.float64)
    places = np.concatenate([[[0.0, 0.105, 0.092]], rest[:, :3]])
    frames = np.concatenate([np.eye(3)[None], axes(rest[:, 3:6], rest[:, 6:9])])
    return _native.Imu(places.astype(np.float32), quaternions(frames), rate)


def recorded(seconds: float, rate: float = 100.0, seed: int = 1) -> ImuWindow:
    """What the simulator gives in one window."""
    source = mien.Simulator(f"sim:imu6?seconds={seconds}&rate={rate}&seed={seed}")
    windows = [w for w in iter(source.read, None) if isinstance(w, ImuWindow)]
    return ImuWindow(
        np.concatenate([w.t_ns for w in windows]),
        np.concatenate([w.acc for w in windows]),
        np.concatenate([w.gyro for w in windows]),
        windows[0].sensors,
    )


def taken(imu: _native.Imu, window: ImuWindow) -> tuple[np.ndarray, np.ndarray]:
    """Times and features of the steps that a window completes."""
    room = int((window.t_ns[-1] - window.t_ns[0]) / 1e9 * RATE) + 5
    when, features = np.zeros(room, np.int64), np.zeros((room, imu.features), np.float32)
    count = imu.process(window.t_ns, window.acc, window.gyro, when, features)
    assert count >= 0
    return when[:count], features[:count]


@pytest.mark.parametrize("rate", [53.0, 100.0, 390.0])
def test_the_steps_are_those_of_the_reference(rate: float) -> None:
    window = recorded(6, rate)
    rng = np.random.default_rng(3)
    jitter = np.clip(rng.normal(0, 0.1, len(window.t_ns)), -0.4, 0.4) / rate * 1e9
    moved = ImuWindow(window.t_ns + jitter.astype(np.int64), window.acc, window.gyro, window.sensors)
    imu = made()
    taken(imu, moved)
    mounts = imu.calibration()
    assert mounts is not None
    imu.reset()
    imu.calibrate(mounts["known"], mounts["bias"], mounts["rotation"], mounts["place"])
    when, features = taken(imu, moved)
    double = {name: values.astype(np.float64) for name, values in mounts.items()}
    expected = imu_reference.features(
        moved.t_ns, moved.acc.astype(np.float64), moved.gyro.astype(np.float64), double, RATE
    )
    assert len(features) in (len(expected), len(expected) - 1)
    assert np.array_equal(np.diff(when) // 1000, np.full(len(when) - 1, 10_000))
    # The first cells lack the moment before the first sample; a difference would grow with time, and does not.
    np.testing.assert_allclose(features, expected[: len(features)], atol=5e-3)


def test_two_still_seconds_calibrate_it() -> None:
    window = recorded(2.4)
    imu = made()
    assert imu.calibration() is None
    when, _ = taken(imu, window)
    mounts = imu.calibration()
    assert mounts is not None
    assert mounts["known"].all()
    assert 2.0e9 < when[0] < 2.03e9
    assert np.abs(mounts["bias"] - window.gyro[:200].mean(0)).max() < 1e-3
    assert mounts["tilt"].max() < np.radians(3)
    assert not mounts["turned"].any()


def test_a_head_that_moves_is_not_calibrated_by() -> None:
    window = recorded(4)
    window.gyro[::40, 0, 1] += 0.5
    imu = made()
    assert len(taken(imu, window)[0]) == 0
    assert imu.calibration() is None


def test_one_restless_sensor_keeps_nobody_waiting() -> None:
    window = recorded(3)
    window.gyro[::40, 3, 1] += 0.5
    imu = made()
    taken(imu, window)
    assert imu.calibration() is not None


@pytest.mark.parametrize(
    ("turn", "named"), [(np.diag([-1.0, -1, 1]), 180), (np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]), 90)]
)
def test_a_sensor_that_was_glued_on_wrongly_is_found_and_allowed_for(turn: np.ndarray, named: int) -> None:
    window = recorded(8)
    right = made()
    expected = taken(right, window)[1]
    wrong = ImuWindow(window.t_ns, window.acc.copy(), window.gyro.copy(), window.sensors)
    wrong.acc[:, 3], wrong.gyro[:, 3] = window.acc[:, 3] @ turn, window.gyro[:, 3] @ turn
    imu = made()
    got = taken(imu, wrong)[1]
    mounts = imu.calibration()
    assert mounts is not None
    assert mounts["turned"].tolist() == [0, 0, 0, named, 0, 0, 0]
    assert mounts["tilt"][3] > 1
    assert np.abs(got - expected).mean() < 0.02


def test_a_range_of_motion_finds_how_a_sensor_is_turned_about_gravity() -> None:
    """Gravity alone cannot tell; the head's turning can."""
    rng = np.random.default_rng(5)
    clock = np.arange(int(22 * RATE)) / RATE
    spline = mien.kinematics.Curve(rng.normal(0, 0.35, (60, 3)) * np.clip((np.arange(60) - 7) / 4, 0, 1)[:, None], 0.4)
    heads = [mien.kinematics.turns(spline.at(clock + d)) for d in (-2e-3, 0.0, 2e-3)]
    omega = mien.kinematics.rate(heads[0], heads[2], 4e-3)
    force = 9.80665 * heads[1][:, 1]
    with np.load(FACE) as face:
        rest = face["rest"][:SENSORS].astype(np.float64)
    frames = np.concatenate([np.eye(3)[None], axes(rest[:, 3:6], rest[:, 6:9])])
    askew = mien.kinematics.turns(np.array([0.0, np.radians(20), 0.0]))  # about the vertical
    frames[2] = askew @ frames[2]
    acc = np.einsum("sji,tj->tsi", frames, force) + rng.normal(0, 0.014, (len(clock), 7, 3))
    gyro = np.einsum("sji,tj->tsi", frames, omega) + rng.normal(0, 2e-3, (len(clock), 7, 3))
    names = recorded(2).sensors
    window = ImuWindow((clock * 1e9).astype(np.int64), acc.astype(np.float32), gyro.astype(np.float32), names)
    imu = made()
    still = int(2.2 * RATE)
    taken(imu, ImuWindow(window.t_ns[:still], window.acc[:still], window.gyro[:still], names))
    before = _angle(imu, frames[2])
    assert imu.refine(window.t_ns[still:], window.acc[still:].copy(), window.gyro[still:].copy()) == SENSORS
    assert before > 15
    assert _angle(imu, frames[2]) < 3


def _angle(imu: _native.Imu, frame: np.ndarray) -> float:
    mounts = imu.calibration()
    assert mounts is not None
    dot = abs(float(mounts["rotation"][2] @ quaternions(frame[None])[0]))
    return float(np.degrees(2 * np.arccos(min(dot, 1.0))))


def test_a_missing_sensor_has_zeros_and_no_flag() -> None:
    window = recorded(4)
    window.acc[300:, 2] = np.nan
    imu = made()
    when, features = taken(imu, window)
    late = features[when > 3.2e9]
    assert not late[:, 12:24].any()
    assert late[:, 72:78].mean(0).tolist() == [1, 0, 1, 1, 1, 1]
    assert imu.check()[1].tolist() == [0, 0, 1, 0, 0, 0, 0]


def test_a_stuck_or_saturated_sensor_counts_as_missing() -> None:
    window = recorded(4)
    window.acc[300:, 1], window.gyro[300:, 1] = window.acc[300, 1], window.gyro[300, 1]
    window.acc[300:, 2, 0] = 78.45
    imu = made()
    when, features = taken(imu, window)
    assert features[when > 3.5e9][:, 72:78].mean(0).tolist() == [0, 0, 1, 1, 1, 1]
    assert imu.check()[1].tolist() == [0, 2, 4, 0, 0, 0, 0]


@pytest.mark.parametrize(("acc", "gyro", "units"), [(1 / 9.80665, 1, 1), (1, 57.29578, 2), (1000 / 9.80665, 1, 4)])
def test_wrong_units_are_found(acc: float, gyro: float, units: int) -> None:
    window = recorded(12)
    imu = made()
    taken(imu, ImuWindow(window.t_ns, window.acc * np.float32(acc), window.gyro * np.float32(gyro), window.sensors))
    assert imu.check()[0] & units


def test_right_units_are_not_suspected_of_being_wrong() -> None:
    for seed in range(4):
        imu = made()
        taken(imu, recorded(12, seed=seed))
        assert imu.check()[0] == 0


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=30))
def test_how_the_rows_are_cut_into_windows_changes_nothing(cuts: list[int]) -> None:
    window = recorded(4)
    expected = taken(made(), window)[1]
    imu, parts, at = made(), [], 0
    for size in [*cuts, len(window.t_ns)]:
        end = min(at + size, len(window.t_ns))
        if end > at:
            rows = slice(at, end)
            parts.append(
                taken(imu, ImuWindow(window.t_ns[rows], window.acc[rows], window.gyro[rows], window.sensors))[1]
            )
        at = end
    assert np.array_equal(np.concatenate(parts), expected)


def test_buffers_that_are_too_small_take_nothing() -> None:
    window, imu = recorded(3), made()
    assert (
        imu.process(window.t_ns, window.acc, window.gyro, np.zeros(5, np.int64), np.zeros((5, 84), np.float32)) < -250
    )
    assert len(taken(imu, window)[0]) > 50


def test_after_a_gap_the_steps_begin_anew() -> None:
    window = recorded(5)
    t_ns = window.t_ns.copy()
    t_ns[350:] += 5_000_000_000
    imu = made()
    when, _ = taken(imu, ImuWindow(t_ns, window.acc, window.gyro, window.sensors))
    jumps = np.diff(when) > 20_000_000
    assert jumps.sum() == 1
    assert np.diff(when)[jumps][0] > 4_900_000_000


def test_time_that_does_not_increase_is_refused() -> None:
    window, imu = recorded(3), made()
    taken(imu, window)
    with raises("time.not_increasing"):
        imu.process(window.t_ns, window.acc, window.gyro, np.zeros(400, np.int64), np.zeros((400, 84), np.float32))


@pytest.mark.parametrize("rate", [19.0, 401.0, float("nan")])
def test_impossible_rates_are_refused(rate: float) -> None:
    with raises("native.argument"):
        made(rate)


def test_wrong_shapes_are_refused() -> None:
    window, imu = recorded(2), made()
    with raises("native.argument"):
        imu.process(
            window.t_ns, window.acc[:, :3].copy(), window.gyro, np.zeros(9, np.int64), np.zeros((9, 84), np.float32)
        )
    with raises("native.argument"):
        imu.calibrate(
            np.ones(7, np.bool_),
            np.zeros((7, 3), np.float32),
            np.zeros((6, 4), np.float32),
            np.zeros((7, 3), np.float32),
        )
