"""Fits and poses against NumPy's SVD, OpenCV's solvePnP and MediaPipe's published goldens, and their refusals."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mien import _native
from native_tools import LEVELS, raises, rotation_matrix, simd
from numpy.typing import NDArray

FOV = 1.1
Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]


def random_rotation(rng: np.random.Generator, limit: float = np.pi) -> Doubles:
    axis = rng.normal(size=3)
    return np.asarray(cv2.Rodrigues(axis / np.linalg.norm(axis) * rng.uniform(0, limit))[0], np.float64)


def umeyama(src: Floats, dst: Floats, weights: Floats) -> tuple[float, Doubles, Doubles]:
    """Scale, rotation and translation by SVD (Umeyama 1991), in float64."""
    w = weights.astype(np.float64) / weights.sum()
    a, b = src - w @ src, dst - w @ dst
    u, d, vt = np.linalg.svd((b * w[:, None]).T @ a)
    sign = np.ones(len(d))
    sign[-1] = np.sign(np.linalg.det(u) * np.linalg.det(vt))
    rotation = u @ np.diag(sign) @ vt
    scale = float((d * sign).sum() / (w[:, None] * a**2).sum())
    return scale, rotation, w @ dst - scale * rotation @ (w @ src)


@given(seed=st.integers(0, 2**32 - 1))
def test_a_similarity_is_the_svd_solution_of_noisy_points(seed: int) -> None:
    rng = np.random.default_rng(seed)
    src, dst = (rng.normal(0, 20, (12, 2)).astype(np.float32) for _ in range(2))
    dst += 2 * src
    weights = rng.uniform(0.1, 1, 12).astype(np.float32)
    scale, rotation, translation = umeyama(src, dst, weights)
    affine = _native.fit_similarity(src, dst, weights)
    assert np.allclose(affine, np.column_stack([scale * rotation, translation]), atol=1e-4)


@given(seed=st.integers(0, 2**32 - 1))
def test_a_rigid_fit_is_the_svd_solution_of_noisy_points(seed: int) -> None:
    rng = np.random.default_rng(seed)
    src = rng.normal(0, 8, (20, 3)).astype(np.float32)
    dst = (2.5 * src @ random_rotation(rng).T + [1, 2, 3] + rng.normal(0, 1, (20, 3))).astype(np.float32)
    weights = rng.uniform(0.1, 1, 20).astype(np.float32)
    scale, rotation, translation = umeyama(src, dst, weights)
    pose = _native.fit_rigid(src, dst, weights)
    assert np.isclose(pose.scale, scale, rtol=1e-5)
    assert np.allclose(rotation_matrix(pose.rotation), rotation, atol=1e-5)
    assert np.allclose(pose.translation, translation, atol=1e-3)
    error = scale * src @ rotation.T + translation - dst
    assert np.isclose(pose.residual, np.sqrt(np.average((error**2).sum(axis=1), weights=weights)), rtol=1e-4)
    assert _native.fit_rigid(src, dst, weights, fixed_scale=True).scale == 1.0


def test_a_half_turn_is_recovered_without_loss() -> None:
    src = np.random.default_rng(1).normal(0, 5, (8, 3)).astype(np.float32)
    for signs in ([1, -1, -1], [-1, 1, -1], [-1, -1, 1]):
        pose = _native.fit_rigid(src, src * np.array(signs, np.float32))
        assert np.allclose(rotation_matrix(pose.rotation), np.diag(signs), atol=1e-5)


@given(seed=st.integers(0, 2**32 - 1))
def test_a_pose_from_points_agrees_with_solvepnp(seed: int) -> None:
    rng = np.random.default_rng(seed)
    canonical = rng.uniform(-8, 8, (20, 3)).astype(np.float32)
    rotation, translation = random_rotation(rng, 1.2), np.array([*rng.uniform(-12, 12, 2), rng.uniform(-90, -45)])
    focal = 240 / np.tan(FOV / 2)
    camera = canonical @ rotation.T + translation
    points = np.column_stack([320 - focal * camera[:, 0] / camera[:, 2], 240 + focal * camera[:, 1] / camera[:, 2]])
    points = (points + rng.normal(0, 0.5, points.shape)).astype(np.float32)
    pose = _native.pose_from_points(points, canonical, None, 640, 480, FOV)
    matrix = np.array([[focal, 0, 320], [0, focal, 240], [0, 0, 1]])
    flip = np.diag([1.0, -1.0, -1.0])  # OpenCV's camera has y down and z forward
    start = cv2.Rodrigues(flip @ rotation)[0], (flip @ translation)[:, None].copy()
    _, turn, shift = cv2.solvePnP(canonical, points, matrix, None, *start, useExtrinsicGuess=True)
    assert np.allclose(rotation_matrix(pose.rotation), flip @ cv2.Rodrigues(turn)[0], atol=2e-3)
    assert np.allclose(pose.translation, flip @ shift.ravel(), atol=0.05)
    assert pose.scale == 1.0
    assert pose.residual < 1.5  # 0.5 px of noise in each of two directions


def test_points_of_weight_zero_do_not_matter() -> None:
    rng = np.random.default_rng(3)
    canonical = rng.uniform(-8, 8, (12, 3)).astype(np.float32)
    camera = canonical + np.array([0, 0, -60])
    points = np.column_stack([320 - 400 * camera[:, 0] / camera[:, 2], 240 + 400 * camera[:, 1] / camera[:, 2]])
    points = points.astype(np.float32)
    weights = np.ones(12, np.float32)
    weights[:3], points[:3] = 0, 9999
    pose = _native.pose_from_points(points, canonical, weights, 640, 480, float(2 * np.arctan(240 / 400)))
    assert np.allclose(pose.translation, [0, 0, -60], atol=1e-2)


@given(seed=st.integers(0, 2**32 - 1))
def test_a_pose_from_depth_finds_a_weak_perspective_face(seed: int) -> None:
    rng = np.random.default_rng(seed)
    canonical = rng.uniform(-8, 8, (40, 3)).astype(np.float32)
    rotation, translation = random_rotation(rng, 1.0), np.array([*rng.uniform(-8, 8, 2), rng.uniform(-90, -60)])
    camera = canonical @ rotation.T + translation
    focal, distance = 240 / np.tan(FOV / 2), -camera[:, 2].mean()
    landmarks = np.column_stack(
        [
            320 - focal * camera[:, 0] / camera[:, 2],
            240 + focal * camera[:, 1] / camera[:, 2],
            focal * (-camera[:, 2] - distance) / distance,
        ]
    ).astype(np.float32)
    pose = _native.pose_from_depth(landmarks, canonical, None, 640, 480, FOV)
    assert np.allclose(pose.translation, translation, atol=0.02 * distance)
    assert np.allclose(rotation_matrix(pose.rotation), rotation, atol=0.02)


def numbers(pattern: str, text: str) -> list[float]:
    return [float(found) for found in re.findall(rf"\b{pattern}: ([-+.\deE]+)", text)]


@pytest.mark.shared
def test_the_pose_is_that_of_mediapipes_golden(shared: Path) -> None:
    folder = shared / "mediapipe"
    vertices = (folder / "canonical_face_model.obj").read_text().splitlines()
    canonical = np.array([line.split()[1:4] for line in vertices if line.startswith("v ")], np.float32)
    weights = np.zeros(len(canonical), np.float32)
    metadata = (folder / "geometry_pipeline_metadata_landmarks.pbtxt").read_text()
    for index, weight in re.findall(r"landmark_id: (\d+) weight: ([\d.e-]+)", metadata):
        weights[int(index)] = float(weight)
    text = (folder / "face_blendshapes_in_landmarks.prototxt").read_text()
    normalised = np.column_stack([numbers(axis, text) for axis in "xyz"])[: len(canonical)]
    landmarks = (normalised * [820, 1024, 820]).astype(np.float32)
    golden = (folder / "face_geometry_expected_out.pbtxt").read_text()
    expected = np.array(numbers("packed_data", golden[golden.index("pose_transform_matrix") :])).reshape(4, 4).T
    pose = _native.pose_from_depth(landmarks, canonical, weights, 820, 1024, float(np.radians(63)))
    # MediaPipe computes in float32 over 468 points; at 64 cm that is about 1e-4 cm.
    assert np.allclose(rotation_matrix(pose.rotation), expected[:3, :3], atol=5e-6)
    assert np.allclose(pose.translation, expected[:3, 3], atol=5e-4)


@pytest.mark.parametrize("dims", [2, 3])
def test_points_are_mapped_equally_by_all_instruction_sets(dims: int) -> None:
    points = np.random.default_rng(4).normal(0, 100, (478, dims)).astype(np.float32)
    affine = np.array([[1.25, -0.3, 17.0], [0.3, 1.25, -4.0]])
    expected = points.copy()
    expected[:, :2] = points[:, :2].astype(np.float64) @ affine[:, :2].T + affine[:, 2]
    expected[:, 2:] *= np.float32(0.7)
    for level in LEVELS:
        with simd(level):
            out = np.zeros_like(points)
            _native.points_map(points, affine, 0.7, out)
            assert np.allclose(out, expected, rtol=1e-6, atol=1e-4)
            in_place = points.copy()
            _native.points_map(in_place, affine, 0.7, in_place)
            assert in_place.tobytes() == out.tobytes()


def test_degenerate_sets_are_refused() -> None:
    line = np.outer(np.arange(5), [1, 2, 3]).astype(np.float32)
    flat = np.random.default_rng(5).normal(0, 5, (9, 3)).astype(np.float32)
    flat[:, 2] = 0
    same = np.ones((5, 2), np.float32)
    with raises("geometry.degenerate"):
        _native.fit_similarity(same, same)
    with raises("geometry.degenerate"):
        _native.fit_rigid(line, line)
    with raises("geometry.degenerate"):
        _native.fit_rigid(flat, flat, np.zeros(9, np.float32))
    with raises("geometry.degenerate"):
        _native.pose_from_points(flat[:, :2].copy(), flat, None, 640, 480, FOV)
    with raises("geometry.degenerate"):
        _native.pose_from_points(same[:3], line[:3].copy(), None, 640, 480, FOV)


def test_bad_arguments_are_refused() -> None:
    points = np.random.default_rng(6).normal(0, 5, (9, 3)).astype(np.float32)
    bad = points.copy()
    bad[3, 1] = np.nan
    with raises("value.not_finite"):
        _native.fit_rigid(bad, points)
    with raises("value.not_finite"):
        _native.pose_from_depth(points, points, None, 640, 480, float("nan"))
    with raises("native.argument"):
        _native.pose_from_depth(points, points, None, 640, 480, 4.0)
    with raises("image.shape"):
        _native.pose_from_depth(points, points, None, 0, 480, FOV)
    with raises("native.argument"):
        _native.fit_rigid(points, points[:8])
    with raises("native.argument"):
        _native.fit_rigid(points.astype(np.float64), points)
    with raises("native.argument"):
        _native.fit_rigid(points, points, np.ones(8, np.float32))
    with raises("native.argument"):
        _native.fit_similarity(points, points)
    with raises("native.capacity"):
        _native.points_map(points, np.eye(2, 3), 1.0, np.zeros((8, 3), np.float32))
    block = np.zeros((10, 3), np.float32)
    with raises("native.argument"):
        _native.points_map(block[:9], np.eye(2, 3), 1.0, block[1:])
