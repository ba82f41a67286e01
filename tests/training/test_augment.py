"""Augmentation: labels follow the pixels, mirrors are involutions, a (seed, step) repeats itself."""

from __future__ import annotations

from dataclasses import fields, replace

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from mien.layouts import ARKIT52

from training.augment import Augment, Faces, LabelMap, face_region, mirror, mirror_order
from training.errors import TrainingError
from training.models.face import SIZE
from training.performer.landmarks import CROP

COEFFICIENTS = (*ARKIT52.names, "tongueUp", "tongueDown", "tongueLeft", "tongueRight", "tongueRoll")
REGIONS = ("eyeLeft", "eyeRight", "nose")
MIRROR = np.array([1, 0, 3, 2, 5, 4, 6, 8, 7])
LABELS = LabelMap(
    MIRROR,
    mirror_order(COEFFICIENTS),
    mirror_order(REGIONS),
    (np.array([1, 3]), np.array([0, 2]), np.array([4, 5, 6])),
    (0, 1),
)
# A rigid head, mirror-symmetric in x: right and left eye, brows, jaws, nose, cheeks; centimetres.
MODEL = np.array(
    [[-3, 3, 0], [3, 3, 0], [-3, 5, 1], [3, 5, 1], [-4, -5, -2], [4, -5, -2], [0, 0, 3], [-5, 0, -3], [5, 0, -3]]
)


