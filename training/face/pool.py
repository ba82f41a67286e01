"""The pool: rendered people who come and go while the network learns, as shards on disk.

A shard is `SHARD` pictures of new people: `shard-00000.npy`, JPEG bytes one behind the other, mapped into memory, and
`shard-00000.npz`, the labels. Its content depends on (seed, version, split, number) alone. Which shards training draws
from depends on how many samples it has seen, so that a run that was stopped, or begins anew, sees the same pictures:
new people come as long as it goes on, and after `WINDOW` shards the oldest are retired. Processes of their own render
ahead of it; what is retired is deleted.

240 x 240 pixels hold a crop of 192 and a margin of a quarter. About 20 kB a picture: a full pool is 1 GB.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from training.errors import TrainingError
from training.face.layout import IDENTITY, neutral
from training.performer.expressions import FREE_SIDES, LEARNT, MIXTURE, ExpressionSampler
from training.performer.people import photograph, random_person
from training.performer.renderer import Renderer

F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]

SIDE = 240  # pixels of a picture
SHARD = 512  # pictures
PER_PERSON = 3  # pictures of one person: people are as scarce as pictures
VERSION = 4  # of the performer; raise it when the same seed gives other pictures
START, WINDOW = 12, 96  # shards before the first sample; shards at most
REUSE = 30  # samples for which one new picture comes: what two cores render and train in about equal time
AHEAD = 3  # shards that are rendered before they are needed
_QUALITY = 95
_LABELS = ("coefficients", "points", "shape", "rotation", "gaze", "visibility", "identity", "person", "kind")


def wanted(samples: int) -> range:
    """The shards that training draws from after so many samples."""
    last = START + samples // (SHARD * REUSE)
    return range(max(0, last - WINDOW), last)


@dataclass(frozen=True)
class Content:
    """What a pool shows: split of the recordings, kinds of expression with their weights, share of free sides, chance
    of something before the face, pictures of one person."""

    split: str = "train"
    kinds: tuple[tuple[str, float], ...] = tuple(LEARNT.items())
    free_sides: float = FREE_SIDES
    occluded: float = 0.12
    per_person: int = PER_PERSON


TRAINING = Content()
HELD_OUT = Content("validation", tuple(MIXTURE.items()), 0.0, per_person=8)
HELD_OUT_SIDES = Content("validation", (("lone", 0.6), ("act", 0.4)), 0.0, 0.0, per_person=8)


@dataclass(frozen=True, eq=False)
class Shard:
    """N pictures: jpeg: their bytes, and ends (N,) where each ends; labels by name, as in `augment.Faces`; shape
    float16 (N, 220, 3): landmarks in the head's axes, centimetres from the average head at rest; identity (N, 20)."""

    jpeg: U8
    ends: npt.NDArray[np.int64]
    labels: dict[str, npt.NDArray[Any]]

    def picture(self, row: int) -> U8:
        """One picture, uint8 (240, 240, 3), RGB."""
        begin = int(self.ends[row - 1]) if row else 0
        found = cv2.imdecode(np.asarray(self.jpeg[begin : self.ends[row]]), cv2.IMREAD_COLOR_RGB)
        return np.asarray(found, np.uint8)


