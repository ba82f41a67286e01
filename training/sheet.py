"""A contact sheet of the performer, to be looked at, and how fast it renders.

    python -m training.sheet out/sheet.png --labels

One process and one thread of the rasteriser, so that the pictures per second are those of one core.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import numpy.typing as npt
import typer

from training.command import run
from training.dataset import SIZE
from training.performer.expressions import ExpressionSampler
from training.performer.people import Shot, photograph, random_person
from training.performer.renderer import Renderer

U8 = npt.NDArray[np.uint8]

_GREEN, _YELLOW, _PINK, _BLUE = (0, 230, 0), (255, 255, 0), (255, 90, 255), (60, 90, 255)


def draw_labels(shot: Shot) -> U8:
    """The picture with its labels: iBUG points green, irises yellow, dense points pink, gaze blue."""
    picture = shot.picture.copy()
    for index, (x, y) in enumerate(shot.points):
        colour = _GREEN if index < 68 else _YELLOW if index < 78 else _PINK
        cv2.circle(picture, (round(float(x)), round(float(y))), 1, colour, -1)
    for eye in range(2):
        start = shot.points[68 + 5 * eye]
        end = start + shot.gaze[eye, :2] * (1, -1) * SIZE / 6
        cv2.line(picture, tuple(start.astype(int).tolist()), tuple(end.astype(int).tolist()), _BLUE, 1)
    return picture


def main(
    path: Path,
    columns: Annotated[int, typer.Option(min=1)] = 12,
    rows: Annotated[int, typer.Option(min=1)] = 6,
    seed: Annotated[int, typer.Option()] = 1,
    labels: Annotated[bool, typer.Option(help="draw the labels")] = False,
) -> None:
    """Writes a sheet of random people, each in one picture, and prints the speed."""
    rng = np.random.default_rng(seed)
    renderer = Renderer(SIZE)
    count = columns * rows
    expressions = ExpressionSampler("train").sample(rng, count)
    tiles, people, pictures = [], 0.0, 0.0
    for row in expressions.coefficients:
        start = time.perf_counter()
        person = random_person(rng)
        middle = time.perf_counter()
        shot = photograph(renderer, person, row, rng)
        people, pictures = people + middle - start, pictures + time.perf_counter() - middle
        tiles.append(draw_labels(shot) if labels else shot.picture)
    sheet = np.vstack([np.hstack(tiles[k : k + columns]) for k in range(0, count, columns)])
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), sheet[..., ::-1])
    print(f"{path}: {count} people; {count / pictures:.1f} pictures/s, {count / people:.1f} new people/s, on one core")


if __name__ == "__main__":
    run(main)
