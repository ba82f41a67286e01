"""The measures of the evaluation, against values worked out by hand and against what defines them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from training.evaluation import metrics

tables = arrays(np.float64, (12, 3), elements=st.integers(0, 16).map(lambda step: step / 16))


def column(*values: float) -> np.ndarray:
    return np.array(values, np.float64)[:, None]


def test_pearson_by_hand() -> None:
    # deviations -1 0 1 and -1 1 0: sum of products 1, root of the sums of squares 2
    assert metrics.pearson(column(1, 2, 3), column(1, 3, 2)) == pytest.approx([0.5])


@given(tables, st.floats(0.1, 10), st.floats(-5, 5))
def test_pearson_ignores_scale_and_shift_and_stays_within_one(x: np.ndarray, scale: float, shift: float) -> None:
    y = np.roll(x, 5, axis=0)
    r = metrics.pearson(x, y)
    assert (np.abs(r) <= 1 + 1e-9).all()
    np.testing.assert_allclose(metrics.pearson(x * scale + shift, y), r, atol=1e-6)


def test_what_does_not_move_correlates_with_nothing() -> None:
    assert metrics.pearson(column(2, 2, 2), column(1, 2, 3)) == 0
    assert metrics.ccc(column(2, 2, 2), column(1, 2, 3)) == 0


def test_concordance_by_hand() -> None:
    # variances 2/3 each, covariance 2/3, means 1 apart: 2 * 2/3 / (4/3 + 1)
    assert metrics.ccc(column(2, 3, 4), column(1, 2, 3)) == pytest.approx([4 / 7])


@given(tables)
def test_concordance_never_exceeds_correlation(x: np.ndarray) -> None:
    y = np.roll(x, 5, axis=0)
    assert (np.abs(metrics.ccc(x, y)) <= np.abs(metrics.pearson(x, y)) + 1e-9).all()


def test_icc_by_hand() -> None:
    # Two raters, rows (1, 2), (2, 2), (3, 5): BMS = 3.5, EMS = 0.5 of the two-way table; (3.5 - 0.5) / (3.5 + 0.5)
    assert metrics.icc31(column(1, 2, 3), column(2, 2, 5)) == pytest.approx([0.75])


@given(tables, st.floats(-5, 5))
def test_icc_forgives_a_constant_difference(x: np.ndarray, shift: float) -> None:
    moving = np.ptp(x, axis=0) > 1e-3
    np.testing.assert_allclose(metrics.icc31(x + shift, x)[moving], 1, atol=1e-6)


def test_icc_does_not_forgive_another_scale() -> None:
    x = np.linspace(0, 1, 11)[:, None]
    assert metrics.icc31(x / 3, x) == pytest.approx([2 * (1 / 3) / (1 + 1 / 9)])


def test_auc_by_hand_with_ties() -> None:
    # pairs (positive, negative): 0.8 > 0.5, 0.8 > 0.2, 0.5 = 0.5, 0.5 > 0.2
    scores, positive = np.array([0.8, 0.5, 0.5, 0.2]), np.array([True, True, False, False])
    assert metrics.auc(scores, positive) == pytest.approx(3.5 / 4)


@given(arrays(np.int64, 20, elements=st.integers(0, 6)), arrays(np.bool_, 20))
def test_auc_counts_the_pairs_in_order_and_turns_round_with_the_scores(
    scores: np.ndarray, positive: np.ndarray
) -> None:
    area = metrics.auc(scores, positive)
    if positive.all() or not positive.any():
        assert np.isnan(area)
        return
    difference = scores[positive][:, None] - scores[~positive][None]
    assert area == pytest.approx(((difference > 0) + 0.5 * (difference == 0)).mean())
    assert metrics.auc(-scores, positive) == pytest.approx(1 - area)


def test_macro_f1_and_confusion_by_hand() -> None:
    guess, truth = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])
    assert metrics.confusion(guess, truth, 3).tolist() == [[1, 0, 0], [1, 2, 0], [0, 0, 0]]
    # class 0: 2/3, class 1: 4/5; class 2 does not occur
    assert metrics.macro_f1(guess, truth, 3) == pytest.approx((2 / 3 + 4 / 5) / 2)


def test_landmark_error_is_in_units_of_the_face() -> None:
    truth = np.zeros((1, 2, 2))
    guess = truth + np.array([3, 4])
    assert metrics.nme(guess, truth, np.array([50.0])) == pytest.approx([0.1])


@given(st.floats(0, np.pi - 1e-3), st.floats(-1, 1), st.floats(-1, 1))
def test_geodesic_is_the_angle_of_the_turn_whatever_its_axis(turn: float, x: float, y: float) -> None:
    axis = np.array([x, y, 1.0]) / np.linalg.norm([x, y, 1.0])
    skew = np.cross(np.eye(3), axis)
    rotation = np.eye(3) - np.sin(turn) * skew + (1 - np.cos(turn)) * skew @ skew
    assert metrics.geodesic(rotation[None], np.eye(3)[None])[0] == pytest.approx(np.degrees(turn), abs=1e-3)
    assert metrics.geodesic(rotation @ rotation, rotation) == pytest.approx(np.degrees(turn), abs=1e-3)


def test_angles_between_directions() -> None:
    a = np.array([[0, 0, 1.0], [0, 0, 1.0], [0, 0, 1.0]])
    b = np.array([[0, 0, 1.0], [1.0, 0, 0], [0, 0, -1.0]])
    assert metrics.angle(a, b) == pytest.approx([0, 90, 180])


def test_triplets_are_right_where_the_positive_is_nearer() -> None:
    embedding = np.array([[0.0], [1.0], [3.0]])
    assert metrics.triplet_accuracy(embedding, np.array([[0, 1, 2], [0, 2, 1]])) == 0.5


def test_nearest_centroid_leaves_the_own_share_out() -> None:
    label = np.array([0, 0, 1, 1])
    apart = np.array([[0.0], [0.1], [5.0], [5.1]])
    assert metrics.nearest_centroid(apart, label) == 1
    # each value is at home in the other class
    assert metrics.nearest_centroid(np.array([[0.0], [5.0], [0.1], [5.1]]), label) == 0


def test_reliability_bins_the_guess() -> None:
    said, was, count = metrics.reliability(np.array([0.1, 0.3, 0.9, 1.0]), np.array([0.0, 0.4, 1.0, 0.5]), 2)
    assert said == pytest.approx([0.2, 0.95])
    assert was == pytest.approx([0.2, 0.75])
    assert count.tolist() == [2, 2]
    assert metrics.calibration_error(
        np.array([0.1, 0.3, 0.9, 1.0]), np.array([0.0, 0.4, 1.0, 0.5]), 2
    ) == pytest.approx(0.1)


def test_a_step_is_crossed_between_two_samples() -> None:
    assert metrics.crossing(np.array([0, 0, 0, 1, 1, 1, 1, 1.0]), 3) == pytest.approx(2.5)
    assert metrics.crossing(np.array([0, 0, 0, 0.25, 0.75, 1, 1, 1.0]), 3) == pytest.approx(3.5)
    assert metrics.crossing(np.array([1, 1, 1, 0, 0, 0, 0, 0.0]), 3) == pytest.approx(2.5)  # downwards too


def test_where_there_is_no_step_there_is_no_crossing() -> None:
    assert np.isnan(metrics.crossing(np.full(8, 0.3), 3))
