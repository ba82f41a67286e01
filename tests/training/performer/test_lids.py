"""Lids and lashes: edges along the eyes, lashes that rise from open lids and droop from shut ones."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from training.performer.assets import facekit
from training.performer.coefficients import vector
from training.performer.head import Head
from training.performer.lids import COLUMNS, ROWS, edges, fringes, openness, topology

pytestmark = pytest.mark.shared

F32 = npt.NDArray[np.float32]


@pytest.fixture(scope="module")
def head() -> Head:
    return Head(np.zeros(50, np.float32))


def lashes(head: Head, length: float, **values: float) -> F32:
    """(4, ROWS, COLUMNS, 3): left upper, left lower, right upper, right lower."""
    vertices = head.pose(vector(values)).vertices
    return fringes(vertices, head.neutral, np.float32([length, length / 2]), 0.6).reshape(4, ROWS, COLUMNS, 3)


def test_edges_run_from_corner_to_corner_through_the_landmarks() -> None:
    points = facekit().landmarks
    for (upper, lower), (inner, outer) in zip(edges(), ((42, 45), (39, 36)), strict=True):
        assert upper[0] == lower[0] == points[inner]
        assert upper[-1] == lower[-1] == points[outer]
    assert set(points[[43, 44]]) <= set(edges()[0][0])
    assert set(points[[40, 41]]) <= set(edges()[1][1])


def test_openness_is_one_at_rest_and_falls_with_each_eye_s_own_blink(head: Head) -> None:
    def of(**values: float) -> tuple[float, float]:
        return openness(head.pose(vector(values)).vertices, head.neutral)

    assert of() == pytest.approx((1, 1))
    left, right = of(eyeBlinkLeft=1)
    assert left < 0.15
    assert right == pytest.approx(1)
    assert of(eyeWide=1)[0] > 1.05


def test_lashes_rise_from_open_lids_and_droop_from_shut_ones(head: Head) -> None:
    middle = COLUMNS // 2
    for upper in (0, 2):
        open_, shut = lashes(head, 1.0)[upper], lashes(head, 1.0, eyeBlink=1)[upper]
        assert open_[-1, middle, 1] > open_[0, middle, 1] + 0.2
        assert shut[-1, middle, 1] < shut[0, middle, 1] - 0.2
        assert (shut[-1, :, 2] > shut[0, :, 2]).all()  # outside the cheek


def test_a_squint_leaves_the_upper_lashes_up(head: Head) -> None:
    def rise(**values: float) -> float:
        fringe = lashes(head, 1.0, **values)[0]
        return float((fringe[-1] - fringe[0])[COLUMNS // 2, 1])

    assert rise(eyeSquint=1) == pytest.approx(rise(), abs=0.15)
    assert rise(eyeBlink=0.6) < rise() - 0.4


def test_lashes_are_as_long_as_asked(head: Head) -> None:
    def reach(length: float) -> float:
        fringe = lashes(head, length)[0]
        return float(np.linalg.norm(np.diff(fringe, axis=0), axis=2).sum(0).max())

    assert reach(1.0) == pytest.approx(1.0, rel=0.15)
    assert reach(0.5) == pytest.approx(reach(1.0) / 2, rel=1e-3)


def test_every_fringe_has_its_own_triangles() -> None:
    triangles, place = topology()
    assert len(place) == 4 * ROWS * COLUMNS
    assert np.array_equal(np.unique(triangles), np.arange(len(place)))
    fringe = triangles // (ROWS * COLUMNS)
    assert (fringe == fringe[:, :1]).all()
