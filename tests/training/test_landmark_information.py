"""What landmarks tell: all of it when exact, less the further off, and least when their errors lean on each other."""

from __future__ import annotations

import numpy as np

from training.landmark_information import Seen, best_r, information


def faces(count: int, seed: int) -> Seen:
    """Landmarks that a linear face makes of coefficients; those that are found show half of every movement."""
    rng = np.random.default_rng(seed)
    shapes = np.random.default_rng(0).normal(0, 4, (57, 440))
    still = np.random.default_rng(1).uniform(20, 120, 440)
    coefficients = rng.random((count, 57))
    moved = coefficients @ shapes
    # What all landmarks share is not seen: the movements of half of the coefficients.
    shared = coefficients[:, ::2] @ shapes[::2]
    points, found = (still + moved).reshape(count, 220, 2), (still + moved - shared).reshape(count, 220, 2)
    told = rng.random((count, 57))
    return Seen(*(values.astype(np.float32) for values in (points, found, coefficients, told)))


def test_information_falls_with_the_error_and_is_lost_where_errors_are_shared() -> None:
    figures = information(faces(2000, 2), faces(500, 3), seed=1)
    by_error = list(figures["r_by_error_percent"].values())
    assert by_error[0] > 0.999
    assert by_error == sorted(by_error, reverse=True)
    assert 0.4 < figures["r_from_found"] < 0.6  # half of them are seen perfectly, the others not at all
    assert abs(figures["r_of_the_bundle"]) < 0.05


def test_a_ridge_learns_nothing_from_noise() -> None:
    rng = np.random.default_rng(4)
    points = [rng.normal(70, 20, (count, 220, 2)).astype(np.float32) for count in (1500, 400)]
    truth = [rng.random((count, 57)).astype(np.float32) for count in (1500, 400)]
    assert abs(best_r(points[0], truth[0], points[1], truth[1])) < 0.1
