"""The demo's film: it goes through its programme, repeats itself, stays within its size, and mien reads it."""

from __future__ import annotations

from pathlib import Path

import cv2
import mien
import numpy as np
import pytest

from training import performance_video
from training.errors import TrainingError
from training.paths import ROOT
from training.performance_video import LENGTH, PROGRAMME, RATE, acted, curves, film, write
from training.performer.coefficients import constrain, slots, vector
from training.performer.people import random_person
from training.performer.renderer import Renderer

SHIPPED = ROOT / "sdk" / "mien" / "data" / "performance.mp4"


def test_the_programme_moves_every_act_and_begins_and_ends_at_rest() -> None:
    c = acted(np.arange(round(LENGTH * RATE)) / RATE)
    assert not c[0].any() and not c[-1].any()
    np.testing.assert_array_equal(c, constrain(c))
    for begin, end, recipe in PROGRAMME:
        middle = c[round((begin + end) / 2 * RATE)]
        for name, value in recipe.items():
            assert middle[list(slots(name))].min() > 0.8 * value, name
    assert np.abs(np.diff(c, axis=0)).max() < 0.5  # nothing jumps, not even a blink


@pytest.mark.shared
def test_a_longer_film_goes_on_with_a_performance() -> None:
    c = curves(np.random.default_rng(1), LENGTH + 2)
    assert c.shape == (round((LENGTH + 2) * RATE), 57)
    np.testing.assert_array_equal(c[: round(LENGTH * RATE)], curves(np.random.default_rng(2), LENGTH))
    assert c[round(LENGTH * RATE) :].any()


@pytest.mark.shared
def test_the_same_seed_gives_the_same_film_and_mien_reads_it(renderer: Renderer, tmp_path: Path) -> None:
    first, again = (list(film(11, 0.1, 64)) for _ in range(2))
    assert len(first) == 3
    np.testing.assert_array_equal(first, again)
    path = tmp_path / "film.mp4"
    write(path, iter(first), 3)
    source = mien.Video(str(path))
    assert source.length() == 3
    frame = source.read()
    assert frame is not None and frame.to_rgb().shape == (64, 64, 3)
    assert np.abs(frame.to_rgb().astype(int) - first[0]).mean() < 12
    source.close()


@pytest.mark.parametrize(("seconds", "size"), [(0.0, 320), (float("nan"), 320), (1.0, 32)])
def test_a_film_of_nothing_is_refused(seconds: float, size: int) -> None:
    with pytest.raises(TrainingError) as caught:
        next(film(1, seconds, size))
    assert caught.value.code == "training.config"


@pytest.mark.shared
def test_the_camera_stands_still_while_the_jaw_drops(renderer: Renderer) -> None:
    camera = performance_video._Camera(random_person(np.random.default_rng(11)), 96)
    still = np.eye(3, dtype=np.float32)
    shut, wide = (camera.shoot(vector(recipe), still, np.zeros(2)) for recipe in ({}, {"jawOpen": 1.0}))
    (dx, dy), _ = cv2.phaseCorrelate(shut[:40, :, 3].copy(), wide[:40, :, 3].copy())  # hair and forehead
    assert np.hypot(dx, dy) < 0.3
    assert np.abs(shut[40:, :, :3] - wide[40:, :, :3]).max() > 0.05


def test_the_film_that_ships_is_small_and_whole() -> None:
    assert SHIPPED.stat().st_size < 500_000
    source = mien.Video(str(SHIPPED))
    assert (source.length(), source.fps) == (round(LENGTH * RATE), RATE)
    frame = source.read()
    assert frame is not None and (frame.width, frame.height) == (320, 320)
    source.close()
