"""Contact sheets: what was seen, and what was said of it, for people to look at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from training.augment import Faces
from training.evaluation.studio import Stills, Sweep
from training.performer.coefficients import COEFFICIENTS, INDEX

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]

_CELL = 216
_GREEN, _RED, _WHITE, _BLACK, _CYAN = (90, 230, 90), (255, 70, 60), (255, 255, 255), (0, 0, 0), (90, 200, 255)


def renders(path: Path, faces: Faces, found: dict[str, F32], count: int = 48) -> None:
    """Crops with landmarks and gaze rays, truth in red, prediction in green and blue, and the strongest coefficients.

    A coefficient's numbers are truth / prediction.
    """
    cells = []
    for k in np.linspace(0, len(faces.points) - 1, min(count, len(faces.points))).astype(int):
        scale = _CELL / faces.pictures.shape[1]
        cell = cv2.resize(faces.pictures[k], (_CELL, _CELL), interpolation=cv2.INTER_CUBIC)
        guess = found["points"][k].reshape(-1, 2)
        dots(cell, faces.points[k] * scale, _RED)
        dots(cell, guess * scale, _GREEN)
        for eye, true, said in zip((68, 73), faces.gaze[k], found["gaze"][k].reshape(2, 3), strict=True):
            for way, colour in ((true, _RED), (said, _CYAN)):
                start = guess[eye] * scale
                tip = start + np.array([way[0], -way[1]]) * 40
                cv2.line(cell, _pixel(start), _pixel(tip), colour, 1, cv2.LINE_AA)
        lines = [
            f"{COEFFICIENTS[c]} {faces.coefficients[k, c]:.2f} / {found['coefficients'][k, c]:.2f}"
            for c in np.argsort(-np.maximum(faces.coefficients[k], found["coefficients"][k]))[:4]
        ]
        cells.append(captioned(cell, lines))
    write(path, cells)


def sweeps(path: Path, shown: Sequence[Sweep]) -> None:
    """The last picture of every sweep, beside its name."""
    ordered = sorted(shown, key=lambda item: INDEX[item.name])
    boxes = [[*item.points[-1].min(0), *item.points[-1].max(0)] for item in ordered]
    cells = [around(item.pictures[-1], box)[0] for item, box in zip(ordered, boxes, strict=True)]
    write(path, [captioned(cell, [item.name]) for cell, item in zip(cells, ordered, strict=True)])


def stills(path: Path, taken: Stills, cases: Sequence[str], truth: F32, said: F32, count: int = 4) -> None:
    """Some pictures of each case, each with the truth / what was said, (N, K) with N the same for each case."""
    cells = []
    for case, rows in zip(cases, np.split(np.arange(len(truth)), len(cases)), strict=True):
        for k in rows[np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int)]:
            box = [*taken.points[k].min(0), *taken.points[k].max(0)]
            pairs = [f"{was:.2f} / {told:.2f}" for was, told in zip(truth[k], said[k], strict=True)]
            cells.append(captioned(around(taken.pictures[k], box)[0], [case, *pairs]))
    write(path, cells)


def dots(cell: U8, points: npt.NDArray[np.floating[Any]], colour: tuple[int, int, int]) -> None:
    """Draws points (P, 2) onto a cell."""
    for x, y in np.rint(points).astype(int).tolist():
        cv2.circle(cell, (x, y), 1, colour, -1)


def _pixel(place: npt.NDArray[np.floating[Any]]) -> tuple[int, int]:
    x, y = np.rint(place).astype(int).tolist()
    return x, y


def captioned(cell: U8, lines: Sequence[str]) -> U8:
    """The cell with lines of text at its top."""
    for row, line in enumerate(lines):
        for shift, colour in ((1, _BLACK), (0, _WHITE)):
            at = (4 + shift, 11 + 11 * row + shift)
            cv2.putText(cell, line, at, cv2.FONT_HERSHEY_SIMPLEX, 0.33, colour, 1, cv2.LINE_AA)
    return cell


def around(picture: U8, box: Sequence[float]) -> tuple[U8, npt.NDArray[np.float64]]:
    """A square cell around a box (x0, y0, x1, y1), and the map (2, 3) from the picture to it."""
    x0, y0, x1, y1 = box
    scale = _CELL / (1.5 * max(x1 - x0, y1 - y0, 1.0))
    middle = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    affine = np.array([[scale, 0, _CELL / 2 - scale * middle[0]], [0, scale, _CELL / 2 - scale * middle[1]]])
    return cv2.warpAffine(picture, affine, (_CELL, _CELL), flags=cv2.INTER_CUBIC), affine


def write(path: Path, cells: Sequence[U8], columns: int = 8) -> None:
    """Lays cells of one size out in rows, on black, and writes them."""
    blank = np.zeros_like(cells[0])
    filled = [*cells, *[blank] * (-len(cells) % columns)]
    rows = [np.concatenate(filled[k : k + columns], 1) for k in range(0, len(filled), columns)]
    cv2.imwrite(str(path), cv2.cvtColor(np.concatenate(rows), cv2.COLOR_RGB2BGR))
