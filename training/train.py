"""Trains the network of a default bundle from nothing but the shared assets.

    python -m training.train face
    python -m export face --from out/training/face/face.pt    # makes the bundle of it

A recipe is a file of `training/recipes` with a function `train(options)`; adding one adds a network.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from training import recipes
from training.command import run
from training.errors import TrainingError
from training.loop import keep_threads_apart
from training.paths import ROOT


@dataclass(frozen=True)
class Options:
    """What the command line gives a recipe.

    Attributes:
        out: folder of checkpoints, logs and data; a run that was stopped goes on from there.
        data: folder with the rendered pictures; rendered first where it lacks some.
        pictures, steps, batch: sizes; None means the recipe's own.
        seed: of everything. threads: of torch; 0 leaves its own choice.
        result: where the finished checkpoint goes.
        start: a checkpoint or network to begin with, or None.
    """

    out: Path
    data: Path
    pictures: int | None
    steps: int | None
    batch: int | None
    seed: int
    threads: int
    result: Path
    start: Path | None


def names() -> list[str]:
    """The recipes there are."""
    return sorted(module.name for module in pkgutil.iter_modules(recipes.__path__))


def main(
    name: Annotated[str, typer.Argument(help="the network: a file of training/recipes")],
    out: Annotated[Path | None, typer.Option(help="checkpoints and logs [default: out/training/NAME]")] = None,
    data: Annotated[Path | None, typer.Option(help="rendered pictures [default: out/training/data]")] = None,
    pictures: Annotated[int | None, typer.Option(min=1, help="how many to render and use")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="of the optimiser")] = None,
    batch: Annotated[int | None, typer.Option(min=2, help="pictures per step")] = None,
    seed: Annotated[int, typer.Option(help="the same seed gives the same data")] = 1,
    threads: Annotated[int, typer.Option(min=0, help="of torch; 0: its own choice")] = 0,
    result: Annotated[Path | None, typer.Option(help="the finished checkpoint [default: OUT/NAME.pt]")] = None,
    start: Annotated[Path | None, typer.Option(help="a checkpoint, or a face bundle, to begin with")] = None,
) -> None:
    """Trains the network of a default bundle."""
    if name not in names():
        raise TrainingError("training.config", f"There is no recipe {name!r}.", f"There are: {', '.join(names())}.")
    keep_threads_apart()
    folder = out or ROOT / "out" / "training" / name
    options = Options(
        folder, data or ROOT / "out" / "training" / "data", pictures, steps, batch, seed, threads,
        result or folder / f"{name}.pt", start,
    )  # fmt: skip
    importlib.import_module(f"training.recipes.{name}").train(options)


if __name__ == "__main__":
    run(main)
