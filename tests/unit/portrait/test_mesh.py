"""mien.portrait.mesh: what coefficients, gaze and a person's shape do to the mesh."""

from __future__ import annotations

import io

import numpy as np
import pytest
from mien.errors import BundleError
from mien.layouts import ARKIT52
from mien.portrait.mesh import FaceMesh, eye_rotation, gaze_of
from portraits import pipeline

NOTHING, AHEAD = np.zeros(52, np.float32), np.zeros((2, 2), np.float32)


def blob() -> bytes:
    return bytes(pipeline().bundle.blob("geometry/mesh.npz"))


@pytest.fixture(scope="module")
def mesh() -> FaceMesh:
    return FaceMesh(blob())


def act(mesh: FaceMesh, **coefficients: float) -> np.ndarray:
    values = NOTHING.copy()
    for name, value in coefficients.items():
        values[ARKIT52.index(name)] = value
    return mesh.shaped(mesh.neutral, mesh.weights(values, mesh.limits(mesh.neutral)), AHEAD)


def test_a_face_without_expression_is_the_resting_one(mesh: FaceMesh) -> None:
    assert np.allclose(mesh.shaped(mesh.neutral, NOTHING, AHEAD), mesh.neutral, atol=1e-5)


def test_a_blink_shuts_the_lids_and_no_more(mesh: FaceMesh) -> None:
    points = act(mesh, eyeBlinkLeft=1.0, eyeSquintLeft=1.0)[mesh.landmarks[:68]]
    gap = min(points[43, 1] - points[47, 1], points[44, 1] - points[46, 1])
    assert -0.05 < gap < 0.12
    other = points[37, 1] - points[41, 1]
    assert other > 0.3


def test_one_sided_coefficients_move_their_side_alone(mesh: FaceMesh) -> None:
    moved = np.linalg.norm(act(mesh, mouthSmileLeft=1.0) - mesh.neutral, axis=1)
    left, right = mesh.neutral[:, 0] > 2, mesh.neutral[:, 0] < -2
    assert moved[left].max() > 0.5
    assert moved[right].max() < 0.2 * moved[left].max()


def test_eyes_turn_about_their_centres(mesh: FaceMesh) -> None:
    look = np.array([[0.4, 0.2], [0.0, 0.0]], np.float32)
    moved = mesh.shaped(mesh.neutral, NOTHING, look)
    left, right = mesh.eyes
    assert np.allclose(moved[right], mesh.neutral[right], atol=1e-5)
    assert moved[left.start, 0] > mesh.neutral[left.start, 0] + 0.4
    assert moved[left.start, 1] > mesh.neutral[left.start, 1] + 0.2
    spread = [np.linalg.norm(v[left] - v[left].mean(0), axis=1) for v in (moved, mesh.neutral)]
    assert np.allclose(*spread, atol=1e-3)


def test_gaze_coefficients_look_where_they_say() -> None:
    values = NOTHING.copy()
    values[ARKIT52.index("eyeLookOutLeft")] = values[ARKIT52.index("eyeLookInRight")] = 1.0
    values[ARKIT52.index("eyeLookUpLeft")] = 0.5
    gaze = gaze_of(values)
    assert np.allclose(gaze[:, 0], 0.61)
    assert np.allclose(gaze[:, 1], [0.305, 0])
    assert (eye_rotation(*gaze[0]) @ [0, 0, 1])[0] > 0.5


def test_normals_point_outwards(mesh: FaceMesh) -> None:
    normals = mesh.normals(mesh.neutral)
    nose = mesh.landmarks[30]
    assert normals[nose, 2] > 0.8
    assert np.allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-4)


def rewritten(**changes: np.ndarray) -> bytes:
    with np.load(io.BytesIO(blob())) as stored:
        tables = {name: stored[name] for name in stored.files}
    tables.update(changes)
    stream = io.BytesIO()
    np.savez(stream, **{name: table for name, table in tables.items() if table is not None})
    return stream.getvalue()


@pytest.mark.parametrize(
    "damaged",
    [
        b"no archive",
        rewritten(kinds=None),
        rewritten(triangles=np.full((2000, 3), 9999, np.int16)),
        rewritten(neutral=np.full((1066, 3), np.nan, np.float16)),
        rewritten(carried=np.zeros(3, np.float16)),
        rewritten(kinds=np.full(2000, 77, np.uint8)),
    ],
)
def test_damaged_tables_are_refused(damaged: bytes) -> None:
    with pytest.raises(BundleError, match=r"portrait\.mesh"):
        FaceMesh(damaged)
