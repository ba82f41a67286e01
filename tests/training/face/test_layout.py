"""The table of halves: every landmark and coefficient belongs to one half's own, the other's, or the middle."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from mien.tracking import Region

from training.augment import _jitter
from training.face.batches import crop_of
from training.face.layout import BEYOND, MIDDLE, SIZE, centred, gates, halves, neutral
from training.face.network import _EYE, _MOUTH
from training.performer import landmarks
from training.performer.coefficients import COEFFICIENTS
from training.performer.expressions import FREE_SIDES, LEARNT, ExpressionSampler
from training.performer.head import Head, random_identity
from training.performer.scene import random_scene

F64 = npt.NDArray[np.float64]

pytestmark = pytest.mark.shared


def test_two_halves_have_every_landmark_once_and_share_the_middle_line() -> None:
    table = halves()
    sides = len(table.own) - table.middle
    together = np.concatenate([table.own[:sides], table.other[:sides], table.own[sides:]])
    assert np.array_equal(np.sort(together), np.arange(landmarks.COUNT))
    assert np.array_equal(table.own[sides:], table.other[sides:])
    assert (neutral()[table.own[:sides], 0] > 0).all()  # the subject's left
    assert (neutral()[table.other[:sides], 0] < 0).all()


def test_every_coefficient_is_of_a_side_or_of_none() -> None:
    table = halves()
    assert np.array_equal(np.sort(np.concatenate([table.left, table.right, table.centre])), np.arange(57))
    for left, right in zip(table.left, table.right, strict=True):
        assert COEFFICIENTS[left].removesuffix("Left") == COEFFICIENTS[right].removesuffix("Right")
    names = [COEFFICIENTS[slot] for slot in table.centre]
    assert names[table.centre_mirrored[names.index("jawLeft")]] == "jawRight"
    assert names[table.centre_mirrored[names.index("jawOpen")]] == "jawOpen"


def test_windows_locate_the_eye_with_its_brow_and_the_mouth() -> None:
    table = halves()
    eye, mouth = set(table.own[table.eye].tolist()), set(table.own[table.mouth].tolist())
    assert eye >= {*landmarks.LEFT_EYE, *range(22, 27), *range(68, 73)}
    assert mouth >= {*range(51, 58), *range(62, 67)}
    assert not eye & mouth


def test_only_what_shows_in_one_region_of_a_side_can_be_told_by_the_other_side() -> None:
    gated = {COEFFICIENTS[slot] for slot, gate in zip(halves().left, gates(), strict=True) if gate >= 0}
    assert {"eyeBlinkLeft", "browDownLeft", "cheekSquintLeft"} <= gated
    assert not {"mouthSmileLeft", "noseSneerLeft"} & gated


def test_the_crop_s_middle_column_meets_the_middle_of_the_face() -> None:
    rng = np.random.default_rng(0)
    points = rng.uniform(50, 150, (220, 2)).astype(np.float32)
    moved = centred(Region(90.0, 80.0, 120.0, 120.0, 0.3), points)
    affine = moved.affine(SIZE, SIZE, "center")
    here = np.linalg.inv(affine[:, :2]) @ (points[list(MIDDLE)].mean(0) - affine[:, 2])
    assert here[0] == pytest.approx((SIZE - 1) / 2, abs=1e-3)
    assert (moved.width, moved.height, moved.rotation) == (120.0, 120.0, 0.3)
    assert BEYOND * 2 < SIZE


def outwards(count: int = 400) -> tuple[F64, F64]:
    """Landmarks of random faces, cut as training cuts them: (N, 220, 2) pixels, and their yaw, degrees."""
    rng = np.random.default_rng(0)
    expressions = ExpressionSampler("train", LEARNT, FREE_SIDES).sample(rng, count).coefficients
    cut, yaw = np.empty((count, landmarks.COUNT, 2)), np.empty(count)
    for i, coefficients in enumerate(expressions):
        if i % 5 == 0:
            head = Head(random_identity(rng))
        scene = random_scene(rng)
        marks = landmarks.positions(head.pose(coefficients), 1.0, head.eye_scale) @ scene.rotation.T
        marks = marks - [0, 0, scene.distance] - scene.rotation @ [0, 0, 6]
        flat = np.stack([marks[:, 0], -marks[:, 1]], 1) / -marks[:, 2:] * 1000
        affine = _jitter(rng, crop_of(flat.astype(np.float32))).affine(SIZE, SIZE, "center")
        cut[i] = (flat - affine[:, 2]) @ np.linalg.inv(affine[:, :2]).T
        yaw[i] = np.degrees(np.arctan2(scene.rotation[0, 2], scene.rotation[2, 2]))
    return cut, yaw


def test_eyes_brows_and_lips_stay_in_their_windows_up_to_45_degrees() -> None:
    cut, yaw = outwards()
    table = halves()
    seen = cut[np.abs(yaw) < 45]
    for window, places in ((_EYE, table.eye), (_MOUTH, table.mouth)):
        x = seen[:, table.own[places], 0] - (SIZE / 2 - BEYOND) - window.left
        y = seen[:, table.own[places], 1] - window.top
        inside = (x >= 0) & (x < window.columns) & (y >= 0) & (y < window.rows)
        assert inside.mean() > 0.93
    own = seen[:, list(landmarks.LEFT_EYE), 0] - (SIZE - 1) / 2
    assert np.percentile(own, 1) > -3  # the eye hardly crosses the middle column