def turn(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """A rotation by up to about half a radian about a random axis."""
    x, y, z = rng.normal(0, 0.25, 3)
    skew = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.linalg.inv(np.eye(3) - skew / 2) @ (np.eye(3) + skew / 2)  # Cayley


def faces(count: int, dots: bool = False) -> Faces:
    """Orthographic views of the model at 9 px/cm, on noise or as one white dot per landmark."""
    rng = np.random.default_rng(count)
    rotation = np.stack([turn(rng) for _ in range(count)])
    points = 100 + 9 * (MODEL @ rotation.transpose(0, 2, 1))[:, :, :2] * (1, -1) + rng.uniform(-4, 4, (count, 1, 2))
    pictures = rng.integers(0, 256, (count, 200, 200, 3), np.uint8)
    if dots:
        pictures[:] = 0
        for picture, landmarks in zip(pictures, points, strict=True):
            cv2.circle(picture, np.rint(landmarks[6] * 16).astype(int).tolist(), 48, (255, 255, 255), -1, 16, 4)
    f32 = np.float32
    return Faces(
        pictures,
        points.astype(f32),
        rotation.astype(f32),
        np.stack([rotation @ (0.2, 0.1, 0.97), rotation @ (-0.1, 0, 0.99)], 1).astype(f32),
        rng.random((count, 57), f32),
        np.ones((count, 3), f32),
    )


def assert_same(first: Faces, second: Faces) -> None:
    for field in fields(Faces):
        assert getattr(first, field.name).tobytes() == getattr(second, field.name).tobytes(), field.name


def test_a_mirror_twice_gives_the_faces_back_to_a_rounding() -> None:
    batch, every = faces(6), np.ones(6, np.bool_)
    once = mirror(batch, LABELS, every)
    assert np.array_equal(once.pictures, batch.pictures[:, :, ::-1])
    assert np.array_equal(once.coefficients[:, -3], batch.coefficients[:, -2])  # tongueLeft, tongueRight
    left, right = COEFFICIENTS.index("eyeLookInLeft"), COEFFICIENTS.index("eyeLookInRight")
    assert np.array_equal(once.coefficients[:, left], batch.coefficients[:, right])
    twice = mirror(once, LABELS, every)
    assert np.allclose(twice.points, batch.points, atol=1e-4)
    assert_same(replace(twice, points=batch.points), batch)


def test_only_the_chosen_faces_are_mirrored() -> None:
    batch = faces(4)
    some = mirror(batch, LABELS, np.array([True, False, False, True]))
    assert np.array_equal(some.pictures[1:3], batch.pictures[1:3])
    assert np.array_equal(some.points[1:3], batch.points[1:3])
    assert not np.array_equal(some.gaze[0], batch.gaze[0])


def test_the_plain_crop_is_level_centred_and_of_the_agreed_size() -> None:
    out = Augment(0, LABELS).plain(faces(8))
    low, high = out.points.min(1), out.points.max(1)
    assert np.allclose((low + high) / 2, (SIZE - 1) / 2, atol=1e-2)
    assert np.allclose((high - low).max(1), SIZE / CROP, atol=1e-2)
    assert np.allclose(out.points[:, 0, 1], out.points[:, 1, 1], atol=1e-2)
    assert (out.points[:, 0, 0] < out.points[:, 1, 0]).all()


def test_a_dot_lands_where_its_label_says() -> None:
    batch = faces(40, dots=True)
    y, x = np.mgrid[0:SIZE, 0:SIZE]
    seen = 0
    for out in (
        Augment(0, LABELS).plain(batch),
        mirror(Augment(0, LABELS).plain(batch), LABELS, np.ones(40, np.bool_)),
    ):
        for picture, points in zip(out.pictures[..., 1].astype(float), out.points, strict=True):
            found = np.array([(picture * x).sum(), (picture * y).sum()]) / picture.sum()
            assert np.abs(found - points[6]).max() < 0.15
    # The jitter is checked on the spoiled pictures that kept the dot: it is their brightest spot.
    out = Augment(1, LABELS).batch(0, batch)
    for picture, points, visible in zip(out.pictures, out.points, out.visibility, strict=True):
        grey = cv2.GaussianBlur(picture.astype(np.float32).mean(-1), (0, 0), 2)
        if visible[2] and grey.max() > 4 * (np.median(grey) + 5):
            place = np.unravel_index(int(grey.argmax()), grey.shape)
            seen += int(np.abs(np.array(place[::-1]) - points[6]).max() < 3)
    assert seen >= 15


@pytest.mark.parametrize("step", range(3))
def test_rotation_and_gaze_turn_with_the_points(step: int) -> None:
    batch = faces(64)
    out = Augment(7, LABELS).batch(step, batch)
    # The rigid model, turned by the label, must explain the landmarks up to scale and shift, mirrored or not.
    model = (MODEL @ out.rotation.astype(np.float64).transpose(0, 2, 1))[:, :, :2] * (1, -1)
    model -= model.mean(1, keepdims=True)
    points = out.points - out.points.mean(1, keepdims=True)
    scale = (model * points).sum((1, 2)) / (model * model).sum((1, 2))
    assert np.abs(scale[:, None, None] * model - points).max() < 1e-2
    assert np.allclose(np.linalg.det(out.rotation), 1, atol=1e-5)
    # In the head's own axes the gaze is what it was, or its mirror image with the eyes exchanged.
    before = np.einsum("bji,bej->bei", batch.rotation, batch.gaze)
    after = np.einsum("bji,bej->bei", out.rotation, out.gaze)
    same = np.abs(after - before).max((1, 2)) < 1e-5
    swapped = np.abs(after - before[:, ::-1] * (-1, 1, 1)).max((1, 2)) < 1e-5
    assert (same ^ swapped).all()
    assert 15 < swapped.sum() < 49


def test_a_seed_and_step_give_the_same_bytes_and_others_do_not() -> None:
    batch = faces(8)
    first = Augment(3, LABELS).batch(11, batch)
    again = Augment(3, LABELS)
    again.batch(10, batch)
    assert_same(first, again.batch(11, batch))
    assert not np.array_equal(first.pictures, again.batch(12, batch).pictures)
    assert not np.array_equal(first.pictures, Augment(4, LABELS).batch(11, batch).pictures)


def test_the_source_is_left_as_it_was() -> None:
    batch, copy = faces(8), faces(8)
    Augment(3, LABELS).batch(0, batch)
    assert_same(batch, copy)


def test_occluders_hide_some_regions_and_never_reveal_one() -> None:
    batch = faces(64)
    hidden = batch.visibility.copy()
    hidden[:, 2] = 0
    batch = replace(batch, visibility=hidden)
    out = np.concatenate([Augment(3, LABELS).batch(step, batch).visibility for step in range(3)])
    assert not out[:, 2].any()
    assert 0.02 < 1 - out[:, :2].mean() < 0.3


def test_nchw_is_a_view() -> None:
    out = Augment(3, LABELS, 128).batch(0, faces(2))
    assert out.nchw().shape == (2, 3, 128, 128)
    assert np.shares_memory(out.nchw(), out.pictures)


def test_region_turns_with_a_rolled_face() -> None:
    points = (MODEL[:, :2] * (9, -9)).astype(np.float32)
    roll = 0.4
    spin = np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
    upright = face_region(points, (0, 1))
    rolled = face_region((points @ spin.T).astype(np.float32), (0, 1))
    assert rolled.rotation == pytest.approx(roll, abs=1e-5)
    assert rolled.width == pytest.approx(upright.width, rel=1e-5)
    assert (rolled.cx, rolled.cy) == pytest.approx(tuple(spin @ (upright.cx, upright.cy)), abs=1e-3)


def test_labels_that_do_not_fit_are_refused() -> None:
    batch = faces(2)
    with pytest.raises(TrainingError, match="points"):
        Augment(0, LABELS).plain(replace(batch, points=batch.points[:, :5]))
    with pytest.raises(TrainingError, match="uint8"):
        Augment(0, LABELS).plain(replace(batch, pictures=batch.pictures[..., 0]))
    with pytest.raises(TrainingError, match="twice"):
        replace(LABELS, points=np.array([1, 2, 0]))
    with pytest.raises(TrainingError, match="partner"):
        mirror_order(("eyeLeft", "nose"))
