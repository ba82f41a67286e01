"""Sprites: busts without a background, rendered once and cached, from which training/frames.py composes scenes.

A shard is two files: `shard-000.npy` (RGBA, mapped into memory) and `shard-000.npz` (labels). It is written under
another name and renamed when whole, so what is there is complete; a run that was stopped goes on where it was. The last
thing written is `sprites.json` with what they were made of and their SHA-256.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.progress import track

from training.errors import TrainingError
from training.performer.expressions import ExpressionSampler, Split
from training.performer.people import draw, random_person
from training.performer.renderer import Renderer
from training.performer.scene import random_scene, rotation

F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]

SIZE = 256  # pixels
SHARD = 200
PER_PERSON = 4  # sprites of one person
BRIGHTEST = 2.0  # linear light of the value 255
BUST, CLOSE = (2.1, 2.8), (1.2, 1.6)  # framing: head and shoulders, or a face that shall fill a picture
_CLOSE, _TURNED = 0.16, 0.1  # shares: of close ones, of heads seen from behind
_OCCLUDED = 0.15
_VERSION = 1  # raise it when the same seed gives other sprites
_LABELS = ("points", "seen", "facing", "close")


@dataclass(frozen=True, eq=False)
class Sprites:
    """N busts.

    Attributes:
        shards: memory maps of uint8 (200, 256, 256, 4): radiance times coverage as sqrt(light / 2), and coverage.
        points: float32 (N, 220, 2), pixels, also where they lie outside the picture or behind something.
        seen: float32 (N,), share of the points that can be seen.
        facing: float32 (N,), cosine between the face's forward axis and the way to the camera.
        close: bool (N,), framed for a face that fills the picture.
    """

    shards: list[U8]
    points: F32
    seen: F32
    facing: F32
    close: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.points)

    def picture(self, index: int) -> U8:
        """One sprite, uint8 (256, 256, 4)."""
        picture: U8 = self.shards[index // SHARD][index % SHARD]
        return picture


def _pose(rng: np.random.Generator) -> F32:
    """Upright heads: half towards the camera, half anywhere up to profile, some turned away; rolled when composed."""
    yaw = rng.normal(0, 18) if rng.random() < 0.5 else rng.uniform(-92, 92)
    if rng.random() < _TURNED:
        yaw = rng.uniform(125, 235)
    pitch = np.clip(rng.normal(-2, 10 if rng.random() < 0.6 else 22), -50, 50)
    return rotation(math.radians(yaw), math.radians(pitch), 0.0)


def _render(renderer: Renderer, rng: np.random.Generator, split: Split, count: int) -> tuple[U8, dict[str, Any]]:
    expressions = ExpressionSampler(split).sample(rng, count)
    pictures = np.empty((count, SIZE, SIZE, 4), np.uint8)
    rows: dict[str, list[Any]] = {name: [] for name in _LABELS}
    for i in range(count):
        if i % PER_PERSON == 0:
            person = random_person(rng)
        close = bool(rng.random() < _CLOSE)
        # A scene is of one colour world, so none is infrared here; the camera greys whole scenes.
        scene = replace(random_scene(rng, _pose(rng)), infrared=False, eye_glow=0.0)
        framing = float(rng.uniform(*(CLOSE if close else BUST)))
        seen = draw(renderer, person, expressions.coefficients[i], scene, rng, framing, _OCCLUDED)
        light = np.sqrt(np.clip(seen.colour[..., :3] / BRIGHTEST, 0, 1))
        pictures[i, ..., :3] = np.round(light * 255)
        pictures[i, ..., 3] = np.round(np.clip(seen.colour[..., 3], 0, 1) * 255)
        for name, value in zip(_LABELS, (seen.points, seen.seen.mean(), scene.rotation[2, 2], close), strict=True):
            rows[name].append(value)
    labels = {name: np.array(values, np.bool_ if name == "close" else np.float32) for name, values in rows.items()}
    return pictures, labels


def _write(path: Path, save: Callable[[Any], None]) -> None:
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            save(file)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise TrainingError(
            "dataset.write", f"{path.name} could not be written ({error}).", "Free some space and run again."
        ) from error


def ensure(folder: Path, count: int, seed: int, split: Split) -> Sprites:
    """That many sprites, rendered as far as they are not there yet.

    Raises:
        TrainingError: the folder holds other sprites, or damaged ones, or cannot be written.
    """
    about = folder / "sprites.json"
    made_of = {"version": _VERSION, "seed": seed, "split": split}
    if about.exists():
        known = json.loads(about.read_text("utf-8"))
        if {key: known.get(key) for key in made_of} != made_of:
            raise TrainingError("dataset.other", f"{folder} holds sprites of {known}.", "Use another folder.")
    folder.mkdir(parents=True, exist_ok=True)
    renderer: Renderer | None = None
    shards, rows, digests = [], [], []
    for k in track(range(-(-count // SHARD)), f"sprites ({split})"):
        pictures_at, labels_at = folder / f"shard-{k:03d}.npy", folder / f"shard-{k:03d}.npz"
        if not (pictures_at.exists() and labels_at.exists()):
            renderer = renderer or Renderer(SIZE)
            rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_VERSION, split == "validation", k)))
            pictures, labels = _render(renderer, rng, split, SHARD)
            _write(pictures_at, lambda file, value=pictures: np.save(file, value))  # type: ignore[misc]
            _write(labels_at, lambda file, value=labels: np.savez(file, **value))  # type: ignore[misc]
        try:
            shards.append(np.load(pictures_at, mmap_mode="r"))
            with np.load(labels_at) as stored:
                rows.append({name: stored[name] for name in _LABELS})
            if len(shards[-1]) != len(rows[-1]["seen"]):
                raise ValueError(f"{len(shards[-1])} pictures, {len(rows[-1]['seen'])} labels")
        except (OSError, ValueError, KeyError) as error:
            raise TrainingError(
                "dataset.damaged", f"{pictures_at.stem} cannot be read ({error}).", "Delete it and run again."
            ) from error
        digest = hashlib.sha256(pictures_at.read_bytes())
        for name in _LABELS:
            digest.update(np.ascontiguousarray(rows[-1][name]).tobytes())
        digests.append(digest.hexdigest())
    text = json.dumps({**made_of, "sha256": digests}, indent=1) + "\n"
    _write(about, lambda file: file.write(text.encode()))
    labels = {name: np.concatenate([row[name] for row in rows])[:count] for name in _LABELS}
    return Sprites(shards, **labels)
