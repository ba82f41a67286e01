"""mien.tasks.face: landmarks from heat maps, and the landmark filter that a bundle brings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mien
import models
import numpy as np
import pytest
from mien.errors import ModelError
from models import CROSS, MS, blocks

CELLS_OF_MAP = 4
PLACES = ((0, 0), (3, 0), (0, 3), (3, 3), (1, 2))  # column, row of each point's peak


def heatmap_bundle(tmp_path: Path, maps: np.ndarray, **fields: Any) -> Path:
    """A face bundle whose landmark network gives constant heat maps."""
    manifest = models.face_manifest(coefficients=None)
    manifest["face"]["landmarks"] = {
        "network": "landmarks",
        "decode": "heatmap",
        "count": 5,
        "slope": 16.0,
        "min_presence": 0.4,
        **fields,
    }
    network = manifest["networks"]["landmarks"]
    network["outputs"] = {"maps": {"shape": list(maps.shape)}}
    network["targets"] = [models.target("landmarks", {"image": "image", "maps": "maps_out"})]
    step = models.node("Identity", ["maps"], ["maps_out"])
    model = models.network([step], {"image": (1, 3, 16, 16)}, {"maps_out": maps.shape}, {"maps": maps})
    return models.write_face(tmp_path / "a.mien", manifest, landmarks=model)


def peaks(heat: float) -> np.ndarray:
    maps = np.full((1, 15, CELLS_OF_MAP, CELLS_OF_MAP), 0.0, np.float32)
    maps[:, 5:] = 0.5  # offsets of half a cell
    for point, (column, row) in enumerate(PLACES):
        maps[0, point, row, column] = heat
    return maps


def test_points_lie_where_the_maps_are_hottest(tmp_path: Path) -> None:
    with mien.open(heatmap_bundle(tmp_path, peaks(0.9))) as pipeline:
        state = pipeline.process(blocks((2, 3)))
    assert state.landmarks is not None
    assert state.confidence == pytest.approx(0.9, abs=1e-5)
    first, right, below, both, _ = state.landmarks[:, :2]
    assert right[0] - first[0] == pytest.approx(both[0] - below[0], abs=1e-4)
    assert right[0] - first[0] == pytest.approx(below[1] - first[1], abs=1e-4)
    assert 4 < right[0] - first[0] < 8
    assert right[1] == pytest.approx(first[1], abs=1e-4)


def test_cold_maps_are_no_face(tmp_path: Path) -> None:
    with mien.open(heatmap_bundle(tmp_path, peaks(0.3))) as pipeline:
        assert not pipeline.process(blocks((2, 3))).found


def test_maps_that_are_not_finite_are_a_model_error(tmp_path: Path) -> None:
    with mien.open(heatmap_bundle(tmp_path, peaks(float("nan")))) as pipeline, pytest.raises(ModelError) as refused:
        pipeline.process(blocks((2, 3)))
    assert refused.value.code == "model.not_finite"


@pytest.fixture
def drifting(tmp_path: Path) -> Path:
    """A face that drifts to the right by a quarter pixel per frame, with a landmark filter in the bundle."""
    manifest = models.face_manifest()
    manifest["face"]["landmark_filter"] = {"min_cutoff": 0.2, "beta": 0.0}
    points = np.float32(CROSS) + np.float32([0.5, 0])
    return models.write_face(tmp_path / "a.mien", manifest, landmarks=models.landmark_network(points.tolist(), 10))


def seen(path: Path, **options: Any) -> list[mien.FaceState]:
    with mien.open(path, **options) as pipeline:
        return [pipeline.process(blocks((2, 3), t_ns=t * 33 * MS)) for t in range(20)]


def nose(states: list[mien.FaceState]) -> list[float]:
    return [float(state.landmarks[4, 0]) for state in states if state.landmarks is not None]


def test_the_filter_of_the_bundle_makes_landmarks_lag(drifting: Path) -> None:
    filtered, plain = nose(seen(drifting)), nose(seen(drifting, smoothing=False))
    assert filtered[0] == plain[0]
    assert all(one < other for one, other in zip(filtered[1:], plain[1:], strict=True))
    assert plain[-1] - plain[0] == pytest.approx(19 * 0.25, abs=0.01)


def test_the_lag_of_the_filter_does_not_move_the_crop(drifting: Path) -> None:
    confidences = [[state.confidence for state in seen(drifting, smoothing=on)] for on in (True, False)]
    boxes = [[state.box for state in seen(drifting, smoothing=on)] for on in (True, False)]
    assert confidences[0] == confidences[1]
    assert boxes[0] == boxes[1]


def test_pictures_of_their_own_are_not_smoothed(drifting: Path) -> None:
    assert len(set(nose(seen(drifting, tracking=False)))) == 1
