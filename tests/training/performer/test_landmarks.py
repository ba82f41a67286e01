"""Landmarks: 220 different places, each with the place that takes its part in a mirror."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from training.performer import landmarks
from training.performer.assets import facekit
from training.performer.head import Head
from training.performer.landmarks import COUNT, DENSE, IRIS, IRIS_RADIUS, REGIONS, UPRIGHT, mirrored, region_points

pytestmark = pytest.mark.shared

F32 = npt.NDArray[np.float32]


@pytest.fixture(scope="module")
def average() -> F32:
    """The landmarks of the average face, whose eyes look straight ahead."""
    head = Head(np.zeros(1, np.float32))
    return landmarks.positions(head.pose(np.zeros(57, np.float32)), 1.0, head.eye_scale)


def test_there_are_220_different_places(average: F32) -> None:
    assert average.shape == (COUNT, 3)
    apart = np.linalg.norm(average[:, None] - average[None], axis=2) + 9 * np.eye(COUNT)
    assert apart.min() > 0.05  # centimetres
    vertices = [*facekit().landmarks, *landmarks.dense_vertices()]
    assert len(set(vertices)) == len(vertices) == COUNT - 10


def test_a_mirror_twice_gives_every_landmark_back() -> None:
    assert np.array_equal(mirrored()[mirrored()], np.arange(COUNT))
    assert mirrored()[UPRIGHT[0]] == UPRIGHT[1]


def test_the_mirror_of_a_symmetric_face_is_itself(average: F32) -> None:
    off = np.linalg.norm(average[mirrored()] - average * (-1, 1, 1), axis=1)
    assert off.max() < 0.2  # centimetres


def test_irises_are_rings_around_the_way_of_the_gaze(average: F32) -> None:
    for place in IRIS:
        centre, rim = average[place][0], average[place][1:]
        np.testing.assert_allclose(np.linalg.norm((rim - centre)[:, :2], axis=1), IRIS_RADIUS, rtol=0.1)
        assert rim[0, 0] > centre[0] > rim[2, 0]
        assert rim[1, 1] > centre[1] > rim[3, 1]
    assert average[IRIS[0].start, 0] > 0 > average[IRIS[1].start, 0]  # left, right


def test_regions_have_landmarks_on_their_own_side(average: F32) -> None:
    assert len(region_points()) == len(REGIONS)
    for name, index in zip(REGIONS, region_points(), strict=True):
        assert len(index) >= 5, name
        assert len(set(index.tolist())) == len(index)
        x = average[index, 0]
        if name.endswith("Left"):
            assert x.min() > 0
        elif name.endswith("Right"):
            assert x.max() < 0
        else:
            assert x.mean() == pytest.approx(0, abs=0.2)


def test_a_mirror_exchanges_the_sides_regions() -> None:
    of = {name: set(index.tolist()) for name, index in zip(REGIONS, region_points(), strict=True)}
    for part in ("eye", "brow", "cheek"):
        assert {int(mirrored()[point]) for point in of[f"{part}Left"]} == of[f"{part}Right"]


def test_dense_points_are_on_the_skin_of_the_front(average: F32) -> None:
    kit = facekit()
    assert (kit.region[landmarks.dense_vertices()] == kit.region_names.index("face")).all()
    assert average[DENSE:, 2].min() > 3
