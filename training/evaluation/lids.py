"""Part `lids`: narrowed eyes that do not blink, and shut eyes that must not be missed.

Whatever narrows an eye looks a little like a blink: a squint, a lowered brow, a smile, a gaze that goes down, darkness.
Held-out people in neutral light, heads turned a little; what an eye shows, not what was asked of it, is the truth.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mien
import numpy as np
import numpy.typing as npt

from training.evaluation import metrics, sheets
from training.evaluation.part import Asked, Context, Part
from training.evaluation.studio import Cases, drawn
from training.evaluation.subject import raw
from training.evaluation.sweeps import crops
from training.performer.coefficients import PAIRS

F32 = npt.NDArray[np.float32]

NARROWED: Cases = {
    "open": {"eyeWide": (0, 0.3)},
    "squint": {"eyeSquint": (0.6, 1.0)},
    "lowered_brow": {"browDown": (0.7, 1.0), "eyeSquint": (0, 0.5), "noseSneer": (0, 0.5)},
    "smile": {"mouthSmile": (0.6, 1.0), "cheekSquint": (0.6, 1.0), "eyeSquint": (0, 0.4)},
    "look_down": {"eyeLookDown": (0.4, 0.9)},
    "narrowest": {"eyeLookDown": (0.3, 0.8), "eyeSquint": (0.7, 1), "cheekSquint": (0.5, 1), "browDown": (0.3, 1)},
    "dark": {"eyeSquint": (0, 0.7), "browDown": (0, 0.7), "stops": (4, 6)},
}
SHUT: Cases = {
    "blink": {"eyeBlink": (1, 1)},
    "wink_left": {"eyeBlinkLeft": (1, 1), "cheekSquintLeft": (0, 0.6), "mouthSmileLeft": (0, 0.4)},
    "wink_right": {"eyeBlinkRight": (1, 1), "cheekSquintRight": (0, 0.6), "mouthSmileRight": (0, 0.4)},
    "squeezed": {"eyeBlink": (1, 1), "eyeSquint": (0.4, 1), "cheekSquint": (0.4, 1), "browDown": (0.3, 1)},
    "smiling": {"eyeBlink": (1, 1), "mouthSmile": (0.5, 1), "cheekSquint": (0.3, 0.9)},
    "dark": {"eyeBlink": (1, 1), "stops": (4, 6)},
}
_NOT_SHUT, _SAID_SHUT = 0.2, 0.5
_IS_SHUT, _SAID_LESS = 0.95, 0.7  # the face model's lids stop a hair before they touch: a full blink shows as 0.98


def run(context: Context) -> Part:
    """Part `lids`."""
    cases = {f"open: {name}": case for name, case in NARROWED.items()}
    cases |= {f"shut: {name}": case for name, case in SHUT.items()}
    taken, blinks = drawn(context, cases), list(PAIRS["eyeBlink"])
    truth = taken.shown[:, blinks]
    ours = context.subject.predict(crops(taken, context.subject.size))["coefficients"][:, blinks]
    figures = judged(ours, truth, list(cases))
    if context.reference is not None:
        with mien.open(context.reference, tracking=False) as peer:
            theirs = raw(peer, taken.pictures)[:, blinks]
        figures["mediapipe"] = judged(theirs, truth, list(cases))
    sheets.stills(context.out / "lids.png", taken, list(cases), truth, ours)
    return Part(
        figures,
        [
            Asked("lids: false blinks of narrowed eyes, %", figures["false_blink"] * 100, 1.0),
            Asked("lids: missed shut eyes, %", figures["missed_shut"] * 100, 5.0),
        ],
    )


def judged(answers: F32, truth: F32, cases: Sequence[str]) -> dict[str, Any]:
    """Rates of false blinks and of missed shut eyes.

    Args:
        answers, truth: (N, 2), eyeBlink of the left and the right eye, the same number of rows for each of the cases,
            one case after the other. Answers are NaN where no face was found; these count for nothing but `found`.

    Returns:
        false_blink: of the eyes with a truth below 0.2, the share with an answer above 0.5; missed_shut: of the shut
        eyes, the share with an answer below 0.7; over all, and for each case. NaN where there is no such eye.
    """
    figures: dict[str, Any] = {"found": float(np.isfinite(answers).all(1).mean()), **_rates(answers, truth)}
    rows = np.split(np.arange(len(truth)), len(cases))
    return figures | {"cases": {name: _rates(answers[at], truth[at]) for name, at in zip(cases, rows, strict=True)}}


def _rates(answers: F32, truth: F32) -> dict[str, float]:
    seen = np.isfinite(answers)
    open_eyes, shut_eyes = answers[seen & (truth < _NOT_SHUT)], answers[seen & (truth > _IS_SHUT)]

    return {
        "open_eyes": open_eyes.size,
        "false_blink": metrics.mean(open_eyes > _SAID_SHUT),
        "mean_open": metrics.mean(open_eyes),
        "shut_eyes": shut_eyes.size,
        "missed_shut": metrics.mean(shut_eyes < _SAID_LESS),
        "mean_shut": metrics.mean(shut_eyes),
    }
