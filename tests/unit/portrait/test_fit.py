"""mien.portrait.fit: a mesh that was projected is found again."""

from __future__ import annotations

import numpy as np
from mien.portrait.fit import Placed, at_rest, fit, turn_about
from mien.portrait.mesh import MIDDLE, NECK
from portraits import pipeline

AHEAD = np.zeros((2, 2), np.float32)


def seen(seed: int) -> tuple[np.ndarray, Placed, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    mesh = pipeline().task.mesh
    rest = mesh.neutral + np.tensordot(rng.normal(size=len(mesh.identities)).astype(np.float32), mesh.identities, 1)
    turn = turn_about(np.array([0.1, 0.9, 0.2]) / np.linalg.norm([0.1, 0.9, 0.2]), rng.uniform(-0.4, 0.4))
    placed = Placed(turn.astype(np.float32), 9.0, np.array([300.0, 200.0], np.float32))
    coefficients = np.clip(rng.normal(0.1, 0.2, 52), 0, 1).astype(np.float32)
    shape = mesh.shaped(rest, mesh.weights(coefficients, mesh.limits(rest)), AHEAD)
    return placed.project(shape), placed, coefficients, rest


def test_exact_landmarks_give_the_mesh_back() -> None:
    mesh = pipeline().task.mesh
    for seed in range(3):
        points, placed, coefficients, _ = seen(seed)
        found = fit(mesh, points[mesh.landmarks, :2], placed.rotation, coefficients, AHEAD)
        face = mesh.landmarks[mesh.skin[mesh.landmarks]]
        assert np.abs(found.points[face, :2] - points[face, :2]).max() < 2.0
        assert np.median(np.abs(found.points[:, :2] - points[:, :2])) < 1.5
        assert abs(found.placed.scale / placed.scale - 1) < 0.06


def test_what_no_person_explains_is_left_in_the_mesh() -> None:
    mesh = pipeline().task.mesh
    points, placed, coefficients, _ = seen(1)
    landmarks = points[mesh.landmarks, :2].copy()
    landmarks[48:68, 1] += 12  # a mouth lower than anybody's
    found = fit(mesh, landmarks, placed.rotation, coefficients, AHEAD)
    assert np.abs(found.points[mesh.landmarks[48:68], 1] - landmarks[48:68, 1]).mean() < 2.5


def test_a_fit_moves_with_its_picture() -> None:
    mesh = pipeline().task.mesh
    points, placed, coefficients, _ = seen(2)
    found = fit(mesh, points[mesh.landmarks, :2], placed.rotation, coefficients, AHEAD)
    half = found.moved(0.5, 10, -20)
    assert np.allclose(half.points[:, :2], found.points[:, :2] * 0.5 + [10, -20], atol=1e-3)
    again = half.placed.project(mesh.shaped(half.rest, mesh.weights(coefficients, mesh.limits(half.rest)), AHEAD))
    assert np.allclose(again[:, :2], half.points[:, :2], atol=1e-2)


def test_a_turned_head_at_rest_is_where_its_neck_leaves_it() -> None:
    level = Placed(np.eye(3, dtype=np.float32), 9.0, np.array([300.0, 200.0], np.float32))
    assert np.allclose(at_rest(level, MIDDLE), level.project(MIDDLE[None])[0, :2], atol=0.5)
    turn = turn_about(np.array([0.0, 1.0, 0.0]), 0.4).astype(np.float32)
    turned = Placed(turn, 9.0, level.origin + 9.0 * ((np.eye(3) - turn) @ NECK)[:2] * [1, -1])
    assert np.allclose(at_rest(turned, MIDDLE), at_rest(level, MIDDLE), atol=2.0)
