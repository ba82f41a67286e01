"""Studio: renders made for the evaluation: sweeps in neutral light, and pictures with and without an occluder.

All in processes of their own: there may be one renderer in each, and OpenGL does not survive a fork.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from training import dataset
from training.augment import Faces
from training.evaluation.part import Context
from training.performer import landmarks, occluders
from training.performer.coefficients import COEFFICIENTS
from training.performer.expressions import ExpressionSampler, sweep
from training.performer.people import Person, draw, photograph, random_person
from training.performer.renderer import Picture, Renderer
from training.performer.scene import Scene
from training.performer.sensor import capture

F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]

SIDE = 256  # pixels of a picture in which a detector must find the face
FRAMING = SIDE / 144  # its face crop then has the network's 144 pixels
COVER = 0.3  # share of the face that an occluder hides
_WALL = 0.18  # linear grey behind the sweeps
_SPLIT = 771  # keeps these random streams apart from the data sets'


@lru_cache(maxsize=1)
def _renderer(size: int) -> Renderer:
    return Renderer(size)


def _pool(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"))


def neutral_scene() -> Scene:
    """A head that looks straight into the camera at 70 cm, in soft light from the front; no shadow map."""
    ways = np.array([[0.2, 0.35, 0.915], [-0.5, 0.2, 0.84], [0.7, 0.3, -0.65]], np.float32)
    lights = np.array([[0.7] * 3, [0.2] * 3, [0.1] * 3], np.float32)
    ambient = np.array([[0.4] * 3, [0.0] * 3, [0.08] * 3, [0.05] * 3], np.float32)
    return Scene(np.eye(3, dtype=np.float32), 70.0, ways, lights, ambient, 0.0, 0.5, 0.0, False)


@lru_cache(maxsize=1)
def sweep_person(seed: int, index: int) -> Person:
    """The `index`-th person of the sweeps: nothing worn on the face, and every region of it can be seen."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_SPLIT, index)))
    rest = np.zeros(len(COEFFICIENTS), np.float32)
    while True:
        person = replace(random_person(rng), shells=[], glasses=[])
        seen = _still(person, rest).seen
        if min(seen[points].mean() for points in landmarks.region_points()) > 0.8:
            return person


def _still(person: Person, coefficients: F32) -> Picture:
    rng = np.random.default_rng(0)  # nothing is drawn from it: no glasses, no occluder
    return draw(_renderer(SIDE), person, coefficients, neutral_scene(), rng, FRAMING, occluded=0)


def _shoot(job: tuple[int, int, F32]) -> tuple[U8, F32]:
    seed, index, coefficients = job
    drawn = _still(sweep_person(seed, index), coefficients)
    light = drawn.colour[..., :3] + (1 - drawn.colour[..., 3:]) * np.float32(_WALL)
    return capture(np.ascontiguousarray(light), np.random.default_rng(0), 0.0), drawn.points


def stills(context: Context, coefficients: F32) -> U8:
    """The first person of the sweeps with expressions (N, 57), in neutral light: uint8 (N, SIDE, SIDE, 3)."""
    with _pool(1) as pool:
        return np.stack([picture for picture, _ in pool.map(_shoot, [(context.seed, 0, row) for row in coefficients])])


@dataclass(frozen=True, eq=False)
class Sweep:
    """One coefficient of one person through its range.

    Attributes:
        person, name: which. pictures: uint8 (S, SIDE, SIDE, 3). points: float32 (S, 220, 2), pixels.
    """

    person: int
    name: str
    pictures: U8
    points: F32


def _sweep(job: tuple[int, int, str, int]) -> Sweep:
    seed, person, name, steps = job
    shots = [_shoot((seed, person, row)) for row in sweep(name, np.linspace(0, 1, steps))]
    return Sweep(person, name, np.stack([shot[0] for shot in shots]), np.stack([shot[1] for shot in shots]))


def sweeps(context: Context) -> Iterator[Sweep]:
    """Every coefficient alone, of every person, in turn; one person's pictures (125 MB) at most wait to be seen."""
    with _pool(context.workers) as pool:
        for person in range(context.people):
            yield from pool.map(_sweep, [(context.seed, person, name, context.steps) for name in COEFFICIENTS])


def _pair(job: tuple[int, int, F32]) -> tuple[Faces, Faces]:
    seed, index, coefficients = job
    shots = []
    for covered in (False, True):
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_SPLIT, 1, index)))
        person = replace(random_person(rng), glasses=[])
        thing = occluders.occluder(person.bust, rng, person.skin.tone, COVER)
        if covered:
            person = replace(person, rigid=person.rigid + thing)
        shots.append(photograph(_renderer(dataset.SIZE), person, coefficients, rng, occluded=0))
    shown = person.head.shown(coefficients)[None]
    free, hidden = (
        Faces(
            shot.picture[None], shot.points[None], shot.rotation[None], shot.gaze[None], shown, shot.visibility[None],
        )
        for shot in shots
    )  # fmt: skip
    return free, hidden


def occluded_pairs(context: Context) -> tuple[Faces, Faces]:
    """The same pictures twice: free, and with a hand or a thing that hides about COVER of the face."""
    rng = np.random.default_rng(np.random.SeedSequence(context.seed, spawn_key=(_SPLIT, 2)))
    expressions = ExpressionSampler("validation").sample(rng, context.occluded).coefficients
    with _pool(context.workers) as pool:
        pairs = list(
            pool.map(_pair, [(context.seed, index, row) for index, row in enumerate(expressions)], chunksize=4)
        )
    free, hidden = zip(*pairs, strict=True)
    return _joined(free), _joined(hidden)


def _joined(faces: tuple[Faces, ...]) -> Faces:
    def all_of(name: str) -> F32:
        return np.concatenate([getattr(face, name) for face in faces]).astype(np.float32)

    pictures = np.concatenate([face.pictures for face in faces])
    return Faces(pictures, *map(all_of, ("points", "rotation", "gaze", "coefficients", "visibility")))
