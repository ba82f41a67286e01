"""What landmarks tell of the coefficients, by how far off they are, and how much of it a bundle reads from pictures.

    python -m training.landmark_information [face.mien] --data out/training/data

A ridge from the 220 landmarks of training's pictures to their coefficients, tried on held-out ones: with exact
landmarks, with an error of its own on each of them, and with the landmarks that the bundle finds, whose errors lean on
each other. Writes training/results/landmark_information.json. All synthetic.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import typer
from mien.machine import describe
from rich.progress import track

from training.augment import Augment
from training.command import run
from training.commit import commit
from training.dataset import Dataset, load
from training.faces import faces_of, label_map
from training.loop import keep_threads_apart
from training.measures import correlations
from training.models.face import SIZE
from training.paths import ROOT
from training.performer.landmarks import LEFT_EYE, RIGHT_EYE

F32 = npt.NDArray[np.float32]

ERRORS = (0.0, 0.25, 0.5, 1.0, 2.0, 3.0)  # mean distance of a landmark from its place, % of the outer eye corners'
_PENALTIES = (1e-7, 1e-6, 1e-5, 1e-4, 1e-3)
_ARKIT = 52
_CHUNK = 500


@dataclass(frozen=True, eq=False)
class Seen:
    """N exactly cut faces: landmarks (N, 220, 2) as they are and as the bundle finds them, coefficients (N, 57).

    Attributes:
        told: the coefficients that the bundle itself gives.
    """

    points: F32
    found: F32
    coefficients: F32
    told: F32


def look(network: Any, data: Dataset, count: int) -> Seen:
    """The first `count` pictures of a data set."""
    from training.recipes.face import predict

    augment = Augment(0, label_map())
    columns: list[list[F32]] = [[], [], [], []]
    for start in track(range(0, count, _CHUNK), "looking"):
        faces = augment.plain(faces_of(data, np.arange(start, min(start + _CHUNK, count))))
        found, told, *_ = predict(network, faces.pictures)
        for column, value in zip(columns, (faces.points, found.numpy(), faces.coefficients, told.numpy()), strict=True):
            column.append(value)
    return Seen(*(np.concatenate(column) for column in columns))


def best_r(points: F32, coefficients: F32, held_out: F32, truth: F32) -> float:
    """Mean r over the 52 on held-out faces, of the ridge whose penalty does best there: an upper bound of ridges."""
    x, h = (((p.reshape(len(p), -1) - (SIZE - 1) / 2) / (SIZE / 2)).astype(np.float64) for p in (points, held_out))
    middle, mean = x.mean(0), coefficients.mean(0, dtype=np.float64)
    gram, both = (x - middle).T @ (x - middle), (x - middle).T @ (coefficients - mean)
    rs = []
    for penalty in _PENALTIES:
        weights = np.linalg.solve(gram + penalty * len(x) * np.eye(len(gram)), both)
        guess = np.clip((h - middle) @ weights + mean, 0, 1).astype(np.float32)
        rs.append(float(correlations(guess, truth)[:_ARKIT].mean()))
    return max(rs)


def information(train: Seen, held_out: Seen, seed: int) -> dict[str, Any]:
    """r by error, r from the bundle's landmarks, r of the bundle."""
    rng = np.random.default_rng(seed)
    eyes = float(np.median(np.linalg.norm(held_out.points[:, LEFT_EYE[3]] - held_out.points[:, RIGHT_EYE[0]], axis=1)))
    by_error = {}
    for percent in ERRORS:
        spread = percent / 100 * eyes / np.sqrt(np.pi / 2)  # along x and y; the mean distance is sqrt(pi / 2) of it
        off = [(s.points + rng.normal(0, spread, s.points.shape)).astype(np.float32) for s in (train, held_out)]
        by_error[f"{percent:g}"] = best_r(off[0], train.coefficients, off[1], held_out.coefficients)
    guess = np.clip(held_out.told, 0, 1)
    return {
        "eye_corners_px": eyes,
        "r_by_error_percent": by_error,
        "found_off_percent": float(np.linalg.norm(held_out.found - held_out.points, axis=2).mean() / eyes * 100),
        "r_from_found": best_r(train.found, train.coefficients, held_out.found, held_out.coefficients),
        "r_of_the_bundle": float(correlations(guess, held_out.coefficients)[:_ARKIT].mean()),
    }


def main(
    bundle: Annotated[Path, typer.Argument(help="a face bundle")] = ROOT / "sdk" / "mien" / "models" / "face.mien",
    data: Annotated[Path, typer.Option(help="folder with `faces` and `held_out`")] = ROOT / "out" / "training" / "data",
    pictures: Annotated[int, typer.Option(min=1000, help="to learn from")] = 12_000,
    seed: Annotated[int, typer.Option(help="of the errors")] = 1,
    output: Annotated[Path, typer.Option("-o", "--output")] = ROOT
    / "training"
    / "results"
    / "landmark_information.json",
) -> None:
    """Measures, prints and writes."""
    from training.weights import load_folded

    keep_threads_apart()
    network = load_folded(bundle)
    held_out = load(data / "held_out")
    figures = information(look(network, load(data / "faces"), pictures), look(network, held_out, len(held_out)), seed)
    for percent, r in figures["r_by_error_percent"].items():
        print(f"landmarks off by {percent:>4} % each on its own: r {r:.3f}")
    print(f"landmarks of the bundle, off by {figures['found_off_percent']:.2f} %: r {figures['r_from_found']:.3f}")
    print(f"the bundle itself: r {figures['r_of_the_bundle']:.3f}")
    about = {"synthetic": True, "seed": seed, "commit": commit(), "machine": describe(), "pictures": pictures}
    output.write_text(json.dumps({**about, "figures": figures}, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    run(main)
