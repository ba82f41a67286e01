"""Part `mouth`: open mouths whose tongue rests between the teeth, and tongues that are out.

A tongue has no landmark, so a network may learn that an open mouth has its tongue out. Held-out people in neutral
light, heads turned a little.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from training.evaluation import metrics, sheets
from training.evaluation.part import Asked, Context, Part
from training.evaluation.studio import Cases, drawn
from training.evaluation.sweeps import crops
from training.performer.coefficients import INDEX

F32 = npt.NDArray[np.float32]

RESTING: Cases = {
    "ajar": {"jawOpen": (0.1, 0.4)},
    "open": {"jawOpen": (0.4, 1)},
    "laugh": {"jawOpen": (0.2, 0.7), "mouthSmile": (0.5, 1), "cheekSquint": (0.2, 0.8)},
    "teeth": {"jawOpen": (0, 0.2), "mouthUpperUp": (0.5, 1), "mouthLowerDown": (0.5, 1), "mouthStretch": (0, 0.6)},
    "shout": {"jawOpen": (0.5, 1), "mouthLowerDown": (0.3, 1), "mouthStretch": (0.3, 1)},
    "round": {"jawOpen": (0.2, 0.8), "mouthFunnel": (0.4, 1)},
}
OUT: Cases = {
    "straight": {"jawOpen": (0.15, 0.7), "tongueOut": (0.6, 1)},
    "up": {"jawOpen": (0.3, 0.8), "tongueOut": (0.6, 1), "tongueUp": (0.5, 1)},
    "down": {"jawOpen": (0.2, 0.7), "tongueOut": (0.6, 1), "tongueDown": (0.5, 1)},
    "left": {"jawOpen": (0.2, 0.7), "tongueOut": (0.6, 1), "tongueLeft": (0.5, 1)},
    "right": {"jawOpen": (0.2, 0.7), "tongueOut": (0.6, 1), "tongueRight": (0.5, 1)},
    "smile": {"jawOpen": (0.15, 0.5), "tongueOut": (0.6, 1), "mouthSmile": (0.4, 1)},
}
_SAID = 0.5  # tongueOut from which on the tongue counts as out


def run(context: Context) -> Part:
    """Part `mouth`."""
    cases = {f"in: {name}": case for name, case in RESTING.items()}
    cases |= {f"out: {name}": case for name, case in OUT.items()}
    taken = drawn(context, cases)
    said = context.subject.predict(crops(taken, context.subject.size))["coefficients"]
    out = INDEX["tongueOut"]
    figures = judged(said[:, out], taken.shown[:, out], list(cases))
    sheets.stills(context.out / "mouth.png", taken, list(cases), taken.shown[:, [out]], said[:, [out]])
    return Part(
        figures,
        [
            Asked("mouth: false tongues in open mouths, %", figures["false_tongue"] * 100, 1.0),
            Asked("mouth: tongues found, %", figures["hit"] * 100, 90.0, most=False),
        ],
    )


def judged(answers: F32, truth: F32, cases: Sequence[str]) -> dict[str, Any]:
    """Rates of false and of found tongues.

    Args:
        answers, truth: tongueOut (N,), the same number for each of the cases, one case after the other.

    Returns:
        false_tongue: of the tongues that are in (truth 0), the share with an answer above 0.5; hit: the same of those
        that are out by 0.6 or more; over all and for each case, NaN where there is none. r: Pearson's over all.
    """
    rows = np.split(np.arange(len(truth)), len(cases))
    return {
        **_rates(answers, truth),
        "r": float(metrics.pearson(answers[:, None], truth[:, None])[0]),
        "cases": {name: _rates(answers[at], truth[at]) for name, at in zip(cases, rows, strict=True)},
    }


def _rates(answers: F32, truth: F32) -> dict[str, float]:
    inside, outside = answers[truth == 0], answers[truth > _SAID]

    return {
        "in": inside.size,
        "false_tongue": metrics.mean(inside > _SAID),
        "mean_in": metrics.mean(inside),
        "out": outside.size,
        "hit": metrics.mean(outside > _SAID),
        "mean_out": metrics.mean(outside),
    }
