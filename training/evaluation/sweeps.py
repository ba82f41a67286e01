"""Part `sweeps`: every coefficient alone from 0 to 1 on held-out people; what follows it, and what moves with it.

MediaPipe's networks look at the same pictures where they are there.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import mien
import numpy as np
import numpy.typing as npt
from mien import _native
from mien.layouts import ARKIT52

from training.augment import face_region
from training.evaluation import metrics, plots, sheets
from training.evaluation.part import Asked, Context, Part
from training.evaluation.studio import Stills, Sweep, sweeps
from training.evaluation.subject import raw
from training.performer import landmarks
from training.performer.coefficients import COEFFICIENTS, INDEX

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

_ARKIT = len(ARKIT52)
_FOLLOWS, _REACHES = 0.9, 0.5


def run(context: Context) -> Part:
    """Part `sweeps`."""
    shape = (context.people, len(COEFFICIENTS), context.steps)
    ours = np.full((*shape, len(COEFFICIENTS)), np.nan, np.float32)
    theirs = np.full((*shape, _ARKIT), np.nan, np.float32)
    shown: list[Sweep] = []
    with ExitStack() as stack:
        peer = (
            stack.enter_context(mien.open(context.reference, tracking=False)) if context.reference is not None else None
        )
        for item in sweeps(context):
            at = item.person, INDEX[item.name]
            ours[at] = context.subject.predict(crops(item, context.subject.size))["coefficients"]
            if peer is not None:
                theirs[at] = raw(peer, item.pictures)
            if item.person == 0:
                shown.append(item)
    values = np.linspace(0, 1, context.steps)
    figures = {"people": context.people, "steps": context.steps, "coefficients": COEFFICIENTS, **judged(ours, values)}
    curves = {"ours": _mean_curves(ours)}
    if context.reference is not None:
        figures["mediapipe"] = {"found": np.isfinite(theirs.sum(axis=3)).mean(), **judged(theirs, values)}
        curves["MediaPipe"] = _mean_curves(theirs)
    plots.sweeps(context.out / "sweeps.png", COEFFICIENTS, values, curves)
    plots.matrix(context.out / "cross_talk.png", figures["cross_talk"], COEFFICIENTS, COEFFICIENTS, "swept", "moved")
    sheets.sweeps(context.out / "sweeps_sheet.png", shown)
    follows, reaches = np.array(figures["r"])[:_ARKIT], np.array(figures["range"])[:_ARKIT]
    return Part(
        figures,
        [
            Asked("sweeps: worst r of the 52 with its value", float(follows.min()), _FOLLOWS, most=False),
            Asked("sweeps: least range of the 52", float(reaches.min()), _REACHES, most=False),
        ],
    )


def crops(item: Sweep | Stills, size: int) -> npt.NDArray[np.uint8]:
    """The exact face crops of N pictures, uint8 (N, size, size, 3)."""
    spec = _native.TensorSpec(size, size, "uint8", "nhwc", "rgb", "replicate", [1.0] * 3, [0.0] * 3)
    out = np.empty((len(item.pictures), size, size, 3), np.uint8)
    for picture, points, crop in zip(item.pictures, item.points, out, strict=True):
        affine = face_region(points, landmarks.UPRIGHT).affine(size, size, "center")
        height, width = picture.shape[:2]
        _native.image_to_tensor(_native.Image("rgb", width, height, [picture]), affine, spec, crop[None])
    return out


def judged(answers: F32, values: F64) -> dict[str, Any]:
    """How answers (people, K, steps, C), C <= K, follow the swept values (steps,); K coefficients are swept.

    r: the mean over people of Pearson's r within a person; pooled_r: over all pictures at once; range: from the mean
    answer at 0 to that at 1; cross_talk (K, C): the mean change of each coefficient over a sweep, its own on the
    diagonal. People whose face was not found are left out; r and range are 0 where all were.
    """
    count = answers.shape[3]
    r, pooled, reach = np.zeros(count), np.zeros(count), np.zeros(count)
    talk = np.zeros((answers.shape[1], count))
    for k in range(answers.shape[1]):
        good = np.isfinite(answers[:, k]).all(axis=(1, 2))
        if not good.any():
            continue
        here = answers[good, k].astype(np.float64)
        talk[k] = (here[:, -1] - here[:, 0]).mean(0)
        if k < count:
            own = here[..., k]
            r[k] = metrics.pearson(own.T, np.broadcast_to(values[:, None], own.T.shape)).mean()
            pooled[k] = metrics.pearson(own.ravel()[:, None], np.tile(values, len(own))[:, None])[0]
            reach[k] = talk[k, k]
    passed = (r >= _FOLLOWS) & (reach >= _REACHES)
    names = COEFFICIENTS[:count]
    return {
        "passed": int(passed[:_ARKIT].sum()),
        "failed": [name for name, good in zip(names, passed, strict=True) if not good],
        "r": r,
        "pooled_r": pooled,
        "range": reach,
        "cross_talk": talk,
        "worst_cross_talk": _worst(talk),
    }


def _mean_curves(answers: F32) -> F64:
    """The mean over the people who were found, (K, steps, C); NaN where nobody was."""
    found = np.isfinite(answers.sum(axis=3, keepdims=True))
    total = np.where(found, answers, 0).sum(0, dtype=np.float64)
    return np.where(found.any(0), total / np.maximum(found.sum(0), 1), np.nan)


def _worst(talk: F64, most: int = 12) -> list[tuple[str, str, float]]:
    """The coefficients that move most with one that they should not move with."""
    rest = talk.copy()
    np.fill_diagonal(rest[:, : min(rest.shape)], 0)
    order = np.argsort(-np.abs(rest), axis=None)[:most]
    pairs = [np.unravel_index(flat, rest.shape) for flat in order]
    return [(COEFFICIENTS[a], COEFFICIENTS[b], float(rest[a, b])) for a, b in pairs]
