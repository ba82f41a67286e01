"""Skin: colours within their ranges, over the whole human range, seeded."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from training.performer.assets import VERTICES, facekit
from training.performer.skin import Skin, random_skin

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def skins() -> list[Skin]:
    rng = np.random.default_rng(8)
    return [random_skin(rng) for _ in range(24)]


def test_colours_are_reflectances(skins: list[Skin]) -> None:
    for skin in skins:
        assert skin.albedo.shape == (VERTICES, 4)
        assert skin.albedo.dtype == np.float32
        assert 0 < skin.albedo[:, :3].min() <= skin.albedo[:, :3].max() <= 0.95
        assert skin.albedo[:, 3].min() >= 0
        for colour in (skin.tone, skin.hair, skin.lip, skin.brow, skin.iris, skin.sclera, skin.lash, skin.tongue):
            assert colour.shape == (3,)
            assert 0 < colour.min() <= colour.max() < 1.2
        for strength in (skin.lash_line, skin.freckles, skin.grain, skin.stubble, skin.wrinkles, skin.age, skin.pupil):
            assert 0 <= strength <= 1
        assert 0.9 <= skin.iris_scale <= 1.1


def test_people_are_of_all_tones(skins: list[Skin]) -> None:
    tones = np.array([skin.tone for skin in skins])
    assert (np.diff(tones, axis=1) < 0).all()  # red over green over blue
    assert tones[:, 0].min() < 0.15
    assert tones[:, 0].max() > 0.55


def test_people_have_lashes_brows_and_lids_of_many_kinds(skins: list[Skin]) -> None:
    lashes, brows, folds, liner = (
        np.array([getattr(skin, name) for skin in skins]) for name in ("lashes", "brow_shape", "lid_fold", "liner")
    )
    assert (lashes[:, 1] < lashes[:, 0]).all()  # the lower ones are shorter
    assert lashes[:, 0].min() < 0.5
    assert lashes[:, 0].max() > 0.9
    assert np.ptp(brows[:, 0]) > 0.3
    assert 0.1 < (folds[:, 3] > 0).mean() < 0.5  # single lids
    assert 0 < (liner[:, 1] > 0).mean() < 0.4


def test_teeth_are_lighter_than_gums(skins: list[Skin]) -> None:
    kit = facekit()
    for skin in skins:
        teeth, gums = (skin.albedo[kit.vertices_of(name), 1].mean() for name in ("teeth", "gums_tongue"))
        assert teeth > gums


def test_the_same_seed_gives_the_same_person() -> None:
    first, again, other = (asdict(random_skin(np.random.default_rng(seed))) for seed in (3, 3, 4))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["albedo"], other["albedo"])
