"""A user's labels: a CSV with a row for each picture and a column for each thing that somebody has labelled.

    image,person,mouthSmileLeft,mouthSmileRight,AU12,emotion,valence
    anna/001.jpg,anna,0.8,0.7,,happiness,0.6
    ben/003.jpg,ben,,,0.2,neutral,

An empty cell is not labelled. Coefficients and action units are 0..1, valence and arousal -1..1, an emotion is a name.
`person` is optional: whose pictures belong together, so that one person is not on both sides of a split.
"""

from __future__ import annotations

import csv
import difflib
import hashlib
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from training.errors import TrainingError
from training.performer.coefficients import COEFFICIENTS
from training.performer.labels import ACTION_UNITS, EMOTIONS

F32 = npt.NDArray[np.float32]

IMAGE, PERSON, EMOTION = "image", "person", "emotion"
AFFECT = ("valence", "arousal")
MEASURED = (*COEFFICIENTS, *ACTION_UNITS, *AFFECT)  # columns that hold numbers
_SHOWN = 8  # faults that an error lists


@dataclass(frozen=True, eq=False)
class Labels:
    """N labelled pictures.

    Attributes:
        images: as the CSV names them. people: (N,), whose it is; each picture its own where the CSV does not say.
        columns: those of MEASURED that the CSV has. values: float32 (N, len(columns)), NaN where not labelled.
        emotion: int8 (N,), index into EMOTIONS, -1 where not labelled.
        digest: SHA-256 of the CSV.
    """

    images: tuple[str, ...]
    people: npt.NDArray[np.intp]
    columns: tuple[str, ...]
    values: F32
    emotion: npt.NDArray[np.int8]
    digest: str

    def __len__(self) -> int:
        return len(self.images)

    def rows(self, which: npt.NDArray[np.integer]) -> Labels:
        """Some of the pictures."""
        images = tuple(self.images[k] for k in which)
        return Labels(images, self.people[which], self.columns, self.values[which], self.emotion[which], self.digest)


def read(path: Path, known: Collection[str] = (*MEASURED, EMOTION)) -> Labels:
    """Reads and checks a CSV.

    Args:
        known: the columns that can be learnt.

    Raises:
        TrainingError: ``labels.missing``, no such file, or none that can be read; ``labels.columns``, it has no column
            `image`, no column of `known`, a doubled one, or one that means nothing; ``labels.values``, cells that hold
            no such value; ``labels.few``, it has no rows.
    """
    try:
        data = path.read_bytes()
        lines = list(csv.reader(data.decode("utf-8-sig").splitlines(), strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TrainingError(
            "labels.missing", f"{path} is no CSV that can be read ({error}).", "Save it as UTF-8."
        ) from error
    header = [name.strip() for name in lines[0]] if lines else []
    _check_columns(path, header, known)
    body = [(number, [cell.strip() for cell in line]) for number, line in enumerate(lines[1:], 2) if any(line)]
    if not body:
        raise TrainingError("labels.few", f"{path} has no rows.", "Give a row for each labelled picture.")
    faults = [f"line {number}: {len(line)} cells" for number, line in body if len(line) != len(header)]
    _refuse(path, faults, f"Each line needs {len(header)} cells.")

    columns = tuple(name for name in header if name in MEASURED)
    values = np.full((len(body), len(columns)), np.nan, np.float32)
    emotion = np.full(len(body), -1, np.int8)
    for row, (number, line) in enumerate(body):
        cells = dict(zip(header, line, strict=True))
        if not cells[IMAGE]:
            faults.append(f"line {number}: no image")
        for k, name in enumerate(columns):
            if cells[name]:
                values[row, k] = _number(cells[name], -1.0 if name in AFFECT else 0.0)
                if np.isnan(values[row, k]):
                    faults.append(f"line {number}: {name} is {cells[name]!r}")
        if said := cells.get(EMOTION):
            if said.lower() in EMOTIONS:
                emotion[row] = EMOTIONS.index(said.lower())
            else:
                faults.append(f"line {number}: emotion is {said!r}")
    _refuse(path, faults, f"Numbers are 0..1 (valence and arousal -1..1), emotions {', '.join(EMOTIONS)}, or nothing.")
    images = tuple(line[header.index(IMAGE)] for _, line in body)
    people = [line[header.index(PERSON)] for _, line in body] if PERSON in header else list(images)
    # A picture whose person is not told is somebody of its own.
    alone = [who or f"\0{image}" for who, image in zip(people, images, strict=True)]
    return Labels(
        images,
        np.unique(alone, return_inverse=True)[1].astype(np.intp),
        columns,
        values,
        emotion,
        hashlib.sha256(data).hexdigest(),
    )


def _number(text: str, low: float) -> float:
    """The number, NaN where it is none of low..1."""
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if low <= value <= 1 else math.nan


def _check_columns(path: Path, header: Sequence[str], known: Collection[str]) -> None:
    if IMAGE not in header:
        raise TrainingError("labels.columns", f"{path} has no column {IMAGE!r}.", "Name the columns in the first line.")
    if len(set(header)) < len(header):
        raise TrainingError("labels.columns", f"{path} has a column twice.", "Name each column once.")
    strange = [name for name in header if name not in (IMAGE, PERSON) and name not in known]
    if strange:
        close = {name: difflib.get_close_matches(name, known, 1) for name in strange}
        guesses = ", ".join(f"{name!r}" + (f" ({near[0]}?)" if near else "") for name, near in close.items())
        raise TrainingError(
            "labels.columns", f"{path}: nothing of the bundle is called {guesses}.", f"There are: {', '.join(known)}."
        )
    if not set(header) & set(known):
        raise TrainingError(
            "labels.columns", f"{path} has no column that can be learnt.", f"There are: {', '.join(known)}."
        )


def _refuse(path: Path, faults: Sequence[str], advice: str) -> None:
    if faults:
        more = f" and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        raise TrainingError("labels.values", f"{path}: {'; '.join(faults[:_SHOWN])}{more}.", advice)
