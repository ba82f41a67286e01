"""Negatives: pictures of things that are not human faces and may be taken for one, drawn procedurally.

    python -m training.negatives out/negatives.png

Animals, toys, ears, cloth, round things, hands, bare skin, patterns, and fronts with two windows and a door. The
evaluation counts what is found in them, and a detector can be trained against them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import numpy.typing as npt
import typer

from training.command import run
from training.errors import TrainingError
from training.performer.backgrounds import background
from training.performer.sensor import capture
from training.props.bodies import ear, hand, skin
from training.props.heads import animal, front, toy
from training.props.objects import round_thing
from training.props.relief import Relief
from training.props.scenery import cloth, patterned

F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]

Thing = Callable[[np.random.Generator, Relief], bool]
Whole = Callable[[np.random.Generator, F32], None]
_THINGS: Mapping[str, Thing] = {
    "animal": animal, "toy": toy, "ear": ear, "hand": hand, "skin": skin, "round": round_thing, "front": front,
}  # fmt: skip
_WHOLE: Mapping[str, Whole] = {"cloth": cloth, "pattern": patterned}
KINDS: tuple[str, ...] = (*_THINGS, *_WHOLE)


def negative(rng: np.random.Generator, height: int, width: int, kind: str | None = None) -> U8:
    """A picture of one to four things that are not human faces, as a random camera sees them.

    Args:
        rng: decides everything; the same state gives the same bytes. kind: a name of KINDS; None: any of them.

    Returns:
        uint8 (height, width, 3), RGB.

    Raises:
        TrainingError: ``training.config``; there is no such kind.
    """
    if kind is not None and kind not in KINDS:
        raise TrainingError("training.config", f"There is no kind {kind!r}.", f"There are: {', '.join(KINDS)}.")
    names = tuple(KINDS)
    name = names[rng.integers(len(names))] if kind is None else kind
    canvas = np.ascontiguousarray(background(rng, height, width), np.float32)
    if name in _WHOLE:
        _WHOLE[name](rng, canvas)
    else:
        count = int(rng.choice((1, 2, 4), p=(0.7, 0.2, 0.1)))
        for _ in range(count):
            half = min(height, width) * math.exp(rng.uniform(math.log(0.12), math.log(0.6))) / math.sqrt(count)
            centre = rng.uniform(0.15, 0.85), rng.uniform(0.2, 0.8)
            roll = rng.normal(0, 0.2) if rng.random() < 0.75 else rng.uniform(-math.pi, math.pi)
            flat = _THINGS[name](rng, stage := Relief((height, width), centre, half, roll))
            stage.onto(canvas, rng, flat)
    return capture(np.clip(canvas, 0, 4), rng, float(rng.uniform(0, 0.9)))


def sheet(seed: int, each: int, side: int = 128) -> U8:
    """`each` negatives of every kind, a kind in each row: uint8 (kinds * side, each * side, 3)."""
    rng = np.random.default_rng(seed)
    rows = [np.concatenate([negative(rng, side, side, kind) for _ in range(each)], 1) for kind in KINDS]
    return np.concatenate(rows)


def main(
    path: Annotated[Path, typer.Argument(help="the PNG to write")],
    each: Annotated[int, typer.Option(min=1, help="pictures of each kind")] = 12,
    seed: Annotated[int, typer.Option(help="the same seed gives the same pictures")] = 1,
) -> None:
    """Draws a contact sheet of negatives."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), cv2.cvtColor(sheet(seed, each), cv2.COLOR_RGB2BGR))
    typer.echo(path)


if __name__ == "__main__":
    run(main)
