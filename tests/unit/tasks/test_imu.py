"""The imu task with the bundle that ships and simulated sensors: what it says, and what it refuses."""

from __future__ import annotations

import logging
from itertools import pairwise
from pathlib import Path

import mien
import numpy as np
import pytest
from mien.errors import InputError, TimestampError
from mien.pipeline import Pipeline
from mien.types import ImuWindow


def windows(address: str = "sim:imu12?seconds=12") -> tuple[mien.Simulator, list[ImuWindow]]:
    source = mien.Simulator(address)
    return source, [w for w in iter(source.read, None) if isinstance(w, ImuWindow)]


def joined(parts: list[ImuWindow]) -> ImuWindow:
    return ImuWindow(
        np.concatenate([w.t_ns for w in parts]),
        np.concatenate([w.acc for w in parts]),
        np.concatenate([w.gyro for w in parts]),
        parts[0].sensors,
    )


@pytest.fixture
def imu() -> Pipeline:
    return mien.open("imu", threads=1)


@pytest.fixture(scope="module")
def recorded() -> tuple[mien.Simulator, list[ImuWindow]]:
    return windows()


def changed(window: ImuWindow, acc: float = 1.0, gyro: float = 1.0) -> ImuWindow:
    return ImuWindow(window.t_ns, window.acc * np.float32(acc), window.gyro * np.float32(gyro), window.sensors)


def refusal(imu: Pipeline, parts: list[ImuWindow]) -> InputError:
    with pytest.raises(InputError) as caught:
        for window in parts:
            imu.process(window)
    return caught.value


@pytest.mark.parametrize(("layout", "least"), [("imu6", 0.7), ("imu12", 0.9), ("imu18", 0.9)])
def test_the_coefficients_follow_the_simulated_face(imu: Pipeline, layout: str, least: float) -> None:
    source, parts = windows(f"sim:{layout}?seconds=30")
    states = [state for state in map(imu.process, parts) if state.found]
    truth = source.truth([state.t_ns for state in states])
    said = np.stack([state.values for state in states])
    moved = truth.std(0) > 0.1
    assert moved.sum() >= 8
    assert np.mean([np.corrcoef(said[:, k], truth[:, k])[0, 1] for k in np.flatnonzero(moved)]) > least
    assert np.abs(said - truth)[:, states[-1].valid].mean() < 0.08


def test_before_two_still_seconds_there_is_no_face(
    imu: Pipeline, recorded: tuple[mien.Simulator, list[ImuWindow]]
) -> None:
    states = [imu.process(window) for window in recorded[1][:230]]
    assert [state.found for state in states] == sorted(state.found for state in states)
    assert not states[195].found
    assert not states[195].valid.any()
    assert states[-1].found


def test_what_no_sensor_on_the_skin_sees_is_never_valid(
    imu: Pipeline, recorded: tuple[mien.Simulator, list[ImuWindow]]
) -> None:
    state = [imu.process(window) for window in recorded[1][:400]][-1]
    unseen = [name for name in state.layout.names if name.startswith("eyeLook") or name == "tongueOut"]
    assert len(unseen) == 9
    assert all(np.isnan(state[name]) for name in unseen)
    assert state.valid.sum() == 43
    assert state.visibility is not None
    assert set(state.visibility) == {"brows", "eyes", "cheeks", "nose", "jaw", "mouth"}
    assert state.head is state.gaze is state.landmarks is None


def test_a_window_that_completes_no_step_repeats_the_state(imu: Pipeline) -> None:
    _, parts = windows("sim:imu12?seconds=4&rate=400")
    states = [imu.process(window) for window in parts]
    late = [state for state in states[-100:] if state.found]
    assert sum(state.stale for state in late) == pytest.approx(75, abs=2)
    assert all(b.t_ns > a.t_ns for a, b in pairwise(late))


def test_how_samples_are_cut_into_windows_changes_only_how_often_it_answers(
    recorded: tuple[mien.Simulator, list[ImuWindow]],
) -> None:
    with mien.open("imu", threads=1) as one, mien.open("imu", threads=1, smoothing=False) as other:
        for window in recorded[1]:
            a = one.process(window)
        for k in range(0, len(recorded[1]), 7):
            b = other.process(joined(recorded[1][k : k + 7]))
    assert a.t_ns == b.t_ns
    np.testing.assert_allclose(a.raw, b.raw, atol=1e-5)


def test_sensors_that_are_missing_lower_the_confidence(recorded: tuple[mien.Simulator, list[ImuWindow]]) -> None:
    with mien.open("imu", threads=1) as whole, mien.open("imu", threads=1) as broken:
        for window in recorded[1]:
            a = whole.process(window)
            acc = window.acc.copy()
            acc[:, 1:10] = np.nan
            b = broken.process(ImuWindow(window.t_ns, acc, window.gyro, window.sensors))
        assert b.found
        assert b.confidence < a.confidence
        report = broken.report()
    assert sum(what == "missing" for what in report.sensors.values()) == 9
    assert "sensor philtrum: missing" in str(report)


