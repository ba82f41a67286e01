"""Part `regions`: the coefficients of each part of the face together, in held-out renders and moved alone.

A mean over 52 coefficients hides which part of the face is lost; this says it in eight lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from training.evaluation import metrics, plots
from training.evaluation.part import Asked, Context, Part
from training.evaluation.renders import clear, cut, held_out
from training.evaluation.studio import Pose, take
from training.evaluation.sweeps import crops
from training.faces import faces_of
from training.performer.coefficients import COEFFICIENTS, INDEX
from training.performer.expressions import sweep

F32 = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.floating[Any]]

_STARTS: Mapping[str, tuple[str, ...]] = {
    "eyes": ("eyeBlink", "eyeSquint", "eyeWide"),
    "gaze": ("eyeLook",),
    "brows": ("brow",),
    "nose": ("nose",),
    "cheeks": ("cheek",),
    "mouth": ("mouth",),
    "jaw": ("jaw",),
    "tongue": ("tongue",),
}
REGIONS: Mapping[str, tuple[int, ...]] = {
    region: tuple(INDEX[name] for name in COEFFICIENTS if name.startswith(starts)) for region, starts in _STARTS.items()
}


def by_region(values: Numbers) -> dict[str, float]:
    """The mean of values (57,), one for each coefficient, over each part of the face."""
    return {region: float(np.mean(values[list(slots)])) for region, slots in REGIONS.items()}


def scores(guess: F32, truth: F32) -> dict[str, Any]:
    """Mean Pearson r and mean absolute error of each part of the face, for coefficients (N, 57)."""
    return {
        "pictures": len(truth),
        "r": by_region(metrics.pearson(guess, truth)),
        "mae": by_region(np.abs(guess - truth).mean(0)),
    }


def ranges(context: Context) -> Numbers:
    """How far each coefficient's answer goes while it alone goes from 0 to 1, (57,), the mean over the people."""
    ends = np.concatenate([sweep(name, (0, 1)) for name in COEFFICIENTS])
    rows, place = np.unique(ends, axis=0, return_inverse=True)  # most begin at the same rest
    poses = [Pose(person, row) for person in range(context.people) for row in rows]
    said = context.subject.predict(crops(take(context, poses), context.subject.size))["coefficients"]
    answers = said.reshape(context.people, len(rows), -1)[:, place.ravel()]
    answers = answers.reshape(context.people, len(COEFFICIENTS), 2, -1)
    each = np.arange(len(COEFFICIENTS))
    return np.asarray((answers[:, each, 1, each] - answers[:, each, 0, each]).mean(0))


def run(context: Context) -> Part:
    """Part `regions`."""
    data = held_out(context)
    faces = cut(faces_of(data, np.arange(len(data))), context.subject.size)
    guess, easy = context.subject.predict(faces.pictures)["coefficients"], clear(faces)
    figures = scores(guess, faces.coefficients)
    figures["clear"] = scores(guess[easy], faces.coefficients[easy]) if easy.sum() > 1 else None
    figures["range"] = by_region(ranges(context))
    plots.levels(context.out / "regions.png", {"r, renders": figures["r"], "range, alone": figures["range"]}, "regions")
    asked = [Asked(f"regions: mean r of the {name}", r, 0.6, most=False) for name, r in figures["r"].items()]
    return Part(figures, asked)
