"""What every part of the evaluation is given and gives back."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from training.evaluation.subject import Subject


@dataclass(frozen=True)
class Asked:
    """One figure beside what is asked of it.

    Attributes:
        what: in words, with the unit. limit: the largest value allowed, or the least where `most` is False.
    """

    what: str
    value: float
    limit: float
    most: bool = True

    @property
    def met(self) -> bool:
        """Whether it is; what could not be measured (NaN) is not."""
        return self.value <= self.limit if self.most else self.value >= self.limit


@dataclass(frozen=True, eq=False)
class Part:
    """A part's result: figures for metrics.json, the lines that are asked for, and the pictures that were written."""

    figures: dict[str, Any]
    asked: list[Asked] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Context:
    """What is evaluated, on what, and where the pictures go.

    Attributes:
        subject: the bundle. bundle: its file. reference: MediaPipe's networks as a bundle, None where they are missing.
        witness: another face detector as a bundle, or None.
        data: folder of held-out renders, rendered first where it lacks some. out: folder of the results.
        seed: of everything that is drawn. pictures: held-out renders; people: identities of the sweeps;
        steps: values of a sweep; occluded: pictures with something before the face; frames: of the static noise test.
        faces: pictures of each kind of eyes and mouths; framed: people cut and rolled; negatives: pictures of no face.
        workers: processes that render; 1 renders in this one.
    """

    subject: Subject
    bundle: Path
    reference: Path | None
    witness: Path | None
    data: Path
    out: Path
    seed: int = 9
    pictures: int = 2000
    people: int = 8
    steps: int = 11
    occluded: int = 400
    frames: int = 120
    faces: int = 60
    framed: int = 24
    negatives: int = 2000
    workers: int = 1


def plain(value: Any) -> Any:
    """Numbers and arrays for JSON: Python's own, six digits, NaN as null."""
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(inner) for inner in value]
    if isinstance(value, (float, np.floating)):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value
