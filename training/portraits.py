"""Portraits: several pictures of one person before a camera that stands still, for learning how a portrait moves.

    python -m training.portraits out/portraits --count 2400 --seed 1

Light, background, shoulders and lens are the same in all pictures of a sitting; the head turns on its neck. Any two of
a sitting are a source and the truth of what it should become. In the split "validation" two other people take part,
who make the same movements: the same truth, asked for by somebody else's face.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import typer
from rich.progress import track

from training.command import run
from training.errors import TrainingError
from training.performer.backgrounds import background
from training.performer.coefficients import COEFFICIENTS
from training.performer.expressions import ExpressionSampler
from training.performer.head import normals
from training.performer.mesh import Mesh
from training.performer.people import Person, random_person
from training.performer.renderer import _MIDDLE, Renderer
from training.performer.scene import Camera, Scene, random_scene, rotation
from training.performer.sensor import capture

F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]

SIZE = 256
SPAN = 29.0  # cm that the picture shows at the head's distance
VIEWS = 6  # of one sitting
SHARD = 50  # sittings in one file
VERSION = 1
_NECK = np.array([0, -9.5, -1.5], np.float32)  # the joint that the head turns on, model cm
_STILL, _CARRIED = -13.5, -8.8  # cm; below the first nothing turns with the head, above the second all does
_FAULTS = 0.2  # strength of the camera's
LABELS = ("coefficients", "points", "rotation", "place", "lens")


@dataclass(frozen=True, eq=False)
class Sitting:
    """What stays the same in all pictures of a person.

    Attributes:
        scene: its rotation is the shoulders'. focal, centre: of the camera, pixels. behind: background, linear light.
        worn: beside what grows on the person. seed: of the camera's faults.
    """

    person: Person
    scene: Scene
    focal: float
    centre: F32
    behind: F32
    worn: list[Mesh]
    faults: float
    seed: int


@dataclass(frozen=True, eq=False)
class View:
    """One picture with its labels.

    Attributes:
        picture: uint8 (256, 256, 3). coefficients: (57,) what the face shows. points: (220, 2), pixels.
        rotation: (3, 3) head -> camera; place: (3,) camera cm of the model's origin: x = rotation @ v + place.
        lens: (3,) focal length and the optical axis' column and row, pixels: column = lens[1] + lens[0] * x / -z.
    """

    picture: U8
    coefficients: F32
    points: F32
    rotation: F32
    place: F32
    lens: F32


def random_sitting(rng: np.random.Generator, person: Person | None = None) -> Sitting:
    """A random person, or this one, in a random place."""
    person = random_person(rng) if person is None else person
    shoulders = rotation(*np.radians([rng.normal(0, 10), 0, 0]))
    scene = replace(random_scene(rng, shoulders), infrared=False, eye_glow=0.0)
    scene = replace(scene, distance=float(np.exp(rng.uniform(np.log(45), np.log(150)))))
    span = SPAN * np.exp(rng.normal(0, 0.05))
    focal = SIZE * scene.distance / span
    centre = np.array([rng.normal(0, 6), 10 + rng.normal(0, 6)], np.float32)
    behind = background(rng, SIZE, SIZE)
    glasses = person.glasses if rng.random() < 0.5 else []
    return Sitting(
        person, scene, float(focal), centre, behind, glasses, rng.uniform(0, _FAULTS), int(rng.integers(2**31))
    )


def random_turn(rng: np.random.Generator) -> tuple[F32, F32]:
    """A head's rotation in the camera's axes, and how far it leaves its place (3,), cm."""
    yaw, pitch, roll = np.clip(rng.normal([0, -1, 0], [13, 7, 5]), -38, 38)
    sway = rng.normal(0, [0.8, 0.4, 1.5])
    return rotation(*np.radians([yaw, pitch, roll])), np.asarray(sway, np.float32)


def shoot(renderer: Renderer, sitting: Sitting, coefficients: F32, turn: F32, sway: F32) -> View:
    """One picture of a sitting."""
    person, scene = sitting.person, replace(sitting.scene, rotation=turn)
    posed = person.head.pose(coefficients)
    bent = _bend(posed.vertices, person.head.neutral[:, 1], turn, sitting.scene.rotation)
    posed = replace(posed, vertices=bent, normals=normals(bent))
    worn = [_bent(mesh, turn, sitting.scene.rotation) for mesh in person.rigid]
    worn += [shell.mesh(posed.vertices) for shell in person.shells] + sitting.worn
    arm = _MIDDLE - _NECK
    camera = Camera(sitting.focal, sitting.centre, turn @ arm - arm + sway)
    seen = renderer.render(person.head, person.skin, posed, person.head.limited(coefficients), scene, worn, camera)
    cover = np.clip(seen.colour[..., 3:], 0, 1)
    light = np.maximum(seen.colour[..., :3], 0) + (1 - cover) * sitting.behind
    picture = capture(np.ascontiguousarray(light, np.float32), np.random.default_rng(sitting.seed), sitting.faults)
    place = np.array([0, 0, -scene.distance], np.float32) - turn @ _MIDDLE + camera.shift
    middle = (SIZE - 1) / 2
    lens = np.array([sitting.focal, middle + sitting.centre[0], middle + sitting.centre[1]], np.float32)
    return View(picture, person.head.shown(coefficients), seen.points, turn, place.astype(np.float32), lens)


def _bend(vertices: F32, height: F32, turn: F32, shoulders: F32) -> F32:
    """Model vertices (V, 3) that, turned with the head, leave the shoulders where they are (linear blend skinning)."""
    share = np.clip((height - _STILL) / (_CARRIED - _STILL), 0, 1)
    low = share < 1
    keep = (share * share * (3 - 2 * share))[low, None]
    arm = vertices[low] - _NECK
    out = vertices.copy()
    out[low] = keep * vertices[low] + (1 - keep) * (arm @ (turn.T @ shoulders).T + _NECK)
    return out


def _bent(mesh: Mesh, turn: F32, shoulders: F32) -> Mesh:
    if mesh.vertices[:, 1].min() > _CARRIED:
        return mesh
    return replace(mesh, vertices=_bend(mesh.vertices, mesh.vertices[:, 1], turn, shoulders))


@lru_cache(maxsize=1)
def _renderer() -> Renderer:
    return Renderer(SIZE)


def _stack(views: list[View]) -> dict[str, npt.NDArray[Any]]:
    return {key: np.stack([getattr(view, key) for view in views]) for key in ("picture", *LABELS)}


def _training(rng: np.random.Generator) -> list[View]:
    sitting = random_sitting(rng)
    moves = ExpressionSampler("train").sample(rng, VIEWS).coefficients
    return [shoot(_renderer(), sitting, move, *random_turn(rng)) for move in moves]


HELD_OUT = ("source", "truth", "rest", "driver_from", "driver", "driver_rest", "other_from", "other", "other_rest")


def _held_out(rng: np.random.Generator) -> list[View]:
    """In the order of HELD_OUT: a person as source, as it should become, and at rest; two others who do the same."""
    begin, move = ExpressionSampler("validation").sample(rng, 2).coefficients
    rest = np.zeros(len(COEFFICIENTS), np.float32)
    acts = [(begin, *random_turn(rng)), (move, *random_turn(rng))]
    acts.append((rest, rotation(0.0, 0.0, 0.0), np.zeros(3, np.float32)))
    return [shoot(_renderer(), sitting, *act) for sitting in [random_sitting(rng) for _ in range(3)] for act in acts]


def render_shard(folder: Path, shard: int, seed: int, split: str, count: int = SHARD) -> None:
    """Renders one shard unless it is there."""
    path = folder / f"shard-{shard:04d}.npz"
    if path.exists():
        return
    rows = []
    for k in range(count):
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(VERSION, split == "validation", shard, k)))
        rows.append(_stack(_training(rng) if split == "train" else _held_out(rng)))
    part = path.with_suffix(f".{os.getpid()}.part")
    with part.open("wb") as file:
        np.savez(file, allow_pickle=True, **{key: np.stack([row[key] for row in rows]) for key in rows[0]})
    part.replace(path)


def _job(arguments: tuple[Any, ...]) -> None:
    render_shard(*arguments)


def render(folder: Path, count: int, seed: int, split: str = "train", workers: int = 0) -> Iterator[None]:
    """Renders `count` sittings, as far as they are not there; yields after each shard."""
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [(folder, k, seed, split, min(SHARD, count - k * SHARD)) for k in range(-(-count // SHARD))]
    if workers == 1:
        for job in jobs:
            _job(job)
            yield
        return
    # One thread of linear algebra per process, which must be settled before a process loads numpy.
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    with ProcessPoolExecutor(workers or os.cpu_count(), multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(_job, jobs)


def main(
    folder: Path,
    count: Annotated[int, typer.Option(help="sittings", min=1)] = 2_000,
    seed: Annotated[int, typer.Option(help="the same seed gives the same bytes")] = 1,
    split: Annotated[str, typer.Option(help="train or validation")] = "train",
    workers: Annotated[int, typer.Option(help="processes; 0: one per core", min=0)] = 0,
) -> None:
    """Renders sittings."""
    if split not in ("train", "validation"):
        raise TrainingError("training.config", f"There is no split {split!r}.", "Use train or validation.")
    for _ in track(render(folder, count, seed, split, workers), "rendering", total=-(-count // SHARD)):
        pass


if __name__ == "__main__":
    run(main)
