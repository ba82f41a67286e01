"""Pairs for `reenact`: what the runtime makes of a source and a driver, and the picture that is the truth.

What the `face` bundle sees in every picture, and the mesh fitted to it, is stored once beside the pictures
(`python -m training.reenact_pairs FOLDER`), so that training meets the errors that the runtime meets.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import mien
import numpy as np
import numpy.typing as npt
import torch
import typer
from mien.portrait.canvas import MAPS, Canvas, Source, pack
from mien.portrait.fit import Fit, Placed, fit
from mien.portrait.mesh import FaceMesh, gaze_of
from mien.portrait.motion import EYES, TRUST, Motion, gaze_in_head, move, neck_shift, place_between
from mien.types import FaceState, HeadPose
from rich.progress import track
from torch import Tensor

from training import reenact_mesh
from training.command import run
from training.errors import TrainingError

F32 = npt.NDArray[np.float32]

_MEASURED = 0.6  # of the drivers are what the face network says of the truth; the rest are labels
_STATE = ("found", "coefficients", "gaze", "head", "rotation", "scale", "origin", "rest", "points")


def measured(state: FaceState) -> tuple[F32, F32, F32]:
    """Rotation (3, 3), coefficients (52,) and gaze (2, 2) of a found face."""
    assert state.head is not None
    turn = state.head.matrix()[:3, :3].astype(np.float32)
    gaze = gaze_of(state.values) if state.gaze is None else gaze_in_head(state.gaze, turn)
    return turn, state.values.astype(np.float32), gaze


def states(folder: Path) -> None:
    """Measures and fits every picture of a folder of portraits, as far as that is not done yet."""
    face, mesh = mien.open("face", tracking=False, threads=1), FaceMesh(reenact_mesh.blob())
    for path in track(sorted(folder.glob("shard-????.npz")), "measuring"):
        target = path.with_name(f"states-{path.stem[-4:]}.npz")
        if target.exists():
            continue
        with np.load(path) as stored:
            pictures = stored["picture"]
        count, views = pictures.shape[:2]
        rows: dict[str, list[Any]] = {key: [] for key in _STATE}
        for picture in pictures.reshape(-1, *pictures.shape[2:]):
            for key, value in _measure(face, mesh, picture).items():
                rows[key].append(value)
        part = target.with_suffix(f".{os.getpid()}.part")
        with part.open("wb") as file:
            table = {key: np.stack(values).reshape(count, views, *np.shape(values[0])) for key, values in rows.items()}
            np.savez(file, allow_pickle=True, **table)
        part.replace(target)


def _measure(face: mien.Pipeline, mesh: FaceMesh, picture: npt.NDArray[np.uint8]) -> dict[str, Any]:
    state = face.process(picture)
    if not state.found or state.landmarks is None or state.head is None:
        nothing = np.zeros((len(mesh), 3), np.float32)
        return {
            "found": False, "coefficients": np.zeros(52, np.float32), "gaze": np.zeros((2, 2), np.float32),
            "head": np.zeros(7, np.float32), "rotation": np.eye(3, dtype=np.float32), "scale": np.float32(1),
            "origin": np.zeros(2, np.float32), "rest": nothing.astype(np.float16), "points": nothing,
        }  # fmt: skip
    turn, coefficients, gaze = measured(state)
    found = fit(mesh, state.landmarks[:, :2], turn, coefficients, gaze)
    return {
        "found": True,
        "coefficients": coefficients,
        "gaze": gaze,
        "head": np.array([*state.head.rotation, *state.head.translation], np.float32),
        "rotation": found.placed.rotation,
        "scale": np.float32(found.placed.scale),
        "origin": found.placed.origin,
        "rest": found.rest.astype(np.float16),
        "points": found.points,
    }


@dataclass(frozen=True, eq=False)
class Sittings:
    """Portraits with what was measured; N sittings of K views. Arrays by name, (N, K, ...)."""

    pictures: list[npt.NDArray[np.uint8]]
    labels: Mapping[str, npt.NDArray[Any]]

    def __len__(self) -> int:
        return len(self.pictures)


def load(folder: Path, most: int | None = None) -> Sittings:
    """The sittings of a folder that were rendered and measured.

    Raises:
        TrainingError: ``dataset.missing``; there are none.
    """
    names = sorted(folder.glob("states-????.npz"))
    if not names:
        raise TrainingError(
            "dataset.missing", f"{folder} holds no measured portraits.", f"python -m training.reenact_pairs {folder}"
        )
    pictures: list[npt.NDArray[np.uint8]] = []
    rows: list[dict[str, npt.NDArray[Any]]] = []
    for name in names:
        with np.load(name.with_name(f"shard-{name.stem[-4:]}.npz")) as shard, np.load(name) as state:
            pictures.extend(shard["picture"])
            labels = {f"true_{key}": shard[key] for key in ("coefficients", "rotation", "place", "points")}
            rows.append({**labels, **{key: state[key] for key in _STATE}})
    merged = {key: np.concatenate([row[key] for row in rows])[:most] for key in rows[0]}
    return Sittings(pictures[:most], merged)


class Stage:
    """Draws sources under motions as the runtime does."""

    def __init__(self, mesh: FaceMesh | None = None) -> None:
        self.mesh = FaceMesh(reenact_mesh.blob()) if mesh is None else mesh
        self.canvas = Canvas(self.mesh)

    def fitted(self, sittings: Sittings, row: int, view: int) -> Fit:
        """The stored fit of a view."""
        get = {key: sittings.labels[key][row, view] for key in _STATE}
        placed = Placed(get["rotation"], float(get["scale"]), get["origin"])
        rest = get["rest"].astype(np.float32)
        seen = pose(get["head"]).matrix()[:3, :3].astype(np.float32)
        return Fit(placed, rest, get["coefficients"], get["gaze"], get["points"], seen, 0.0)

    def source(self, sittings: Sittings, row: int, view: int) -> Source:
        """A view as a source."""
        return self.canvas.source(sittings.pictures[row][view], self.fitted(sittings, row, view))


def measured_motion(sittings: Sittings, row: int, begin: int, end: int, source: Fit, gain: float = 1.0) -> Motion:
    """The source moves as the face network saw somebody move from view `begin` to view `end` of a sitting.

    `mien.Transfer` with states does the same; `gain` as there.
    """
    get = sittings.labels
    turns = [pose(get["head"][row, view]).matrix()[:3, :3].astype(np.float32) for view in (begin, end)]
    change = get["coefficients"][row, end] - get["coefficients"][row, begin]
    look = get["gaze"][row, end] - get["gaze"][row, begin]
    rotation = (turns[1] @ turns[0].T @ source.placed.rotation).astype(np.float32)
    neck = neck_shift(source.placed.rotation, rotation)
    place = place_between(pose(get["head"][row, begin]), pose(get["head"][row, end]))
    return Motion(
        rotation,
        np.clip(source.coefficients + np.float32(gain) * change, 0, 1),
        source.gaze + np.float32(gain) * look,
        neck + TRUST * (place - neck),
    )


def labelled_motion(sittings: Sittings, row: int, begin: int, end: int, source: Fit) -> Motion:
    """The same by the labels, which have no error."""
    get = sittings.labels
    turns = [get["true_rotation"][row, view] for view in (begin, end)]
    coefficients = [get["true_coefficients"][row, view][:52] for view in (begin, end)]
    places = [get["true_place"][row, v] + get["true_rotation"][row, v] @ EYES for v in (begin, end)]
    look = gaze_of(coefficients[1]) - gaze_of(coefficients[0])
    return Motion(
        turns[1] @ turns[0].T @ source.placed.rotation,
        np.clip(source.coefficients + coefficients[1] - coefficients[0], 0, 1),
        source.gaze + look,
        (places[1] - places[0]).astype(np.float32),
    )


def pose(row: F32) -> HeadPose:
    """A stored head pose."""
    x, y, z, w, *place = row.tolist()
    return HeadPose((x, y, z, w), (place[0], place[1], place[2]), 0.0)


@dataclass(frozen=True, eq=False)
class Batch:
    """B examples.

    Attributes:
        cells: float32 (B, 35, 128, 128): warped source, source, maps. drive: float32 (B, 104), coefficients then, now.
        warped, source, truth: float32 (B, 3, 256, 256).
    """

    cells: Tensor
    drive: Tensor
    warped: Tensor
    source: Tensor
    truth: Tensor


def inputs(canvas: Canvas, source: Source, motion: Motion) -> tuple[F32, F32]:
    """What the network gets for the canvas as it is drawn: cells (35, 128, 128) and drive (104,)."""
    cells = np.empty((24 + MAPS, 128, 128), np.float32)
    cells[:12], cells[12:24] = pack(canvas.warped), source.packed
    canvas.maps(cells[24:])
    return cells, np.concatenate([source.fit.coefficients, motion.coefficients])


class Batches:
    """Random pairs of views; the batch depends on the step alone."""

    def __init__(self, sittings: Sittings, batch: int, seed: int) -> None:
        self._sittings, self._batch, self._seed = sittings, batch, seed
        self._stage = Stage()
        found = sittings.labels["found"]
        self._rows = np.flatnonzero(found.sum(1) >= 2)

    def __call__(self, step: int) -> Batch:
        rng = np.random.default_rng((self._seed, 11, step))
        stage, sittings = self._stage, self._sittings
        parts: list[tuple[F32, ...]] = []
        for row in rng.choice(self._rows, self._batch, replace=False):
            views = np.flatnonzero(sittings.labels["found"][row])
            begin, end = rng.choice(views, 2, replace=False)
            source = stage.source(sittings, row, begin)
            moved = measured_motion if rng.random() < _MEASURED else labelled_motion
            motion = moved(sittings, row, begin, end, source.fit)
            stage.canvas.draw(source, move(stage.mesh, source.fit, motion))
            cells, drive = inputs(stage.canvas, source, motion)
            pictures = [
                sittings.pictures[row][view].transpose(2, 0, 1).astype(np.float32) / np.float32(255)
                for view in (begin, end)
            ]
            parts.append((cells, drive, stage.canvas.warped.copy(), *pictures))
        return Batch(*(torch.from_numpy(np.stack(column)) for column in zip(*parts, strict=True)))


def main(folder: Annotated[Path, typer.Argument(help="of training.portraits")]) -> None:
    """Measures and fits all portraits of a folder."""
    states(folder)


if __name__ == "__main__":
    run(main)
