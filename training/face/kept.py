"""The averaged weights of the long run: one small file that is enough to go on from when a disk is lost.

python -m training.face.kept --folder out/training/run    # the run's newest into the repository
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Tensor

from training.command import run
from training.errors import TrainingError
from training.face.judge import summary
from training.paths import ROOT

FOLDER = ROOT / "out" / "training" / "run"  # where the run lives unless told otherwise
NAME = "averaged.pt"
KEPT = Path(__file__).parent / NAME
GAIN = 1_500_000  # samples between two versions that the repository keeps: history is for ever


@dataclass(frozen=True, eq=False)
class Kept:
    """Averaged weights by name, float32; how many samples made them; what the held-out people said of them."""

    average: Mapping[str, Tensor]
    samples: int
    scores: Mapping[str, Any]


def write(path: Path, average: Mapping[str, Tensor], samples: int, scores: Mapping[str, Any]) -> None:
    """Writes averaged weights in half precision; what was there before stays whole until they are."""
    half = {name: v.half() if v.dtype.is_floating_point else v for name, v in average.items()}
    part = path.with_suffix(".part")
    torch.save({"average": half, "samples": samples, "scores": json.dumps(scores)}, part)
    part.replace(path)


def read(path: Path) -> Kept:
    """Reads what `write` wrote.

    Raises:
        TrainingError: ``training.checkpoint``; it is missing or damaged.
    """
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        average = {name: v.float() if v.dtype.is_floating_point else v for name, v in state["average"].items()}
        return Kept(average, int(state["samples"]), json.loads(state["scores"]))
    except Exception as error:  # torch raises half a dozen kinds for a damaged file
        raise TrainingError(
            "training.checkpoint", f"{path} cannot be read ({error}).", "Delete it, or let the run write another."
        ) from error


def keep(folder: Path, kept: Path = KEPT) -> Kept:
    """Copies the run's newest averaged weights to `kept`.

    Raises:
        TrainingError: ``training.keep``; the run gained less than GAIN samples since those that are there.
    """
    newest = read(folder / NAME)
    gained = newest.samples - (read(kept).samples if kept.exists() else 0)
    if gained < GAIN:
        raise TrainingError(
            "training.keep",
            f"The run gained {gained} samples since the weights that are kept, wanted {GAIN}.",
            "Let it go on.",
        )
    part = kept.with_suffix(".part")
    part.write_bytes((folder / NAME).read_bytes())
    part.replace(kept)
    return newest


def main(folder: Annotated[Path, typer.Option(help="of the run")] = FOLDER) -> None:
    """Puts the run's newest averaged weights into the repository, if it gained enough since the last ones."""
    newest = keep(folder)
    typer.echo(f"{KEPT.name}: {newest.samples} samples; {summary(newest.scores)}")


if __name__ == "__main__":
    run(main)
