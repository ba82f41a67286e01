"""Data sets: shards of rendered faces with exact labels, seeded, resumable, and hashed.

    python -m training.dataset out/faces --count 40000 --seed 1

A shard is two files: `shard-0000.npy` (pictures, mapped into memory) and `shard-0000.npz` (labels). It is written under
another name and renamed when whole, so what is there is complete; a run that was stopped goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, Annotated, Any

import numpy as np
import numpy.typing as npt
import typer
from rich.progress import track

from training.command import run
from training.errors import TrainingError
from training.performer.expressions import ExpressionSampler
from training.performer.people import photograph, random_person
from training.performer.renderer import Renderer

F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]

SIZE = 180  # pixels: the network's 144 and a margin of a quarter for jitter
SHARD = 1000
PER_PERSON = 8  # pictures of one person
VERSION = 3  # of the performer; raise it when the same seed gives other pictures
_LABELS = (
    "coefficients", "points", "rotation", "gaze", "visibility", "person", "identity",
    "kind", "emotion", "second", "compound", "intensity",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Dataset:
    """N pictures with labels.

    Attributes:
        pictures: uint8 (N, S, S, 3), one memory map per shard behind `picture`.
        coefficients (N, 57), points (N, 220, 2), rotation (N, 3, 3), gaze (N, 2, 3), visibility (N, 9): float32.
        person: int32 (N,), who it is. kind, emotion, second, compound: int8 (N,), intensity: float32 (N,), as in
            `performer.expressions.Expressions`.
    """

    shards: list[U8]
    labels: dict[str, npt.NDArray[Any]]

    def __len__(self) -> int:
        return len(self.labels["person"])

    def __getattr__(self, name: str) -> npt.NDArray[Any]:
        try:
            return self.labels[name]
        except KeyError:
            raise AttributeError(name) from None

    def pictures(self, index: npt.NDArray[np.integer[Any]]) -> U8:
        """The pictures of these rows, uint8 (len(index), S, S, 3)."""
        return np.stack([self.shards[i // SHARD][i % SHARD] for i in index])


def load(folder: Path, count: int | None = None) -> Dataset:
    """Opens the first `count` pictures of a data set (default: all).

    Raises:
        TrainingError: the folder holds none, or fewer, or is damaged.
    """
    names = sorted(folder.glob("shard-*.npz"))
    wanted = len(names) if count is None else -(-count // SHARD)
    if not names or len(names) < wanted:
        raise TrainingError(
            "dataset.missing",
            f"{folder} holds {len(names)} shards of {SHARD} pictures, wanted {wanted or 'at least one'}.",
            f"Render them: python -m training.dataset {folder} --count {max(wanted, 1) * SHARD}",
        )
    shards, rows = [], []
    for path in names[:wanted]:
        rows.append(_stored_labels(path))
        try:
            shards.append(np.load(path.with_suffix(".npy"), mmap_mode="r"))
            if len(shards[-1]) != len(rows[-1]["person"]):
                raise ValueError(f"{len(shards[-1])} pictures, {len(rows[-1]['person'])} labels")
        except (OSError, ValueError, EOFError) as error:
            raise _damaged(path.with_suffix(".npy"), error) from error
    found = Dataset(shards, {key: np.concatenate([row[key] for row in rows])[:count] for key in _LABELS})
    if count is not None and len(found) < count:
        raise TrainingError(
            "dataset.missing",
            f"{folder} holds {len(found)} pictures, wanted {count}.",
            "Its last shard was rendered for a smaller set: delete that shard and run again.",
        )
    return found


def _stored_labels(path: Path) -> dict[str, npt.NDArray[Any]]:
    try:
        with path.open("rb") as file, np.load(file) as labels:  # numpy leaves a damaged one open
            return {key: labels[key] for key in _LABELS}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> TrainingError:
    return TrainingError("dataset.damaged", f"{path} cannot be read ({error}).", "Delete it and render again.")


@lru_cache(maxsize=1)
def _renderer() -> Renderer:
    return Renderer(SIZE)


def render_shard(folder: Path, shard: int, seed: int, split: str, count: int = SHARD, occluded: float = 0.12) -> str:
    """Renders one shard unless it is there; returns the SHA-256 of its pictures and labels.

    Raises:
        TrainingError: what is there cannot be read (``dataset.damaged``) or nothing can be written (``dataset.write``).
    """
    labels_at, pictures_at = folder / f"shard-{shard:04d}.npz", folder / f"shard-{shard:04d}.npy"
    if not (labels_at.exists() and pictures_at.exists()):
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(VERSION, split == "validation", shard)))
        pictures, labels = _render(rng, split, shard, count, occluded)
        contents: tuple[tuple[Path, Callable[[IO[bytes]], None]], ...] = (
            (pictures_at, lambda file: np.save(file, pictures)),
            (labels_at, lambda file: np.savez(file, allow_pickle=True, **labels)),
        )
        try:
            for path, write in contents:
                part = path.with_name(f"{path.name}.{os.getpid()}.part")
                with part.open("wb") as file:
                    write(file)
                part.replace(path)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise TrainingError(
                "dataset.write", f"{path.name} could not be written ({error}).", "Free some space and run again."
            ) from error
    digest = hashlib.sha256(pictures_at.read_bytes())
    stored = _stored_labels(labels_at)
    for key in _LABELS:
        digest.update(np.ascontiguousarray(stored[key]).tobytes())
    return digest.hexdigest()


def _render(
    rng: np.random.Generator, split: str, shard: int, count: int, occluded: float
) -> tuple[U8, dict[str, npt.NDArray[Any]]]:
    renderer = _renderer()
    expressions = ExpressionSampler(split).sample(rng, count)  # type: ignore[arg-type]
    pictures = np.empty((count, SIZE, SIZE, 3), np.uint8)
    keys = ("coefficients", "points", "rotation", "gaze", "visibility", "identity")
    rows: dict[str, list[npt.NDArray[Any]]] = {key: [] for key in keys}
    for i in range(count):
        if i % PER_PERSON == 0:
            person = random_person(rng)
        shot = photograph(renderer, person, expressions.coefficients[i], rng, occluded=occluded)
        pictures[i] = shot.picture
        shown = person.head.shown(expressions.coefficients[i])
        values = (shown, shot.points, shot.rotation, shot.gaze, shot.visibility, person.head.identity)
        for key, value in zip(keys, values, strict=True):
            rows[key].append(value)
    labels = {key: np.stack(values).astype(np.float32) for key, values in rows.items()}
    labels["person"] = (np.arange(count) // PER_PERSON + shard * 1000).astype(np.int32)
    for key in ("kind", "emotion", "second", "compound", "intensity"):
        labels[key] = getattr(expressions, key)
    return pictures, labels


def _job(arguments: tuple[Any, ...]) -> tuple[int, str]:
    return arguments[1], render_shard(*arguments)


def render(
    folder: Path, count: int, seed: int, split: str = "train", workers: int = 0, occluded: float = 0.12
) -> Iterator[tuple[int, str]]:
    """Renders a data set, yielding each shard's number and digest; the last thing written is `dataset.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [(folder, k, seed, split, min(SHARD, count - k * SHARD), occluded) for k in range(-(-count // SHARD))]
    digests = {}
    if workers == 1 or len(jobs) == 1:
        results: Iterator[tuple[int, str]] = map(_job, jobs)
        for shard, digest in results:
            digests[shard] = digest
            yield shard, digest
    else:
        # One thread of linear algebra per process, which must be settled before a process loads numpy: twice as fast.
        for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ.setdefault(name, "1")
        with ProcessPoolExecutor(workers or os.cpu_count(), multiprocessing.get_context("spawn")) as pool:
            for shard, digest in pool.map(_job, jobs):
                digests[shard] = digest
                yield shard, digest
    about = {"version": VERSION, "seed": seed, "split": split, "count": count, "occluded": occluded}
    about["sha256"] = [digests[k] for k in sorted(digests)]
    (folder / "dataset.json").write_text(json.dumps(about, indent=1) + "\n", "utf-8")


