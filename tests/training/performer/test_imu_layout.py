"""The layouts of sensors: nested, and where a sensor can be glued."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from training.errors import TrainingError
from training.performer import imu_layout
from training.performer.imu_layout import SIZES, layout, write
from training.performer.patches import Place


def test_each_layout_begins_the_next_larger_one() -> None:
    names = [layout(f"imu{size}").names for size in SIZES]
    assert [len(found) for found in names] == list(SIZES)
    assert names[2][:12] == names[1]
    assert names[1][:6] == names[0]
    assert len(set(names[2])) == 18


def test_an_unknown_layout_is_refused() -> None:
    with pytest.raises(TrainingError, match="imu12, imu18, imu6"):
        layout("imu7")


def test_what_is_written_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = [Place("chin", (1, 2, 3), (0.5, 0.25, 0.25)), Place("brow", (4, 5, 6), (1.0, 0.0, 0.0))]
    write(tmp_path / "mine.toml", "mine", places, 0.5, 3)
    monkeypatch.setattr(imu_layout, "FOLDER", tmp_path)
    assert layout("mine").places == tuple(places)


@pytest.mark.shared
def test_no_sensor_sits_on_the_lips_the_lids_or_inside_the_nose() -> None:
    from training.performer.assets import facekit

    kit = facekit()
    marks = kit.neutral[kit.landmarks]
    for place in layout("imu18").places:
        centre = np.asarray(place.weights) @ kit.neutral[list(place.vertices)]
        assert np.linalg.norm(marks[48:] - centre, axis=1).min() > 0.6, place.name
        assert np.linalg.norm(marks[36:48] - centre, axis=1).min() > 0.6, place.name


@pytest.mark.shared
def test_the_axes_leave_the_skin_and_point_up() -> None:
    position, frame = imu_layout.nominal()
    assert position.shape == (19, 3)
    np.testing.assert_allclose(frame @ np.swapaxes(frame, 1, 2), np.broadcast_to(np.eye(3), (19, 3, 3)), atol=1e-9)
    assert (frame[:, 1, 1] > 0).all()
    assert (frame[1:, 2, 2] > -0.6).all()
    left = [k for k, name in enumerate(layout("imu18").names, 1) if name.endswith("Left")]
    assert (position[left, 0] > 0).all()
