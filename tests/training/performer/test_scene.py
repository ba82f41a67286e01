"""Scenes: angles have the documented signs, lamps and poses their ranges, seeds their bytes."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from training.performer.scene import Scene, random_pose, random_scene, rotation


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    rng = np.random.default_rng(2)
    return [random_scene(rng) for _ in range(400)]


def test_yaw_goes_to_the_pictures_right_pitch_up_and_roll_clockwise() -> None:
    nose, crown = np.array([0, 0, 1]), np.array([0, 1, 0])
    assert (rotation(0.3, 0, 0) @ nose)[0] > 0.2
    assert (rotation(0, 0.3, 0) @ nose)[1] > 0.2
    assert (rotation(0, 0, 0.3) @ crown)[0] > 0.2
    assert np.array_equal(rotation(0, 0, 0), np.eye(3, dtype=np.float32))


def test_rotations_are_proper_and_mostly_towards_the_camera() -> None:
    rng = np.random.default_rng(0)
    poses = np.stack([random_pose(rng) for _ in range(500)]).astype(float)
    np.testing.assert_allclose(poses @ poses.transpose(0, 2, 1), np.broadcast_to(np.eye(3), poses.shape), atol=1e-5)
    np.testing.assert_allclose(np.linalg.det(poses), 1, atol=1e-5)
    away = np.degrees(np.arccos(np.clip(poses[:, 2, 2], -1, 1)))
    assert np.median(away) < 30
    assert 45 < away.max() < 85


def test_lamps_are_unit_directions_with_light_in_them(scenes: list[Scene]) -> None:
    for scene in scenes:
        np.testing.assert_allclose(np.linalg.norm(scene.light_way, axis=1), 1, atol=1e-5)
        assert scene.light_colour.min() >= 0
        assert scene.ambient.shape == (4, 3)
        assert scene.ambient[0].min() > 0
        assert 28 <= scene.distance <= 160
        assert 0 <= scene.shadow <= 1
        assert 0 <= scene.softness <= 0.6


def test_infrared_is_rare_and_the_only_light_that_eyes_throw_back(scenes: list[Scene]) -> None:
    infrared = [scene for scene in scenes if scene.infrared]
    assert 5 <= len(infrared) <= 45
    assert all(scene.eye_glow == 0 for scene in scenes if not scene.infrared)
    assert any(scene.eye_glow > 0 for scene in infrared)


def test_a_given_pose_is_kept_and_the_same_seed_gives_the_same_scene() -> None:
    pose = rotation(0.2, 0.1, 0)
    assert random_scene(np.random.default_rng(0), pose).rotation is pose
    first, again, other = (asdict(random_scene(np.random.default_rng(seed))) for seed in (3, 3, 4))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["ambient"], other["ambient"])