def test_the_order_of_the_sensors_is_free(recorded: tuple[mien.Simulator, list[ImuWindow]]) -> None:
    with mien.open("imu", threads=1) as one, mien.open("imu", threads=1) as other:
        for window in recorded[1][:400]:
            a = one.process(window)
            order = np.arange(len(window.sensors))[::-1]
            names = tuple(window.sensors[k] for k in order)
            b = other.process(ImuWindow(window.t_ns, window.acc[:, order], window.gyro[:, order], names))
    np.testing.assert_array_equal(a.raw, b.raw)


# -- calibration -------------------------------------------------------------------------------------------------


def test_a_calibration_is_kept_and_used_again(
    imu: Pipeline, recorded: tuple[mien.Simulator, list[ImuWindow]], tmp_path: Path
) -> None:
    measured = imu.calibrate(joined(recorded[1][:230]))
    measured.save(tmp_path / "me.json")
    with mien.open("imu", threads=1) as again:
        again.set_calibration(mien.ImuCalibration.load(tmp_path / "me.json"))
        states = [again.process(window) for window in recorded[1][230:300]]
    assert all(state.found for state in states[2:])
    expected = [imu.process(window) for window in recorded[1][230:300]]
    np.testing.assert_allclose(states[-1].raw, expected[-1].raw, atol=1e-6)


def test_a_calibration_survives_a_reset_and_goes_with_a_fork(
    imu: Pipeline, recorded: tuple[mien.Simulator, list[ImuWindow]]
) -> None:
    imu.calibrate(joined(recorded[1][:230]))
    imu.reset()
    other = imu.fork()
    for pipeline in (imu, other):
        assert [pipeline.process(window) for window in recorded[1][230:240]][-1].found


def test_the_start_calibrates_by_itself(imu: Pipeline, recorded: tuple[mien.Simulator, list[ImuWindow]]) -> None:
    assert imu.calibration() is None
    for window in recorded[1][:230]:
        imu.process(window)
    found = imu.calibration()
    assert found is not None
    assert found.known.tolist() == [True] * 13 + [False] * 6


def test_a_sensor_that_is_upside_down_is_named_and_allowed_for(
    imu: Pipeline, recorded: tuple[mien.Simulator, list[ImuWindow]], caplog: pytest.LogCaptureFixture
) -> None:
    turned = [ImuWindow(w.t_ns, w.acc.copy(), w.gyro.copy(), w.sensors) for w in recorded[1]]
    for window in turned:
        window.acc[:, 4, :2] *= -1
        window.gyro[:, 4, :2] *= -1
    with caplog.at_level(logging.WARNING, "mien"):
        found = imu.calibrate(joined(turned[:230]))
    assert found.upside_down() == ("mouthCornerRight",)
    assert found.turned[4] == 180
    with mien.open("imu", threads=1) as right:
        for a, b in zip(turned, recorded[1], strict=True):
            one, other = imu.process(a), right.process(b)
    np.testing.assert_allclose(one.raw, other.raw, atol=0.06)
    assert imu.report().sensors["mouthCornerRight"] == "turned by 180 degrees, which is allowed for"


def test_a_calibration_while_somebody_moves_is_refused(
    imu: Pipeline, recorded: tuple[mien.Simulator, list[ImuWindow]]
) -> None:
    with pytest.raises(InputError, match=r"\[imu.still\] In 1.5 s there are no 2 s without motion"):
        imu.calibrate(joined(recorded[1][:151]))


def test_a_range_of_motion_needs_motion(imu: Pipeline, recorded: tuple[mien.Simulator, list[ImuWindow]]) -> None:
    with pytest.raises(InputError, match=r"\[imu.motion\]"):
        imu.calibrate(joined(recorded[1][:230]), joined(recorded[1][:230]))


@pytest.mark.parametrize(("fault", "code"), [("stuck", "imu.stuck"), ("saturated", "imu.saturated")])
def test_a_calibration_names_the_broken_sensor(
    imu: Pipeline, recorded: tuple[mien.Simulator, list[ImuWindow]], fault: str, code: str
) -> None:
    window = joined(recorded[1][:230])
    if fault == "stuck":
        window.acc[:, 3], window.gyro[:, 3] = window.acc[0, 3], window.gyro[0, 3]
    else:
        window.acc[:, 3, 0] = 156.9
    with pytest.raises(InputError, match="mouthCornerLeft") as caught:
        imu.calibrate(window)
    assert caught.value.code == code


