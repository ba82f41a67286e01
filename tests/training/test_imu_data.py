"""Simulated wearers as sequences to train on, and the bundle that comes of it."""

from __future__ import annotations

import json
from pathlib import Path

import mien
import numpy as np
import pytest
from mien.bundle import Bundle

from training import imu_bundle, imu_data
from training.evaluate_imu import Condition, play, score
from training.models.imu import FEATURES, ImuNetwork

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


@pytest.fixture
def written(tmp_path: Path) -> Path:
    imu_bundle.write(tmp_path / "imu.mien", ImuNetwork().eval(), {"wearers": 0})
    return tmp_path / "imu.mien"


def test_an_untrained_network_makes_a_bundle_that_runs_and_knows_nothing(written: Path) -> None:
    with mien.open(written, threads=1) as pipeline:
        played = play(pipeline, Condition("imu6"), 1, 0)
    assert played.raw.shape == played.truth.shape
    assert abs(score([played.raw], [played.truth])["r"]) < 0.4


def test_the_shipped_bundle_has_the_seats_of_the_layouts() -> None:
    with Bundle.open(Path(mien.__file__).parent / "models" / "imu.mien") as bundle:
        section = bundle.manifest.root.fields["imu"]
    assert section == json.loads(json.dumps(imu_bundle.imu_section()))


def test_the_shipped_bundle_reads_a_person_it_never_saw() -> None:
    with mien.open("imu", threads=1) as pipeline:
        played = play(pipeline, Condition(), 77, 0)
    result = score([played.raw], [played.truth])
    assert result["r"] > 0.7
    assert result["mae"] < 0.05
