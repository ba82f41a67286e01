"""Simulated wearers as sequences to train on, and the bundle that comes of it."""

from __future__ import annotations

from pathlib import Path

import mien
import numpy as np
import pytest

from training import imu_data
from training.evaluate_imu import Condition, play, score
from training.models.imu import FEATURES

pytestmark = pytest.mark.shared


def test_a_wearer_follows_from_its_seed(tmp_path: Path) -> None:
    one, other = imu_data.wearer_steps((3, 1), 8.0), imu_data.wearer_steps((3, 1), 8.0)
    np.testing.assert_array_equal(one.features, other.features)
    assert one.features.shape[1] == FEATURES
    assert len(one.features) == len(one.truth) == len(one.raw)
    assert 500 < len(one.truth) < 620  # the first two seconds are the calibration
    assert np.isfinite(one.features).all()
    assert np.isfinite(one.raw).all()


def test_files_are_made_once_and_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imu_data.wearer_steps, "__defaults__", (6.0, "train"))
    files = imu_data.ensure(tmp_path, 2, 5)
    times = [file.stat().st_mtime_ns for file in imu_data.ensure(tmp_path, 2, 5)]
    assert times == [file.stat().st_mtime_ns for file in files]
    first, _ = imu_data.load(files)
    np.testing.assert_array_equal(first.truth, imu_data.wearer_steps((5, 0), 6.0).truth)


def test_the_shipped_bundle_reads_a_person_it_never_saw() -> None:
    with mien.open("imu", threads=1) as pipeline:
        played = play(pipeline, Condition(), 77, 0)
    result = score([played.raw], [played.truth])
    assert result["r"] > 0.7
    assert result["mae"] < 0.05