def test_a_silent_sensor_is_named(imu: Pipeline, recorded: tuple[mien.Simulator, list[ImuWindow]]) -> None:
    window = joined(recorded[1][:230])
    window.acc[:, 5] = np.nan
    with pytest.raises(InputError, match=r"\[imu.silent\] upperLidLeft gave nothing"):
        imu.calibrate(window)


def test_a_calibration_of_other_sensors_is_refused(
    imu: Pipeline, recorded: tuple[mien.Simulator, list[ImuWindow]]
) -> None:
    good = imu.calibrate(joined(recorded[1][:230]))
    other = mien.ImuCalibration(
        good.sensors[:-1], *(getattr(good, n)[:-1] for n in ("known", "bias", "rotation", "place", "tilt", "turned"))
    )
    with pytest.raises(InputError, match=r"\[imu.calibration\]"):
        imu.set_calibration(other)


# -- what is wrong with samples ------------------------------------------------------------------------------------


def test_units_that_are_not_si_are_named(imu: Pipeline, recorded: tuple[mien.Simulator, list[ImuWindow]]) -> None:
    error = refusal(imu, [changed(w, acc=1 / 9.80665) for w in recorded[1]])
    assert error.code == "imu.units"
    assert "accelerometers are in g" in str(error)
    imu.reset()
    error = refusal(imu, [changed(w, gyro=57.29578) for w in recorded[1]])
    assert error.code == "imu.units"
    assert "degrees per second" in str(error)
    with pytest.raises(InputError, match=r"in g; expected is about 9\.81"):
        imu.calibrate(changed(joined(recorded[1][:230]), acc=1 / 9.80665))


def test_an_unknown_sensor_is_named(imu: Pipeline, recorded: tuple[mien.Simulator, list[ImuWindow]]) -> None:
    w = recorded[1][0]
    error = refusal(imu, [ImuWindow(w.t_ns, w.acc, w.gyro, (*w.sensors[:-1], "elbow"))])
    assert error.code == "imu.sensor"
    assert "'elbow'" in str(error)
    assert "philtrum" in error.advice


def test_without_the_head_there_is_nothing_to_subtract(
    imu: Pipeline, recorded: tuple[mien.Simulator, list[ImuWindow]]
) -> None:
    w = recorded[1][0]
    assert refusal(imu, [ImuWindow(w.t_ns, w.acc[:, 1:], w.gyro[:, 1:], w.sensors[1:])]).code == "imu.head"


def shifted(window: ImuWindow, t_ns: int) -> ImuWindow:
    return ImuWindow(np.array([t_ns]), window.acc, window.gyro, window.sensors)


def test_times_of_another_clock_are_found(imu: Pipeline, recorded: tuple[mien.Simulator, list[ImuWindow]]) -> None:
    parts = recorded[1]
    later = shifted(parts[11], 1_700_000_000_000_000_000)
    error = refusal(imu, [*parts[:10], later])
    assert isinstance(error, TimestampError)
    assert error.code == "imu.clock"
    imu.reset()
    assert refusal(imu, [*parts[:10], shifted(parts[11], 5)]).code == "time.not_increasing"


def test_microseconds_are_taken_for_what_they_are(
    imu: Pipeline, recorded: tuple[mien.Simulator, list[ImuWindow]]
) -> None:
    error = refusal(imu, [shifted(w, int(w.t_ns[0]) // 1000 + 1) for w in recorded[1][:60]])
    assert error.code == "imu.rate"
    assert "microseconds" in error.advice


def test_pictures_and_samples_do_not_mix(imu: Pipeline, recorded: tuple[mien.Simulator, list[ImuWindow]]) -> None:
    with pytest.raises(InputError, match=r"\[input.kind\] imu takes ImuWindow, not ndarray"):
        imu.process(np.zeros((8, 8, 3), np.uint8))
    with mien.open("face") as face:
        with pytest.raises(InputError, match=r"\[input.kind\] face takes Frame, not ImuWindow"):
            face.process(recorded[1][0])
        with pytest.raises(InputError, match=r"\[calibration.unsupported\]"):
            face.calibrate(recorded[1][0])


def test_a_sensor_that_sticks_while_it_runs_is_logged_once(
    imu: Pipeline, recorded: tuple[mien.Simulator, list[ImuWindow]], caplog: pytest.LogCaptureFixture
) -> None:
    first = recorded[1][300]
    with caplog.at_level(logging.INFO, "mien"):
        for k, w in enumerate(recorded[1][:500]):
            acc, gyro = w.acc.copy(), w.gyro.copy()
            if 300 <= k < 400:
                acc[:, 2], gyro[:, 2] = first.acc[:, 2], first.gyro[:, 2]
            imu.process(ImuWindow(w.t_ns, acc, gyro, w.sensors))
    told = [record.message for record in caplog.records if "underChin" in record.message]
    assert told == ["sensor underChin is stuck", "sensor underChin is back"]