def ensure(folder: Path, count: int, seed: int, split: str) -> Dataset:
    """The data set of that size, rendered as far as it is not there yet.

    Raises:
        TrainingError: the folder holds pictures of another seed or split (``dataset.other``), or damaged ones.
    """
    about = folder / "dataset.json"
    if about.exists():
        try:
            known = json.loads(about.read_text("utf-8"))
            same = (known["seed"], known["split"], known["version"]) == (seed, split, VERSION)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise _damaged(about, error) from error
        if not same:
            raise TrainingError(
                "dataset.other",
                f"{folder} was rendered with seed {known['seed']}, {known['split']}, version {known['version']}.",
                "Use another folder, or delete it.",
            )
    if len(list(folder.glob("shard-*.npz"))) < -(-count // SHARD):
        for _ in track(render(folder, count, seed, split), "rendering", total=-(-count // SHARD)):
            pass
    return load(folder, count)


def main(
    folder: Path,
    count: Annotated[int, typer.Option(help="pictures", min=1)] = 40_000,
    seed: Annotated[int, typer.Option(help="the same seed gives the same bytes")] = 1,
    split: Annotated[str, typer.Option(help="train or validation")] = "train",
    workers: Annotated[int, typer.Option(help="processes; 0: one per core", min=0)] = 0,
    occluded: Annotated[float, typer.Option(help="chance of something before the face", min=0, max=1)] = 0.12,
) -> None:
    """Renders a data set of faces."""
    if split not in ("train", "validation"):
        raise TrainingError("training.config", f"There is no split {split!r}.", "Use train or validation.")
    for _ in track(render(folder, count, seed, split, workers, occluded), "rendering", total=-(-count // SHARD)):
        pass


if __name__ == "__main__":
    run(main)
