"""The tongue comes out as far as its coefficient says, and goes where its directions say."""

from __future__ import annotations

from collections import Counter

import numpy as np
import numpy.typing as npt
import pytest

from training.performer.assets import facekit
from training.performer.coefficients import INDEX
from training.performer.tongue import OUT, RINGS, SIDES, pose, topology

pytestmark = pytest.mark.shared

F32 = npt.NDArray[np.float32]


@pytest.fixture(scope="module")
def mouth() -> tuple[F32, F32]:
    """Landmarks and teeth of the average face with its jaw half open."""
    kit = facekit()
    vertices = kit.neutral + 0.5 * kit.expressions[INDEX["jawOpen"]]
    return vertices[kit.landmarks], vertices[kit.vertices_of("teeth")]


def shape(mouth: tuple[F32, F32], **values: float) -> F32:
    coefficients = np.zeros(57, np.float32)
    for name, value in values.items():
        coefficients[INDEX[name]] = value
    return pose(*mouth, coefficients)


def test_the_tip_passes_the_lip_in_proportion_to_tongue_out(mouth: tuple[F32, F32]) -> None:
    lip = mouth[0][[65, 66, 67]].mean(0)
    away = [float(np.linalg.norm(shape(mouth, tongueOut=out)[-1] - lip)) for out in (0.25, 0.5, 0.75, 1.0)]
    assert np.diff(away) == pytest.approx(OUT / 4, rel=0.25)
    assert away[-1] == pytest.approx(OUT, rel=0.2)


def test_at_rest_it_stays_behind_the_lips(mouth: tuple[F32, F32]) -> None:
    rest = shape(mouth)
    assert rest[:, 2].max() < mouth[0][[62, 66], 2].max()
    assert np.array_equal(rest, shape(mouth, tongueUp=1, tongueLeft=1))


def test_at_rest_it_is_seen_in_many_open_mouths_and_stays_in_all() -> None:
    kit = facekit()
    ahead = []
    for jaw in (0.15, 0.4, 0.8):
        coefficients = np.zeros(57, np.float32)
        coefficients[INDEX["jawOpen"]] = jaw
        vertices = kit.neutral + jaw * kit.expressions[INDEX["jawOpen"]]
        points, teeth = vertices[kit.landmarks], vertices[kit.vertices_of("teeth")]
        for habit in np.linspace(0, 3, 12):
            tip = pose(points, teeth, coefficients, float(habit))[-1]
            assert tip[2] < points[[62, 66], 2].max()
            assert tip[1] < points[62, 1]
            ahead.append(tip[2] > points[66, 2] - 1.3)
    assert 0.25 < np.mean(ahead) < 0.75


def test_left_is_plus_x_and_up_is_plus_y(mouth: tuple[F32, F32]) -> None:
    ahead, left, right, up, down = (
        shape(mouth, tongueOut=1, **way)[-1]
        for way in ({}, {"tongueLeft": 1}, {"tongueRight": 1}, {"tongueUp": 1}, {"tongueDown": 1})
    )
    assert right[0] + 1 < ahead[0] < left[0] - 1
    assert left[0] - ahead[0] == pytest.approx(ahead[0] - right[0], abs=0.1)
    assert down[1] + 0.5 < ahead[1] < up[1] - 1


def test_a_roll_lifts_its_edges(mouth: tuple[F32, F32]) -> None:
    def trough(tongue: F32) -> float:
        ring = tongue[: RINGS * SIDES].reshape(RINGS, SIDES, 3)[RINGS * 2 // 3]
        sides = ring[[0, SIDES // 2]].mean(0)
        return float(sides[1] - ring.mean(0)[1])

    assert trough(shape(mouth, tongueOut=1, tongueRoll=1)) > trough(shape(mouth, tongueOut=1)) + 0.1


def test_the_tube_is_closed_but_for_its_root() -> None:
    triangles = topology()
    assert triangles.min() == 0
    assert triangles.max() == RINGS * SIDES
    edges = Counter(tuple(sorted((int(t[a]), int(t[b])))) for t in triangles for a, b in ((0, 1), (1, 2), (2, 0)))
    open_ = [edge for edge, count in edges.items() if count == 1]
    assert len(open_) == SIDES
    assert all(max(edge) < SIDES for edge in open_)
    assert set(edges.values()) == {1, 2}
