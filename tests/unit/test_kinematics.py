"""Curves and rotations for simulators."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from mien.kinematics import Curve, axes, quaternions, rate, turns

VECTORS = npst.arrays(np.float64, (5, 3), elements=st.floats(-2, 2))


def test_a_curve_is_smooth_and_constant_beyond_its_ends() -> None:
    curve = Curve(np.random.default_rng(1).normal(size=(12, 2)), 0.5)
    clock = np.linspace(-1, 7, 8001)
    second = np.diff(curve.at(clock), 2, axis=0) / (clock[1] - clock[0]) ** 2
    assert np.abs(np.diff(second, axis=0)).max() < 0.2
    np.testing.assert_allclose(curve.at(np.array([50.0, 60.0])), curve.values[[-1, -1]])


def test_a_straight_line_of_control_values_is_a_straight_line() -> None:
    curve = Curve(np.arange(10.0)[:, None], 0.1)
    np.testing.assert_allclose(curve.at(np.array([0.0, 0.25]))[:, 0], [1.0, 3.5])


@settings(max_examples=50, deadline=None)
@given(VECTORS)
def test_turns_are_rotations_and_quaternions_say_the_same(vectors: np.ndarray) -> None:
    frames = turns(vectors)
    np.testing.assert_allclose(frames @ np.swapaxes(frames, 1, 2), np.broadcast_to(np.eye(3), (5, 3, 3)), atol=1e-9)
    x, _, z, w = quaternions(frames).astype(np.float64).T
    assert (w >= 0).all()
    np.testing.assert_allclose(frames[:, 2, 1] - frames[:, 1, 2], 4 * w * x, atol=1e-5)
    np.testing.assert_allclose(frames[:, 1, 0] - frames[:, 0, 1], 4 * w * z, atol=1e-5)
    np.testing.assert_allclose(np.trace(frames, axis1=1, axis2=2), 4 * w * w - 1, atol=1e-5)


@settings(max_examples=50, deadline=None)
@given(VECTORS)
def test_the_rate_is_the_angle_over_the_time(vectors: np.ndarray) -> None:
    before = turns(np.full((5, 3), 0.3))
    after = before @ turns(vectors * 1e-3)
    np.testing.assert_allclose(rate(before, after, 1e-3), vectors, atol=1e-4)


def test_a_frame_lies_between_edges_that_are_not_square() -> None:
    frame = axes(np.array([2.0, 0.2, 0.0]), np.array([0.2, 2.0, 0.0]))
    np.testing.assert_allclose(frame, np.eye(3), atol=1e-12)
    assert np.linalg.det(axes(np.array([1.0, 0.3, 0.2]), np.array([-0.2, 1.0, 0.5]))) == pytest.approx(1)
