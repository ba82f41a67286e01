"""People and their photographs: seeded, labelled, of the promised shapes."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from training.performer.people import Person, Shot, photograph, random_person
from training.performer.renderer import Renderer
from training.performer.scene import random_scene, rotation

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def person() -> Person:
    return random_person(np.random.default_rng(12))


def shot(renderer: Renderer, person: Person, seed: int, occluded: float = 0.0) -> Shot:
    rng = np.random.default_rng(seed)
    facing = random_scene(rng, rotation(0, 0, 0))
    return photograph(renderer, person, np.zeros(57, np.float32), rng, scene=facing, occluded=occluded, strength=0.2)


def test_a_photograph_has_its_labels(renderer: Renderer, person: Person) -> None:
    got = shot(renderer, person, 0)
    assert got.picture.shape == (renderer.size, renderer.size, 3)
    assert got.picture.dtype == np.uint8
    assert got.picture.std() > 5
    assert got.points.shape == (220, 2)
    assert np.array_equal(got.rotation, np.eye(3, dtype=np.float32))
    assert got.visibility.shape == (9,)
    assert 0 <= got.visibility.min() <= got.visibility.max() <= 1


def test_the_same_seed_gives_the_same_photograph(renderer: Renderer, person: Person) -> None:
    first, again, other = (asdict(shot(renderer, person, seed)) for seed in (1, 1, 2))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["picture"], other["picture"])


def test_something_before_the_face_hides_some_of_it(renderer: Renderer, person: Person) -> None:
    free = np.stack([shot(renderer, person, seed).visibility for seed in range(4)])
    covered = np.stack([shot(renderer, person, seed, occluded=1.0).visibility for seed in range(4)])
    assert covered.sum() < free.sum() - 1


def test_people_are_seeded() -> None:
    first, again, other = (random_person(np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert np.array_equal(first.head.identity, again.head.identity)
    assert len(first.rigid) == len(again.rigid)
    assert all(np.array_equal(a.vertices, b.vertices) for a, b in zip(first.rigid, again.rigid, strict=True))
    assert not np.array_equal(first.head.identity, other.head.identity)
