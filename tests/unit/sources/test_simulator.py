"""Simulated sensors: they obey mechanics, and say what they do."""

from __future__ import annotations

import mien
import numpy as np
import pytest
from mien.errors import SourceError
from mien.types import ImuWindow


def whole(address: str) -> tuple[mien.Simulator, ImuWindow]:
    source = mien.Simulator(address)
    windows = [w for w in iter(source.read, None) if isinstance(w, ImuWindow)]
    return source, ImuWindow(
        np.concatenate([w.t_ns for w in windows]),
        np.concatenate([w.acc for w in windows]),
        np.concatenate([w.gyro for w in windows]),
        windows[0].sensors,
    )


def test_at_rest_every_sensor_feels_gravity_alone() -> None:
    source, window = whole("sim:imu18?seconds=2")
    assert window.sensors[0] == "head"
    assert len(window.sensors) == 19
    assert source.length() == len(window.t_ns) == 200
    np.testing.assert_allclose(np.linalg.norm(window.acc, axis=2), 9.80665, atol=0.3)
    assert not source.truth(window.t_ns).any()


def test_the_gyroscope_is_the_turning_of_gravity() -> None:
    """A rigid head turns gravity in its own axes by minus its angular velocity."""
    _, window = whole("sim:imu6?seconds=20&rate=200")
    acc, gyro = window.acc[:, 0].astype(float), window.gyro[:, 0].astype(float) - window.gyro[:300, 0].mean(0)
    kernel = np.ones(40) / 40
    smooth = np.stack([np.convolve(acc[:, k], kernel, "same") for k in range(3)], 1)[600:-100]
    turning = np.gradient(smooth, 1 / 200, axis=0)
    predicted = -np.cross(gyro[600:-100], smooth)
    assert np.corrcoef(turning[:, 2], predicted[:, 2])[0, 1] > 0.9


def test_the_face_moves_and_says_so() -> None:
    source, window = whole("sim:imu12?seconds=20")
    truth = source.truth(window.t_ns)
    assert truth.shape == (2000, 52)
    assert (np.ptp(truth, axis=0) > 0.4).sum() > 12


def test_the_same_seed_gives_the_same_samples() -> None:
    one, other = whole("sim:imu6?seconds=3&seed=4")[1], whole("sim:imu6?seconds=3&seed=4")[1]
    np.testing.assert_array_equal(one.acc, other.acc)
    assert not np.array_equal(one.acc, whole("sim:imu6?seconds=3&seed=5")[1].acc)


@pytest.mark.parametrize("address", ["sim:imu7", "sim:", "sim:imu6?rate=10", "sim:imu6?speed=1", "sim:imu6?seed=x"])
def test_what_cannot_be_simulated_is_refused(address: str) -> None:
    with pytest.raises(SourceError, match=r"\[source.setting\]"):
        mien.Simulator(address)
