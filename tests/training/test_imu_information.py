"""What a layout tells: a ridge from second moments, and the search over layouts."""

from __future__ import annotations

import numpy as np
import pytest

from training import imu_information
from training.imu_information import Information, measured, search
from training.models.imu import OF_HEAD, PER_SENSOR
from training.performer.imu_layout import SIZES, layout

SENSORS = 22


def made_up(telling: list[int]) -> Information:
    """Twenty-two sensors, of which some say one coefficient each and the others noise."""
    rng = np.random.default_rng(1)

    def moments(rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        truth = rng.normal(size=(rows, len(telling)))
        x = rng.normal(size=(rows, SENSORS * PER_SENSOR + OF_HEAD))
        for column, sensor in enumerate(telling):
            x[:, sensor * PER_SENSOR + 3] = truth[:, column] + 0.1 * rng.normal(size=rows)
        return x.T @ x, x.T @ truth, np.square(truth).sum(0)

    xx, xy, _ = moments(3000)
    moves = np.ones(len(telling), np.bool_)
    return Information(xx, xy, tuple((*moments(1000), moves) for _ in range(2)))


def test_a_layout_is_worth_what_its_sensors_say() -> None:
    information = made_up([0, 1, 2, 3])
    assert information.r([0, 1, 2, 3]) > 0.9
    assert 0.3 < information.r([0, 1]) < 0.6
    assert abs(information.r([10, 11])) < 0.2


def test_the_search_finds_those_that_tell_and_the_layouts_are_nested() -> None:
    telling = [4, 5, 12, 13, 20]
    units = [(k, k + 1) for k in range(0, 18, 2)] + [(k,) for k in range(18, SENSORS)]
    centres = np.stack([np.array([2.0 * k, 0, 0]) for k in range(SENSORS)])
    found = search(made_up(telling), units, centres)
    assert [len(found[size]) for size in SIZES] == list(SIZES)
    small, middle, large = (found[size] for size in SIZES)
    assert set(telling) <= set(small)
    assert middle[:6] == small
    assert large[:12] == middle


def test_two_sensors_do_not_sit_on_each_other() -> None:
    units = [(k, k + 1) for k in range(0, 18, 2)] + [(k,) for k in range(18, SENSORS)]
    centres = np.stack([np.array([2.0 * k, 0, 0]) for k in range(SENSORS)])
    centres[12:14] = centres[4:6] + 0.5
    found = search(made_up([4, 5, 12, 13, 20]), units, centres)
    assert not {4, 12} <= set(found[18])


@pytest.mark.shared
def test_more_sensors_tell_more_of_simulated_people(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imu_information, "_PEOPLE", 12)
    monkeypatch.setattr(imu_information, "_HELD_OUT", 4)
    monkeypatch.setattr(imu_information, "_SECONDS", 30.0)
    information = measured(layout("imu12").places, 3)
    assert information.r(range(12)) > information.r(range(6)) > 0.15
