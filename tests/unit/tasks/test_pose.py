"""The tracker's head pose, from landmarks and the bundle's canonical face."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import cv2
import mien
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mien import _native
from mien.bundle import Bundle
from mien.errors import BundleError
from mien.types import Frame, HeadPose

SIDE, FOV = 200, 60.0
FACE = np.float32([[-4, 0, 0], [4, 0, 0], [0, 3, 1], [0, -5, 1], [0, 0, 4], [-3, -3, 2], [3, -3, 2]])
BLOB = "canonical.f32"
FRAME = Frame.of(np.zeros((SIDE, SIDE, 3), np.uint8), t_ns=0)


class Fitted:
    """A tracker whose crop is the whole frame, so that what its network says are the landmarks in frame pixels."""

    def __init__(self, path: Path, blob: bytes, landmarks: int, **fields: Any) -> None:
        image = {"layout": "nchw", "color": "rgb", "scale": [1.0] * 3, "bias": [0.0] * 3}
        outputs = {"points": (1, landmarks, 2), "rotation": (1, 3, 3)}
        network = {
            "inputs": {"image": {"shape": [1, 3, SIDE, SIDE], "image": image}},
            "outputs": {name: {"shape": list(shape)} for name, shape in outputs.items()},
            "targets": [
                {"engine": "none", "precision": "fp32", "blob": BLOB, "tensors": {n: n for n in ("image", *outputs)}}
            ],
        }
        face = {
            "crop_from_landmarks": {"scale": [1.0, 1.0]},
            "landmarks": {"network": "net", "decode": "points", "count": landmarks, "dims": 2},
            "pose": {"kind": "points", "canonical": BLOB, "fov_y_degrees": FOV, **fields},
        }
        manifest = {"schema": 1, "name": "t", "task": "face", "licence": {"spdx": "MIT"}, "networks": {"net": network}}
        Bundle.write(path / "a.mien", {**manifest, "face": face}, {BLOB: blob})
        with Bundle.open(path / "a.mien") as bundle:
            self._model = _native.TrackerModel(bundle.native())

    def pose(self, landmarks: np.ndarray, rotation: np.ndarray | None = None) -> HeadPose | None:
        tracker = _native.Tracker(self._model)
        tracker.begin(FRAME.image, 0)
        assert tracker.wants() == 0
        points = np.ascontiguousarray(landmarks[None, :, :2], np.float32)
        tracker.answer({"points": points, "rotation": np.float32(np.eye(3) if rotation is None else rotation)[None]})
        assert tracker.wants() is None
        (face,) = tracker.faces()
        np.testing.assert_allclose(face["landmarks"][:, :2], landmarks[:, :2], atol=1e-4)
        return HeadPose(*face["head"]) if "head" in face else None


def table(points: np.ndarray = FACE) -> bytes:
    return np.concatenate([points, np.ones((len(points), 1))], axis=1).astype(np.float32).tobytes()


def estimator(tmp_path: Path, blob: bytes | None = None, landmarks: int = 7, **fields: Any) -> Fitted:
    return Fitted(tmp_path, table() if blob is None else blob, landmarks, **fields)


def seen(yaw: float, distance_cm: float) -> np.ndarray:
    """Landmarks of the face at that yaw (degrees, to the camera's right) and distance, through a pinhole camera."""
    cos, sin = math.cos(math.radians(yaw)), math.sin(math.radians(yaw))
    turned = FACE @ np.float32([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]])
    depth = distance_cm - turned[:, 2]
    focal = SIDE / 2 / math.tan(math.radians(FOV / 2))
    middle = (SIDE - 1) / 2
    x, y = middle + focal * turned[:, 0] / depth, middle - focal * turned[:, 1] / depth
    return np.stack([x, y, np.zeros_like(x)], axis=1).astype(np.float32)


@pytest.mark.parametrize("yaw", [-30, 0, 20])
@pytest.mark.parametrize("distance", [30, 60])
def test_a_face_that_was_projected_is_found_where_it_was(yaw: float, distance: float, tmp_path: Path) -> None:
    pose = estimator(tmp_path).pose(seen(yaw, distance))
    assert pose is not None
    assert pose.translation[2] == pytest.approx(-distance / 100, rel=0.02)
    forwards = pose.matrix()[:3, :3] @ [0, 0, 1]
    assert math.degrees(math.atan2(forwards[0], forwards[2])) == pytest.approx(yaw, abs=1.5)
    assert pose.residual < 1


