"""Sittings: the head moves, everything else stays; labels say where things are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from training import portraits
from training.errors import TrainingError
from training.performer.coefficients import COEFFICIENTS
from training.performer.people import random_person
from training.performer.renderer import Renderer
from training.performer.scene import rotation
from training.portraits import SIZE, View

REST = np.zeros(len(COEFFICIENTS), np.float32)
STILL = np.zeros(3, np.float32)


@pytest.fixture(scope="module")
def views(renderer_of_portraits: Renderer) -> list[View]:
    rng = np.random.default_rng(4)
    sitting = portraits.random_sitting(rng, random_person(np.random.default_rng(1)))
    turns = [rotation(0.0, 0.0, 0.0), rotation(np.radians(25.0), 0.0, 0.0)]
    return [portraits.shoot(renderer_of_portraits, sitting, REST, turn, STILL) for turn in turns]


@pytest.fixture(scope="module")
def renderer_of_portraits() -> Renderer:
    try:
        made = portraits._renderer()
    except TrainingError as error:
        if error.code != "render.no_egl":
            raise
        pytest.skip(f"needs OpenGL through EGL: {error.message}")
    made._gl.__enter__()
    return made


@pytest.mark.shared
def test_the_background_and_the_shoulders_stay_while_the_head_turns(views: list[View]) -> None:
    a, b = (view.picture.astype(int) for view in views)
    apart = np.abs(a - b).mean(2)
    assert np.median(apart[:20, :20]) < 3
    assert np.median(apart[-6:]) < 12
    assert apart[80:170, 90:170].mean() > 8


@pytest.mark.shared
def test_labels_place_the_head_in_the_picture(views: list[View]) -> None:
    """The tip of the nose, by rotation, place and lens, is where the landmark says."""
    for view in views:
        focal, x0, y0 = view.lens
        tip = view.rotation @ np.array([0, 0.41, 13.07]) + view.place
        pixel = np.array([x0 + focal * tip[0] / -tip[2], y0 - focal * tip[1] / -tip[2]])
        assert np.abs(pixel - view.points[30]).max() < 0.06 * SIZE  # of another person than the average one


@pytest.mark.shared
def test_the_same_seed_gives_the_same_shard_and_a_finished_one_is_left(
    renderer_of_portraits: Renderer, tmp_path: Path
) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        portraits.render_shard(tmp_path / folder, 0, 5, "validation", 1)
    one, other = (np.load(tmp_path / folder / "shard-0000.npz") for folder in ("a", "b"))
    assert one["picture"].shape == (1, len(portraits.HELD_OUT), SIZE, SIZE, 3)
    assert np.array_equal(one["picture"], other["picture"])
    driver, truth = portraits.HELD_OUT.index("driver"), portraits.HELD_OUT.index("truth")
    assert np.array_equal(one["rotation"][0, driver], one["rotation"][0, truth])
    before = (tmp_path / "a/shard-0000.npz").stat().st_mtime_ns
    portraits.render_shard(tmp_path / "a", 0, 5, "validation", 1)
    assert (tmp_path / "a/shard-0000.npz").stat().st_mtime_ns == before
