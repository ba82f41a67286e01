"""The coefficient vector: its names, its pairs, its mirror image, and what a face cannot do at the same time.

Everything that makes expressions passes through `constrain`, so that a label never promises what the picture cannot
show. A cap depends only on coefficients that are final by then: constraining twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from mien.layouts import ARKIT52

from training.errors import TrainingError
from training.performer.mesh import F32

TONGUE = ("tongueUp", "tongueDown", "tongueLeft", "tongueRight", "tongueRoll")
COEFFICIENTS = ARKIT52.names + TONGUE
INDEX = {name: index for index, name in enumerate(COEFFICIENTS)}

GAZE = tuple(INDEX[name] for name in COEFFICIENTS if name.startswith("eyeLook"))
TONGUE_SLOTS = tuple(INDEX[name] for name in TONGUE)

# one muscle, two sides of the face; jaw, mouth and tongue move to ONE side and are no pairs
_SIDEWAYS = ("jaw", "mouth", "tongue")
PAIRS = {
    name.removesuffix("Left"): (INDEX[name], INDEX[name.removesuffix("Left") + "Right"])
    for name in COEFFICIENTS
    if name.endswith("Left") and name.removesuffix("Left") not in _SIDEWAYS
}

# per slot the slot that stands for its muscle: a pair's left side, else itself
MUSCLE = np.arange(len(COEFFICIENTS))
for _left, _right in PAIRS.values():
    MUSCLE[_right] = _left

# the coefficients of a part that one actor overdoes or underplays together
REGIONS = {
    part: np.array([INDEX[name] for name in COEFFICIENTS if name.startswith(starts) and INDEX[name] not in GAZE])
    for part, starts in {
        "eyes": ("eyeBlink", "eyeSquint", "eyeWide", "cheekSquint"),
        "brows": ("brow",),
        "nose": ("noseSneer", "cheekPuff"),
        "mouth": ("mouth",),
        "jaw": ("jaw", "tongue"),
    }.items()
}


def slot(name: str) -> int:
    """The slot of a coefficient name. Raises TrainingError (``training.config``) if there is none."""
    if name not in INDEX:
        raise TrainingError(
            "training.config", f"There is no coefficient {name!r}.", f"There are: {', '.join(COEFFICIENTS)}."
        )
    return INDEX[name]


def slots(name: str) -> tuple[int, ...]:
    """The slots of a coefficient name, or of a pair's name without its side (``"mouthSmile"``).

    Raises:
        TrainingError: ``training.config``; there is no such coefficient.
    """
    return PAIRS[name] if name in PAIRS else (slot(name),)


def vector(recipe: Mapping[str, float]) -> F32:
    """A recipe (name or pair's name -> value 0..1) as float32 (57,). Raises TrainingError for an unknown name."""
    values = np.zeros(len(COEFFICIENTS), np.float32)
    for name, value in recipe.items():
        values[list(slots(name))] = value
    return values


@cache
def mirror_order() -> npt.NDArray[np.intp]:
    """int (57,): `values[..., mirror_order()]` is the expression in a mirror (left and right exchanged)."""

    def twin(name: str) -> str:
        if name.endswith("Left"):
            return name.removesuffix("Left") + "Right"
        return name.removesuffix("Right") + "Left" if name.endswith("Right") else name

    order = np.array([INDEX[twin(name)] for name in COEFFICIENTS], np.intp)
    order.setflags(write=False)
    return order


def _at(values: F32, name: str) -> F32:
    """(..., 1) or, for a pair, (..., 2): left, right."""
    return values[..., list(slots(name))]


def _both(values: F32, name: str) -> F32:
    """(..., 1): the mean of the two sides."""
    return np.asarray(_at(values, name).mean(axis=-1, keepdims=True), np.float32)


def parting(values: F32) -> F32:
    """How far the lips are apart, 0..1, float32 (..., 1) for coefficients (..., 57).

    The jaw's gap that mouthClose does not shut, or what the lip raisers, depressors and the funnel open by themselves.
    """
    gap = _at(values, "jawOpen") - _at(values, "mouthClose")
    lips = np.maximum(_both(values, "mouthUpperUp"), _both(values, "mouthLowerDown")) * 0.6
    return np.asarray(np.maximum(np.maximum(gap, lips), _at(values, "mouthFunnel") * 0.3), np.float32)


def constrain(coefficients: F32) -> F32:
    """The nearest expression that a face can make: float32 (..., 57) in 0..1, a copy. Idempotent.

    Opposite directions cancel (jaw, mouth, tongue, gaze of each eye). The rest are caps of one coefficient by others:
    mouthClose <= jawOpen; the lids are not wide while they close; lowered brows hold the outer brow; rounded lips hold
    smile and stretch; puffed cheeks and pressed lips need closed lips; lips are not rolled while they are drawn apart;
    the chin is not raised while the jaw is open; the tongue needs parted lips, its directions need the tongue.
    """
    c = np.clip(np.asarray(coefficients, np.float32), 0, 1)

    def cancel(one: str, other: str) -> None:
        a, b = INDEX[one], INDEX[other]
        common = np.minimum(c[..., a], c[..., b])
        c[..., a] -= common
        c[..., b] -= common

    def cap(name: str, limit: npt.NDArray[np.floating[Any]]) -> None:
        here = list(slots(name))
        c[..., here] = np.minimum(c[..., here], np.clip(limit, 0, 1))

    cancel("jawLeft", "jawRight")
    cancel("mouthLeft", "mouthRight")
    cancel("tongueLeft", "tongueRight")
    cancel("tongueUp", "tongueDown")
    for side in ("Left", "Right"):
        cancel(f"eyeLookUp{side}", f"eyeLookDown{side}")
        cancel(f"eyeLookIn{side}", f"eyeLookOut{side}")

    cap("eyeWide", 1 - 2 * _at(c, "eyeBlink"))
    cap("browOuterUp", 1 - 0.5 * _at(c, "browDown"))

    cap("mouthClose", _at(c, "jawOpen"))
    rounded = np.maximum(_at(c, "mouthFunnel"), _at(c, "mouthPucker"))
    cap("mouthSmile", 1 - 0.7 * rounded)
    cap("mouthStretch", 1 - 0.7 * rounded)

    gap = _at(c, "jawOpen") - _at(c, "mouthClose")
    apart = parting(c)
    cap("tongueOut", (apart - 0.05) / 0.1)
    cap("cheekPuff", 1 - 3 * apart)
    cap("mouthPress", 1 - 3 * apart)
    for roll, lip in (("mouthRollLower", "mouthLowerDown"), ("mouthRollUpper", "mouthUpperUp")):
        drawn = np.maximum(_both(c, lip), rounded)
        cap(roll, np.minimum(1 - 0.7 * gap, 1 - 0.8 * drawn))
    cap("mouthShrugLower", 1 - 0.7 * gap)
    cap("mouthShrugUpper", 1 - 0.7 * gap)
    for name in TONGUE:
        cap(name, _at(c, "tongueOut") / 0.25)
    return c
