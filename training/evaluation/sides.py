"""Part `sides`: one side of the face moving alone, and whether the bundle says which.

Each of the 18 pairs moves on the left alone, on the right alone and on both sides; so do winks, one-sided smiles and
two eyes that look the same way, on held-out people in neutral light. A network that answers one side's motion on both
sides can still have a good r, because people seldom move one side alone. MediaPipe's networks see the same pictures.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

import mien
import numpy as np
import numpy.typing as npt

from training.evaluation import metrics, plots
from training.evaluation.part import Asked, Context, Part
from training.evaluation.studio import Pose, take
from training.evaluation.subject import raw
from training.evaluation.sweeps import crops
from training.performer.coefficients import COEFFICIENTS, INDEX, PAIRS, vector
from training.performer.head import GAZE_PER_UNIT

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

SIDES = ("Left", "Right")
# What people do on one side: the coefficient that is read, and what comes with it on that side.
GESTURES: Mapping[str, tuple[str, Mapping[str, float]]] = {
    "wink": ("eyeBlink", {"cheekSquint": 0.6, "eyeSquint": 0.4, "mouthSmile": 0.3}),
    "one_sided_smile": ("mouthSmile", {"cheekSquint": 0.4, "mouthDimple": 0.3, "mouthUpperUp": 0.2}),
    "raised_brow": ("browOuterUp", {"eyeWide": 0.4}),
}
# Both eyes look at one thing; left and right are the subject's.
LOOKS: Mapping[str, tuple[str, str]] = {
    "left": ("eyeLookOutLeft", "eyeLookInRight"),
    "right": ("eyeLookInLeft", "eyeLookOutRight"),
    "up": ("eyeLookUpLeft", "eyeLookUpRight"),
    "down": ("eyeLookDownLeft", "eyeLookDownRight"),
}
_AXIS: Mapping[str, tuple[int, int]] = {"left": (0, 1), "right": (0, -1), "up": (1, 1), "down": (1, -1)}  # of the ray
_MEANS = ("own", "other", "told_apart", "slope")
_APART = 0.5  # difference of the two sides from which on somebody who watches would say which side it was


def moves() -> dict[str, F32]:
    """Every motion of this part: its name -> the full expression float32 (57,) at its end."""
    made: dict[str, F32] = {}
    for pair in PAIRS:
        made |= {f"{pair} {side}": vector({pair + side: 1}) for side in SIDES}
        made[f"{pair} both"] = vector({pair: 1})
    for name, (pair, company) in GESTURES.items():
        for side in SIDES:
            made[f"{name} {side}"] = vector({pair + side: 1} | {f"{key}{side}": part for key, part in company.items()})
    return made | {f"look {way}": vector(dict.fromkeys(eyes, 1)) for way, eyes in LOOKS.items()}


def run(context: Context) -> Part:
    """Part `sides`."""
    ends = moves()
    values = np.linspace(0, 1, context.steps)
    rows = np.concatenate(
        [np.zeros((1, len(COEFFICIENTS)), np.float32), *(np.outer(values[1:], end) for end in ends.values())]
    )
    ours, gazes, theirs = [], [], []
    with ExitStack() as stack:
        peer = None if context.reference is None else stack.enter_context(mien.open(context.reference, tracking=False))
        for person in range(context.people):
            taken = take(context, [Pose(person, row.astype(np.float32)) for row in rows])
            said = context.subject.predict(crops(taken, context.subject.size))
            ours.append(by_move(said["coefficients"], ends, context.steps))
            gazes.append(by_move(said["gaze"].reshape(len(rows), 6), ends, context.steps))
            if peer is not None:
                theirs.append(by_move(raw(peer, taken.pictures), ends, context.steps))
    figures = {"people": context.people, "steps": context.steps, **judged(_stacked(ours), values)}
    figures["gaze"] |= turned(_stacked(gazes))
    curves = {"ours": figures["told_apart"]}
    if theirs:
        stacked = _stacked(theirs)
        found = np.mean([np.isfinite(answers).all(axis=(1, 2)).mean() for answers in stacked.values()])
        figures["mediapipe"] = {"found": found, **judged(stacked, values)}
        curves["MediaPipe"] = figures["mediapipe"]["told_apart"]
    plots.levels(context.out / "sides.png", curves, "told apart: own side's motion less the other's")
    return Part(
        figures,
        [
            Asked("sides: told apart, mean of 18 pairs", figures["mean_told_apart"], 0.5, most=False),
            Asked("sides: one-sided motion's range on its own side, mean", figures["mean_own"], 0.5, most=False),
            Asked("sides: winks told, share", figures["gestures"]["wink"]["told"], 0.9, most=False),
            Asked(
                "sides: one-sided smiles told, share", figures["gestures"]["one_sided_smile"]["told"], 0.9, most=False
            ),
            Asked("sides: range of gaze, both eyes, mean", figures["gaze"]["mean_together"], 0.5, most=False),
        ],
    )


def by_move(answers: F32, ends: Mapping[str, F32], steps: int) -> dict[str, F32]:
    """Answers (1 + M * (steps - 1), C), the resting face first, as (steps, C) for each of M motions."""
    rest, moving = answers[:1], answers[1:].reshape(len(ends), steps - 1, -1)
    return {name: np.concatenate([rest, rows]) for name, rows in zip(ends, moving, strict=True)}


def _stacked(people: list[dict[str, F32]]) -> dict[str, F32]:
    return {name: np.stack([person[name] for person in people]) for name in people[0]}


def judged(answers: Mapping[str, F32], values: F64) -> dict[str, Any]:
    """How one side's motion is told from the other's.

    Args:
        answers: for each of `moves` (people, steps, C), C at least 52; NaN where no face was found: that person's
            motion is left out. values: (steps,), 0..1, how far the motion has gone.

    Returns:
        own, other: by pair, how far the answer of the side that moves and of the side that rests goes; the mean of both
        sides and all people. told_apart: own less other, 1 for a perfect answer. both: the range when both move.
        slope, r: of the difference of the two answers with the true difference, over the one-sided motions.
        gestures: the same of winks and the like, and `told`, the share whose difference is right by 0.5 or more.
        gaze: by direction the range of both eyes' coefficients together, of the same ones when that eye moves alone,
            and of the other eye's then (a left eye that looks out may drag a right one that looks in).
        mean_own, mean_other, mean_told_apart, mean_slope: over the 18 pairs. mean_told_apart_without_gaze: over the
            14 that are no gaze, because an eye that looks out or in does not drag its own pair's other coefficient.
    """
    pairs = {pair: _one_sided(answers, pair, pair, values) for pair in PAIRS}
    columns = {name: {pair: row[name] for pair, row in pairs.items()} for name in (*_MEANS, "r")}
    both = {
        pair: metrics.mean([_range(answers[f"{pair} both"], slot) for slot in slots]) for pair, slots in PAIRS.items()
    }
    gaze = {way: _look(answers, way, eyes) for way, eyes in LOOKS.items()}
    return {
        **columns,
        "both": both,
        **{f"mean_{name}": metrics.mean(list(columns[name].values())) for name in _MEANS},
        "mean_told_apart_without_gaze": metrics.mean(
            [apart for pair, apart in columns["told_apart"].items() if not pair.startswith("eyeLook")]
        ),
        "gestures": {name: _one_sided(answers, name, pair, values) for name, (pair, _) in GESTURES.items()},
        "gaze": {
            "ways": gaze,
            "mean_together": metrics.mean([row["together"] for row in gaze.values()]),
            "mean_alone": metrics.mean([row["alone"] for row in gaze.values()]),
            "mean_dragged": metrics.mean([row["dragged"] for row in gaze.values()]),
        },
    }


def _one_sided(answers: Mapping[str, F32], move: str, pair: str, values: F64) -> dict[str, float]:
    """A motion of one side, read from a pair's two coefficients."""
    own, other, apart, truth = [], [], [], []
    for side, sign in zip(SIDES, (1, -1), strict=True):
        rows = _seen(answers[f"{move} {side}"])
        left, right = (rows[..., slot] for slot in PAIRS[pair])
        here, there = (left, right) if side == "Left" else (right, left)
        own.append(here[:, -1] - here[:, 0])
        other.append(there[:, -1] - there[:, 0])
        apart.append((left - right - (left - right)[:, :1]).ravel())
        truth.append(np.tile(sign * values, len(rows)))
    mine, others = np.concatenate(own), np.concatenate(other)
    said, was = np.concatenate(apart), np.concatenate(truth)
    return {
        "own": metrics.mean(mine),
        "other": metrics.mean(others),
        "told_apart": metrics.mean(mine - others),
        "told": metrics.mean(mine - others >= _APART),
        "slope": float(said @ was / (was @ was)) if len(was) else float("nan"),
        "r": float(metrics.pearson(said[:, None], was[:, None])[0]) if len(was) else float("nan"),
    }


