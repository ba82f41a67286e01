"""Patches of skin: linear in the coefficients, and true to the mesh."""

from __future__ import annotations

import numpy as np
import pytest
from mien.layouts import ARKIT52

from training.performer.head import Head, random_identity
from training.performer.imu_layout import layout
from training.performer.patches import motion, patch

pytestmark = pytest.mark.shared


def test_a_patch_follows_the_vertices_around_it() -> None:
    head = Head(random_identity(np.random.default_rng(3)))
    places = layout("imu12").places
    moved = motion(head, [patch(place) for place in places])
    for name in ("jawOpen", "mouthSmileLeft", "browInnerUp"):
        coefficients = np.zeros(57, np.float32)
        coefficients[ARKIT52.index(name)] = 0.8
        vertices = head.pose(coefficients).vertices
        centre = [np.asarray(place.weights) @ vertices[list(place.vertices)] for place in places]
        position, _ = moved.at(coefficients[None, :52].astype(np.float64))
        # The patch is a mean over half a centimetre, so it is a little flatter than the skin.
        np.testing.assert_allclose(position[0] * 100, centre, atol=0.15)


def test_a_shift_is_along_the_skin() -> None:
    place = layout("imu6").places[0]
    one, other = (motion(Head(np.zeros(1, np.float32)), [patch(place, shift)]) for shift in ((0.0, 0.0), (0.0, 0.4)))
    rest = np.zeros((1, 52))
    (a, frame), (b, _) = one.at(rest), other.at(rest)
    way = frame[0, 0].T @ (b - a)[0, 0] * 1000
    assert way[1] == pytest.approx(4, abs=0.7)
    assert abs(way[0]) < 0.7


def test_positions_alone_are_those_of_the_whole() -> None:
    moved = motion(Head(np.zeros(1, np.float32)), [patch(place) for place in layout("imu6").places])
    c = np.random.default_rng(1).random((5, 52))
    np.testing.assert_allclose(moved.positions(c), moved.at(c)[0])