class Pool:
    """The shards of one folder, read on demand."""

    def __init__(self, folder: Path, seed: int, content: Content = TRAINING) -> None:
        self.folder, self.seed, self.content = folder, seed, content
        folder.mkdir(parents=True, exist_ok=True)
        self._open: dict[int, Shard] = {}

    def path(self, number: int) -> Path:
        """The labels of a shard; its pictures lie beside them. Labels are written last: they are there when all is."""
        return self.folder / f"shard-{number:05d}.npz"

    def has(self, number: int) -> bool:
        """Whether a shard is there, whole."""
        return number in self._open or self.path(number).exists()

    def shard(self, number: int) -> Shard:
        """A shard, once it is there: waits for whoever renders it.

        Raises:
            TrainingError: ``dataset.damaged``; it cannot be read.
        """
        if number not in self._open:
            while not self.has(number):
                time.sleep(0.2)  # a renderer works on it in another process
            self._open[number] = self._read(number)
        return self._open[number]

    def _read(self, number: int) -> Shard:
        path = self.path(number)
        try:
            with path.open("rb") as file, np.load(file) as labels:
                found = {key: labels[key] for key in (*_LABELS, "ends")}
            return Shard(np.load(path.with_suffix(".npy"), mmap_mode="r"), found.pop("ends"), found)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise TrainingError(
                "dataset.damaged", f"{path} cannot be read ({error}).", "Delete it and render again."
            ) from error

    def retire(self, before: int) -> None:
        """Forgets and deletes the shards before a number."""
        for number in [k for k in self._open if k < before]:
            del self._open[number]
        for path in self.folder.glob("shard-*.npz"):
            if int(path.stem.removeprefix("shard-")) < before:
                path.unlink(missing_ok=True)
                path.with_suffix(".npy").unlink(missing_ok=True)

    def render(self, number: int, count: int = SHARD, alive: Any = None) -> None:
        """Renders a shard unless it is there.

        Args:
            alive: called before each picture; where it gives False, nothing is written.

        Raises:
            TrainingError: ``dataset.write``; there is no room for it.
        """
        if self.has(number):
            return
        rng = np.random.default_rng(
            np.random.SeedSequence(self.seed, spawn_key=(VERSION, self.content.split == "validation", number))
        )
        drawn = _render(rng, number, count, self.content, alive)
        if drawn is None:
            return
        jpeg, labels = drawn
        path = self.path(number)
        try:
            for target, save in ((path.with_suffix(".npy"), lambda f: np.save(f, jpeg)), (path, _saver(labels))):
                part = target.with_name(f"{target.name}.{os.getpid()}.part")
                with part.open("wb") as file:
                    save(file)
                part.replace(target)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise TrainingError(
                "dataset.write", f"{path.name} could not be written ({error}).", "Free some space and run again."
            ) from error

    def all(self, count: int) -> tuple[list[U8], dict[str, npt.NDArray[Any]]]:
        """The first `count` pictures and their labels, rendered here where they are missing: for a held-out set."""
        for number in range(-(-count // SHARD)):
            self.render(number)
        shards = [self.shard(number) for number in range(-(-count // SHARD))]
        pictures = [shards[k // SHARD].picture(k % SHARD) for k in range(count)]
        return pictures, {key: np.concatenate([s.labels[key] for s in shards])[:count] for key in _LABELS}


def _saver(labels: dict[str, npt.NDArray[Any]]) -> Any:
    return lambda file: np.savez(file, allow_pickle=True, **labels)


@lru_cache(maxsize=1)
def _renderer() -> Renderer:
    return Renderer(SIDE)


def _render(
    rng: np.random.Generator, number: int, count: int, content: Content, alive: Any
) -> tuple[U8, dict[str, npt.NDArray[Any]]] | None:
    sampler = ExpressionSampler(content.split, dict(content.kinds), content.free_sides)  # type: ignore[arg-type]
    expressions = sampler.sample(rng, count)
    keys = ("coefficients", "points", "shape", "rotation", "gaze", "visibility", "identity")
    rows: dict[str, list[F32]] = {key: [] for key in keys}
    jpeg: list[U8] = []
    for i in range(count):
        if alive is not None and not alive():
            return None
        if i % content.per_person == 0:
            person = random_person(rng)
        asked = expressions.coefficients[i]
        shot = photograph(_renderer(), person, asked, rng, occluded=content.occluded)
        jpeg.append(_encoded(shot.picture))
        values = (
            person.head.shown(asked), shot.points, shot.marks - neutral(), shot.rotation, shot.gaze, shot.visibility,
            person.head.identity[:IDENTITY],
        )  # fmt: skip
        for key, value in zip(keys, values, strict=True):
            rows[key].append(value)
    half = ("shape", "identity")
    labels: dict[str, npt.NDArray[Any]] = {
        key: np.stack(values).astype(np.float16 if key in half else np.float32) for key, values in rows.items()
    }
    labels["person"] = (np.arange(count) // content.per_person + number * SHARD).astype(np.int32)
    labels["kind"] = expressions.kind
    labels["ends"] = np.cumsum([len(data) for data in jpeg])
    return np.concatenate(jpeg), labels


def _encoded(picture: U8) -> U8:
    options = [
        cv2.IMWRITE_JPEG_QUALITY, _QUALITY,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    ]  # fmt: skip
    _, data = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), options)
    return np.asarray(data, np.uint8).ravel()


@contextmanager
def rendering(pool: Pool, samples: int, workers: int) -> Iterator[Any]:
    """Processes that render what `wanted` asks for, and AHEAD of it, until the block ends or this process dies.

    Yields:
        An object whose `value` is how many samples training has seen: to be kept up to date.
    """
    context = multiprocessing.get_context("spawn")
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    seen = context.Value(ctypes.c_longlong, samples, lock=False)
    jobs: list[SpawnProcess] = [
        context.Process(target=_work, args=(os.getpid(), pool, seen, k, workers), daemon=True) for k in range(workers)
    ]
    for job in jobs:
        job.start()
    try:
        yield seen
    finally:
        for job in jobs:
            job.terminate()
            job.join()


def _work(parent: int, pool: Pool, seen: Any, place: int, workers: int) -> None:
    def alive() -> bool:
        return os.getppid() == parent  # its own word: it may be gone before this process begins

    while alive():
        now = wanted(seen.value)
        missing = [k for k in range(now.start, now.stop + AHEAD) if k % workers == place and not pool.has(k)]
        if missing:
            pool.render(missing[0], alive=alive)
        else:
            time.sleep(1.0)  # training is not that far yet
