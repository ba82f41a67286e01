"""Studio: renders made for the evaluation: stills and sweeps in neutral light, pictures with and without an occluder.

All in processes of their own, because OpenGL does not survive a fork. Every picture is as large as the network that is
judged wants it: its face crop then has as many pixels as the network's input.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from training.augment import Faces
from training.evaluation.part import Context
from training.performer import landmarks, occluders
from training.performer.backgrounds import background
from training.performer.coefficients import COEFFICIENTS, constrain, vector
from training.performer.expressions import ExpressionSampler, sweep
from training.performer.people import Person, draw, photograph, random_person
from training.performer.renderer import Picture, Renderer
from training.performer.scene import Scene, rotation
from training.performer.sensor import capture

F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]

FRAMING = 16 / 9  # side of a picture, in which a detector must find the face, in sides of the face crop
COVER = 0.3  # share of the face that an occluder hides
_CLOSE = 1.25  # the same as FRAMING where the faces are cut exactly
_WALL = 0.18  # linear grey behind the sweeps
_CASTING = 256  # pixels of the picture in which a person's face must show, whatever the network's size
_SPLIT = 771  # keeps these random streams apart from the data sets'
_PER_PERSON = 4  # pictures of one person in a case
_YAW, _PITCH = 20, 12  # degrees to which heads are turned in a case
_PHOTONS, _READ = 3e-4, 2e-3  # noise of the stills in low light, linear: variance for each unit of light; deviation


@lru_cache(maxsize=2)
def _renderer(size: int) -> Renderer:
    return Renderer(size)


def side(size: int, framing: float = FRAMING) -> int:
    """Pixels of a picture in which the face crop has a network's `size`: 256 for 144."""
    return round(size * framing)