# As good as one point; of one point alone the tracker would say that it is not in the frame.
ONE_POINT = np.full((7, 3), 100, np.float32) + np.float32([[0, 0, 0]] * 6 + [[1e-4, 1e-4, 0]])


def test_landmarks_that_determine_nothing_give_no_pose(tmp_path: Path) -> None:
    assert estimator(tmp_path).pose(ONE_POINT) is None


def turned(x: float, y: float, z: float) -> np.ndarray:
    """The rotation by that vector (axis times radians)."""
    return cv2.Rodrigues(np.array([x, y, z]))[0]


def projected(rotation: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Landmarks of the face with that rotation at that place (cm) in camera axes, through a pinhole camera."""
    x, y, z = (FACE @ rotation.T + place).T
    focal, middle = SIDE / 2 / math.tan(math.radians(FOV / 2)), (SIDE - 1) / 2
    return np.stack([middle - focal * x / z, middle + focal * y / z, np.zeros_like(x)], axis=1).astype(np.float32)


@given(
    way=st.tuples(*[st.floats(-3, 3)] * 3),
    place=st.tuples(st.floats(-8, 8), st.floats(-8, 8), st.floats(-200, -40)),
)
def test_with_its_rotation_given_a_face_is_found_where_it_was(
    way: tuple[float, float, float], place: tuple[float, float, float], tmp_path_factory: pytest.TempPathFactory
) -> None:
    rotation = turned(*way)
    pose = estimator(tmp_path_factory.mktemp("pose"), kind="network").pose(
        projected(rotation, np.array(place)), rotation
    )
    assert pose is not None
    np.testing.assert_allclose(pose.matrix()[:3, :3], rotation, atol=1e-6)
    np.testing.assert_allclose(pose.translation, np.array(place) / 100, atol=0.01)
    assert pose.residual < 0.01
    assert pose.rotation[3] >= 0


def test_the_residual_tells_a_rotation_that_does_not_fit(tmp_path: Path) -> None:
    fit = estimator(tmp_path, kind="network")
    seen_at = projected(turned(0, 0.4, 0), np.array([0, 0, -50]))
    right, wrong = (fit.pose(seen_at, turned(0, yaw, 0)) for yaw in (0.4, -0.4))
    assert right is not None
    assert wrong is not None
    assert wrong.residual > 2 > right.residual


def test_with_a_rotation_landmarks_in_one_point_or_mirrored_give_no_pose(tmp_path: Path) -> None:
    fit = estimator(tmp_path, kind="network")
    assert fit.pose(ONE_POINT, np.eye(3)) is None
    behind = SIDE - 1 - projected(np.eye(3), np.array([0, 0, -50]))
    assert fit.pose(behind, np.eye(3)) is None


@pytest.mark.parametrize("name", ["ibug66"])
def test_a_face_that_ships_with_mien_is_taken_by_name(name: str, tmp_path: Path) -> None:
    path = Path(mien.__file__).parent / "data" / f"canonical_{name}.json"
    count = len(json.loads(path.read_text())["points"])
    estimator(tmp_path, landmarks=count, canonical=name)
    with pytest.raises(BundleError):
        estimator(tmp_path, landmarks=count - 1, canonical=name)


@pytest.mark.parametrize(
    ("blob", "fields", "message"),
    [
        (b"123", {}, "rows of four"),
        (table(FACE[:3]), {}, "3 points"),
        (table(np.repeat(FACE, 2, axis=0)), {}, "14 points"),
        (table(FACE * np.float32(np.nan)), {}, "points"),
        (table(), {"canonical": "nobody"}, "'nobody' is neither"),
        (table(), {"canonical": "../layouts"}, "is neither"),
        (np.concatenate([FACE, -np.ones((7, 1))], axis=1).astype(np.float32).tobytes(), {}, "weights"),
        (np.pad(FACE, ((0, 0), (0, 1))).tobytes(), {}, "weights"),
        (table(), {"kind": "guess"}, "pose.kind"),
        (table(), {"fov_y_degrees": 0}, "pose.fov_y_degrees"),
    ],
)
def test_a_section_that_describes_no_face_is_refused(
    blob: bytes, fields: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(BundleError, match=message) as refused:
        estimator(tmp_path, blob, **fields)
    assert refused.value.code == "manifest.field"
