"""Sensor: a perfect camera at strength 0, seeded variety at 1; lenses bend pictures and labels alike."""

from __future__ import annotations

import time

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from training.errors import TrainingError
from training.performer.sensor import Lens, capture


@pytest.fixture(scope="module")
def scene() -> npt.NDArray[np.float32]:
    """Smooth light with a bright disc, 0..3."""
    y, x = np.mgrid[0:200, 0:200] / 200
    picture = np.stack([x, y, 1 - x], -1).astype(np.float32) * 0.6
    cv2.circle(picture, (120, 80), 30, (3.0, 2.0, 1.0), -1)
    return picture


def test_strength_0_is_only_the_srgb_curve(scene: npt.NDArray[np.float32]) -> None:
    light = np.linspace(0, 1, 256, dtype=np.float32)[None, :, None].repeat(8, 0).repeat(3, 2)
    expected = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055) * 255
    for seed in range(20):
        assert np.abs(capture(light, np.random.default_rng(seed), 0.0) - expected).max() <= 1.5


def test_the_same_seed_gives_the_same_bytes_and_others_differ(scene: npt.NDArray[np.float32]) -> None:
    shots = [capture(scene, np.random.default_rng(seed)) for seed in (5, 5, 6)]
    assert shots[0].tobytes() == shots[1].tobytes()
    assert shots[0].tobytes() != shots[2].tobytes()


def test_every_shot_is_a_picture_of_the_same_size(scene: npt.NDArray[np.float32]) -> None:
    before = scene.copy()
    for seed in range(300):
        shot = capture(scene[:150], np.random.default_rng(seed))
        assert shot.shape == (150, 200, 3)
        assert shot.dtype == np.uint8
        assert shot.flags.c_contiguous
    assert np.array_equal(scene, before)


def test_nothing_moves(scene: npt.NDArray[np.float32]) -> None:
    """The mean of many shots has the disc where the scene has it."""
    mean = np.mean([capture(scene, np.random.default_rng(seed)).mean(-1) for seed in range(150)], 0)
    high = mean > (mean[80, 120] + mean[80, 60]) / 2
    y, x = np.nonzero(high[40:120, 80:160])
    assert abs(y.mean() + 40 - 80) < 0.6
    assert abs(x.mean() + 80 - 120) < 0.6


def test_grey_dark_and_soft_shots_occur(scene: npt.NDArray[np.float32]) -> None:
    shots = [capture(scene, np.random.default_rng(seed)) for seed in range(200)]
    assert 0.02 < np.mean([np.ptp(s, axis=2).mean() < 6 for s in shots]) < 0.4
    assert any(s.mean() < 40 for s in shots)
    edges = [np.abs(np.diff(s.astype(int), axis=1)).max() for s in shots]
    assert min(edges) < 40 < max(edges)


def test_a_wrong_scene_or_strength_is_refused(scene: npt.NDArray[np.float32]) -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(TrainingError, match="float32"):
        capture(scene.astype(np.float64), rng)
    with pytest.raises(TrainingError, match="strength"):
        capture(scene, rng, 2.0)


@pytest.mark.parametrize(("k1", "k2"), [(-0.25, 0.05), (0.3, 0.1), (0.0, 0.0), (-0.1, 0.0)])
def test_the_lens_map_undoes_what_the_lens_does_to_points(k1: float, k2: float) -> None:
    lens = Lens(k1, k2, 180.0, 90.0, 130.0)
    map_x, map_y = lens.undistort_map(200, 200)
    y, x = np.mgrid[0:200, 0:200].astype(np.float32)
    back = lens.distort_points(np.stack([map_x, map_y], -1))
    assert np.abs(back - np.stack([x, y], -1)).max() < 2e-3


def test_a_bent_picture_shows_a_dot_where_the_bent_label_says() -> None:
    lens = Lens(-0.3, 0.06, 150.0, 100.0, 100.0)
    for point in ((40, 60), (150, 90), (110, 170)):
        picture = np.zeros((200, 200, 3), np.float32)
        cv2.circle(picture, point, 3, (1, 1, 1), -1)
        bent = lens.bend(picture)[:, :, 0]
        y, x = np.mgrid[0:200, 0:200]
        found = np.array([(bent * x).sum(), (bent * y).sum()]) / bent.sum()
        expected = lens.distort_points(np.array(point, np.float32))
        assert np.abs(found - expected).max() < 0.1
        assert np.abs(expected - point).max() > 0.5


def test_a_lens_that_folds_the_picture_is_refused() -> None:
    with pytest.raises(TrainingError, match="fold"):
        Lens(-1.5, 0.0, 100.0, 100.0, 100.0).undistort_map(200, 200)


def test_the_cost_is_printed(scene: npt.NDArray[np.float32]) -> None:
    rng = np.random.default_rng(0)
    capture(scene, rng)
    start = time.perf_counter()
    for _ in range(50):
        capture(scene, rng)
    print(f"capture 200 x 200: {(time.perf_counter() - start) / 50 * 1e3:.2f} ms")
