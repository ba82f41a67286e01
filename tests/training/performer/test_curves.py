"""Recorded coefficients as a body moves them."""

from __future__ import annotations

import numpy as np

from training.performer.curves import smooth


def test_a_recording_keeps_its_shape_and_loses_its_corners() -> None:
    rng = np.random.default_rng(1)
    values = np.repeat(rng.random((30, 3)), 20, axis=0).astype(np.float32)
    curve = smooth(values, 60.0, 0.025)
    clock = np.arange(len(values)) / 60
    found = curve.at(clock)
    middle = np.arange(10, len(values), 20)
    np.testing.assert_allclose(found[middle], values[middle], atol=0.01)
    fine = curve.at(np.arange(0, 9.9, 1e-3))
    assert np.abs(np.diff(fine, 2, axis=0)).max() / 1e-6 < 2500


def test_a_constant_stays_constant() -> None:
    np.testing.assert_allclose(smooth(np.full((50, 2), 0.3, np.float32), 60.0, 0.03).at(np.array([0.0, 0.5])), 0.3)
