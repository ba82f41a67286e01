"""The numbers that training logs."""

from __future__ import annotations

import numpy as np
import pytest

from training.augment import Faces
from training.measures import correlations, degrees_between, face_scores, turned
from training.performer.scene import rotation


def test_correlation_is_pearsons_and_0_for_what_does_not_move() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random((50, 3)).astype(np.float32)
    guess = np.stack([2 * truth[:, 0] + 1, -truth[:, 1], np.ones(50)], 1).astype(np.float32)
    assert correlations(guess, truth) == pytest.approx([1, -1, 0], abs=1e-5)
    noisy = (truth + rng.normal(0, 0.3, truth.shape)).astype(np.float32)
    assert correlations(noisy, truth)[0] == pytest.approx(np.corrcoef(noisy[:, 0], truth[:, 0])[0, 1], abs=1e-5)


def test_angles_are_degrees() -> None:
    x, y = np.eye(3, dtype=np.float32)[:2]
    assert degrees_between(x, y) == pytest.approx(90)
    assert degrees_between(x, x) == pytest.approx(0)
    assert turned(rotation(0.5, 0, 0), rotation(0.2, 0, 0)) == pytest.approx(np.degrees(0.3), abs=1e-2)


def test_a_perfect_guess_scores_perfectly() -> None:
    rng = np.random.default_rng(1)
    count = 12
    points = rng.uniform(0, 144, (count, 220, 2)).astype(np.float32)
    points[:, 36], points[:, 45] = (40, 60), (100, 60)
    gaze = np.broadcast_to(np.float32([0, 0, 1]), (count, 2, 3)).copy()
    turns = np.broadcast_to(np.eye(3, dtype=np.float32), (count, 3, 3)).copy()
    seen = (rng.random((count, 9)) > 0.2).astype(np.float32)
    truth = rng.random((count, 57)).astype(np.float32)
    faces = Faces(np.zeros((count, 1, 1, 3), np.uint8), points, turns, gaze, truth, seen)
    perfect = face_scores(faces, points, truth, turns, gaze, seen - 0.5)
    assert perfect["worst_r"] == pytest.approx(1)
    assert perfect["visibility_accuracy"] == 1
    for name in ("mae", "nme_percent", "rotation_degrees", "gaze_degrees"):
        assert perfect[name] == pytest.approx(0, abs=0.05), name
    off = face_scores(faces, points + np.float32([6, 0]), truth, turns, gaze, seen - 0.5)
    assert off["nme_percent"] == pytest.approx(10, abs=1e-3)
    assert len(off["r"]) == 57