def _look(answers: Mapping[str, F32], way: str, eyes: tuple[str, str]) -> dict[str, float]:
    together = [_range(answers[f"look {way}"], INDEX[name]) for name in eyes]
    alone, dragged = [], []
    for name, side, other in zip(eyes, SIDES, reversed(eyes), strict=True):
        rows = answers[f"{name.removesuffix(side)} {side}"]
        alone.append(_range(rows, INDEX[name]))
        dragged.append(_range(rows, INDEX[other]))
    return {name: metrics.mean(row) for name, row in (("together", together), ("alone", alone), ("dragged", dragged))}


def turned(gazes: Mapping[str, F32]) -> dict[str, Any]:
    """How far the gaze (people, steps, 6) turns in the direction of each of LOOKS, as a share of the true turn."""
    shares = {}
    for way, (axis, sign) in _AXIS.items():
        rays = gazes[f"look {way}"].reshape(*gazes[f"look {way}"].shape[:2], 2, 3)
        angle = np.arcsin(np.clip(rays[..., axis], -1, 1))
        shares[way] = sign * float((angle[:, -1] - angle[:, 0]).mean()) / GAZE_PER_UNIT
    return {"turned": shares, "mean_turned": metrics.mean(list(shares.values()))}


def _seen(rows: F32) -> F64:
    """The people whose face was found at every step."""
    return np.asarray(rows[np.isfinite(rows).all(axis=(1, 2))], np.float64)


def _range(rows: F32, slot: int) -> float:
    good = _seen(rows)
    return metrics.mean(good[:, -1, slot] - good[:, 0, slot])
