"""What is kept of how sensors are worn."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from mien.errors import InputError
from mien.imu import ImuCalibration


@pytest.fixture
def calibration() -> ImuCalibration:
    return ImuCalibration(
        ("head", "chin"),
        np.array([True, False]),
        np.array([[1, 2, 3], [4, 5, 6]], np.float32),
        np.array([[0, 0, 0, 1], [0, 1, 0, 0]], np.float32),
        np.zeros((2, 3), np.float32),
        np.array([0, 3], np.float32),
        np.array([0, 180], np.int32),
        corrected=1,
    )


def test_it_is_read_as_it_was_written(calibration: ImuCalibration, tmp_path: Path) -> None:
    calibration.save(tmp_path / "a.json")
    again = ImuCalibration.load(tmp_path / "a.json")
    assert (again.sensors, again.corrected) == (("head", "chin"), 1)
    for name in ("known", "bias", "rotation", "place", "tilt", "turned"):
        a, b = getattr(again, name), getattr(calibration, name)
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


def test_it_names_the_sensors_that_are_glued_on_wrongly(calibration: ImuCalibration) -> None:
    assert calibration.upside_down() == ("chin",)


@pytest.mark.parametrize(
    "change",
    [{"format": "other"}, {"bias": [[1, 2, 3]]}, {"rotation": [[0, 0, 0, "x"]] * 2}, {"tilt": [float("nan"), 0]}],
)
def test_a_file_that_holds_something_else_is_refused(
    calibration: ImuCalibration, tmp_path: Path, change: dict[str, object]
) -> None:
    path = tmp_path / "a.json"
    calibration.save(path)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InputError, match=r"\[imu.file\]"):
        ImuCalibration.load(path)


@pytest.mark.parametrize("content", [None, "", "[]", "{}"])
def test_a_missing_or_broken_file_is_refused(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "a.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=r"\[imu.file\]"):
        ImuCalibration.load(path)


def test_a_place_that_cannot_be_written_is_refused(calibration: ImuCalibration, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\[imu.file\]"):
        calibration.save(tmp_path / "none" / "a.json")