def _pool(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"))


def neutral_scene(rotation: F32 | None = None) -> Scene:
    """A head 70 cm away in soft light from the front; no shadow map. It looks into the camera, or as it is turned."""
    ways = np.array([[0.2, 0.35, 0.915], [-0.5, 0.2, 0.84], [0.7, 0.3, -0.65]], np.float32)
    lights = np.array([[0.7] * 3, [0.2] * 3, [0.1] * 3], np.float32)
    ambient = np.array([[0.4] * 3, [0.0] * 3, [0.08] * 3, [0.05] * 3], np.float32)
    turned = np.eye(3, dtype=np.float32) if rotation is None else rotation
    return Scene(turned, 70.0, ways, lights, ambient, 0.0, 0.5, 0.0, False)


@lru_cache(maxsize=1)
def sweep_person(seed: int, index: int) -> Person:
    """The `index`-th person of the sweeps: nothing worn on the face, and every region of it can be seen."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_SPLIT, index)))
    rest = np.zeros(len(COEFFICIENTS), np.float32)
    while True:
        person = replace(random_person(rng), shells=[], glasses=[])
        seen = _drawn(person, Pose(index, rest), _CASTING).seen
        if min(seen[points].mean() for points in landmarks.region_points()) > 0.8:
            return person


@dataclass(frozen=True, eq=False)
class Pose:
    """A still to take.

    Attributes:
        person: which of the sweeps' people. coefficients: (57,). rotation: (3, 3) head -> camera, None: into it.
        stops: how much less light there is, in powers of two; the camera amplifies half of that away, with its noise.
        framing: side of the picture in sides of the face crop. background: a place behind the person, by its seed.
    """

    person: int
    coefficients: F32
    rotation: F32 | None = None
    stops: float = 0.0
    framing: float = FRAMING
    background: int | None = None


# What a case moves: a coefficient's or, for both sides alike, a pair's name -> the range of its value; and `stops`.
Cases = Mapping[str, Mapping[str, tuple[float, float]]]


@dataclass(frozen=True, eq=False)
class Stills:
    """Pictures of poses.

    Attributes:
        pictures: uint8 (N, S, S, 3). points: float32 (N, 220, 2), pixels.
        shown: float32 (N, 57), what each face shows of its coefficients.
    """

    pictures: U8
    points: F32
    shown: F32


def _drawn(person: Person, pose: Pose, pixels: int) -> Picture:
    rng = np.random.default_rng(0)  # nothing is drawn from it: no glasses, no occluder
    scene = neutral_scene(pose.rotation)
    return draw(_renderer(pixels), person, pose.coefficients, scene, rng, pose.framing, occluded=0)


def _shoot(job: tuple[int, int, Pose]) -> tuple[U8, F32, F32]:
    seed, size, pose = job
    person = sweep_person(seed, pose.person)
    drawn = _drawn(person, pose, side(size, pose.framing))
    behind: F32 | np.float32 = np.float32(_WALL)
    if pose.background is not None:
        behind = background(np.random.default_rng((seed, _SPLIT, pose.background)), *drawn.colour.shape[:2])
    light = drawn.colour[..., :3] + (1 - drawn.colour[..., 3:]) * behind
    if pose.stops > 0:
        rng, gain = np.random.default_rng((seed, _SPLIT, pose.person)), 2.0**pose.stops
        noise = np.sqrt(np.maximum(light, 0) / gain * _PHOTONS + _READ**2) * rng.standard_normal(light.shape)
        light = np.maximum(light / gain + noise, 0) * np.sqrt(gain)
    picture = capture(np.ascontiguousarray(light, np.float32), np.random.default_rng(0), 0.0)
    return picture, drawn.points, person.head.shown(pose.coefficients)


def take(context: Context, poses: Sequence[Pose], size: int | None = None) -> Stills:
    """The pictures of these poses, all of one framing; those of one person are best kept together.

    Args:
        size: pixels of the face crop; None: of the network's input.
    """
    jobs = [(context.seed, size or context.subject.size, pose) for pose in poses]
    with _pool(context.workers) as pool:
        shots = list(pool.map(_shoot, jobs, chunksize=max(len(jobs) // (4 * context.workers), 1)))
    return Stills(*(np.stack(column) for column in zip(*shots, strict=True)))


def drawn(context: Context, cases: Cases) -> Stills:
    """`context.faces` pictures of each case, one case after the other, of the same people, heads turned a little.

    Raises:
        TrainingError: ``training.config``; a case moves a coefficient that there is not.
    """
    poses = []
    for number, ranges in enumerate(cases.values()):
        rng = np.random.default_rng((context.seed, _SPLIT, number))
        for k in range(context.faces):
            recipe = {name: rng.uniform(*ends) for name, ends in ranges.items()}
            stops = recipe.pop("stops", 0.0)
            turn = rotation(*np.radians(rng.uniform((-_YAW, -_PITCH, 0), (_YAW, _PITCH, 0))))
            poses.append(Pose(k // _PER_PERSON, constrain(vector(recipe)), turn, stops))
    order = np.argsort([pose.person for pose in poses], kind="stable")
    taken, back = take(context, [poses[k] for k in order]), np.argsort(order)
    return Stills(taken.pictures[back], taken.points[back], taken.shown[back])


def stills(context: Context, coefficients: F32) -> U8:
    """The first person of the sweeps with expressions (N, 57), in neutral light: uint8 (N, S, S, 3)."""
    return take(context, [Pose(0, row) for row in coefficients]).pictures


@dataclass(frozen=True, eq=False)
class Sweep:
    """One coefficient of one person through its range.

    Attributes:
        person, name: which. pictures: uint8 (T, S, S, 3). points: float32 (T, 220, 2), pixels.
    """

    person: int
    name: str
    pictures: U8
    points: F32


def _sweep(job: tuple[int, int, int, str, int]) -> Sweep:
    seed, size, person, name, steps = job
    shots = [_shoot((seed, size, Pose(person, row))) for row in sweep(name, np.linspace(0, 1, steps))]
    return Sweep(person, name, np.stack([shot[0] for shot in shots]), np.stack([shot[1] for shot in shots]))


def sweeps(context: Context) -> Iterator[Sweep]:
    """Every coefficient alone, of every person, in turn; one person's pictures (125 MB) at most wait to be seen."""
    size, steps = context.subject.size, context.steps
    with _pool(context.workers) as pool:
        for person in range(context.people):
            yield from pool.map(_sweep, [(context.seed, size, person, name, steps) for name in COEFFICIENTS])


def _pair(job: tuple[int, int, int, F32]) -> tuple[Faces, Faces]:
    seed, size, index, coefficients = job
    shots = []
    for covered in (False, True):
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_SPLIT, 1, index)))
        person = replace(random_person(rng), glasses=[])
        thing = occluders.occluder(person.bust, rng, person.skin.tone, COVER)
        if covered:
            person = replace(person, rigid=person.rigid + thing)
        shots.append(photograph(_renderer(side(size, _CLOSE)), person, coefficients, rng, occluded=0))
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
        jobs = [(context.seed, context.subject.size, index, row) for index, row in enumerate(expressions)]
        pairs = list(pool.map(_pair, jobs, chunksize=4))
    free, hidden = zip(*pairs, strict=True)
    return _joined(free), _joined(hidden)


def _joined(faces: tuple[Faces, ...]) -> Faces:
    def all_of(name: str) -> F32:
        return np.concatenate([getattr(face, name) for face in faces]).astype(np.float32)

    pictures = np.concatenate([face.pictures for face in faces])
    return Faces(pictures, *map(all_of, ("points", "rotation", "gaze", "coefficients", "visibility")))
