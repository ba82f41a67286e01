"""What an expression means: action units, emotions, valence and arousal, likeness. All labels are DERIVED BY RULE.

No human coder saw these faces. Action units follow the public ARKit-to-FACS correspondence (ARKit shapes paired with
the FACS-named shapes of Meta's face tracking; compare M. Ozel, "ARKit to FACS: Blendshape Cheat Sheet"; Apple published
no table); emotions are the prototypes of data/recipes.json; valence and arousal are a rule over action units. A network
trained on them learns these rules on rendered faces, no more; the model card must say so.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from training.errors import TrainingError
from training.performer.coefficients import (
    COEFFICIENTS,
    GAZE,
    INDEX,
    TONGUE_SLOTS,
    constrain,
    mirror_order,
    parting,
    slots,
    vector,
)
from training.performer.mesh import F32

I8 = npt.NDArray[np.int8]

_DATA = Path(__file__).resolve().parent / "data"

# the twelve of DISFA (1 2 4 5 6 9 12 15 17 20 25 26) united with the twelve of BP4D (1 2 4 6 7 10 12 14 15 17 23 24)
ACTION_UNITS = tuple(f"AU{au:02d}" for au in (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 24, 25, 26))

# the action units that ARKit measures directly
_DIRECT = {
    "AU01": "browInnerUp",
    "AU02": "browOuterUp",
    "AU04": "browDown",
    "AU05": "eyeWide",
    "AU06": "cheekSquint",
    "AU07": "eyeSquint",
    "AU09": "noseSneer",
    "AU10": "mouthUpperUp",
    "AU12": "mouthSmile",
    "AU14": "mouthDimple",
    "AU15": "mouthFrown",
    "AU17": "mouthShrugLower",
    "AU20": "mouthStretch",
    "AU26": "jawOpen",
}

# AffectNet's order; `unknown` is no class but a score of its own
EMOTIONS = ("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt")

# what a sampled expression is; expressions.py draws them
KINDS = ("take", "random", "single", "viseme", "emotion", "compound", "neutral", "lone", "act")


@cache
def recipes() -> dict[str, Any]:
    """data/recipes.json: emotions, compounds and visemes as coefficient recipes."""
    table: dict[str, Any] = json.loads((_DATA / "recipes.json").read_text("utf-8"))
    return table


# pairs of indices into EMOTIONS, (adverb, noun): the seven of C-EXPR, "fearfully surprised" first
COMPOUNDS: tuple[tuple[int, int], ...] = tuple(
    (EMOTIONS.index(adverb), EMOTIONS.index(noun)) for adverb, noun in recipes()["compounds"]
)


@dataclass(frozen=True, eq=False)
class Prototypes:
    """All variants of all emotions at full intensity, ordered by emotion.

    Attributes:
        coefficients: float32 (V, 57).
        emotion: int8 (V,), index into EMOTIONS.
    """

    coefficients: F32
    emotion: I8


@cache
def prototypes() -> Prototypes:
    """The prototypes of data/recipes.json (EMFACS and its variants)."""
    variants = [
        (index, vector(recipe)) for index, name in enumerate(EMOTIONS) for recipe in recipes()["emotions"][name]
    ]
    coefficients = constrain(np.stack([values for _, values in variants]))
    return Prototypes(coefficients, np.array([index for index, _ in variants], np.int8))


def action_units(coefficients: F32) -> F32:
    """Intensities of ACTION_UNITS, float32 (N, 17), 0..1 (1 = the letter E), from coefficients (N, 57).

    Of a pair the stronger side counts, as in FACS. Where ARKit has no shape of its own:
    AU25 (lips part) is `coefficients.parting`, doubled because lips are fully parted at half a jaw's drop;
    AU23 (tightener) and AU24 (presser) share mouthPress, which is AU23 as far as the lips roll in (all of it from a
    mean roll of 0.3), else AU24; AU26 takes AU27 (mouth stretch) in as its upper range.
    """
    c = np.asarray(coefficients, np.float32)
    press = c[:, slots("mouthPress")].max(axis=1)
    tight = np.clip((c[:, INDEX["mouthRollLower"]] + c[:, INDEX["mouthRollUpper"]]) / 0.6, 0, 1)
    derived = {
        "AU23": press * tight,
        "AU24": press * (1 - tight),
        "AU25": np.clip(2 * parting(c)[:, 0], 0, 1),
    }
    units = [derived[au] if au in derived else c[:, slots(_DIRECT[au])].max(axis=1) for au in ACTION_UNITS]
    return np.stack(units, axis=1).astype(np.float32)


def valence_arousal(coefficients: F32) -> F32:
    """Valence and arousal, float32 (N, 2), -1..1, from coefficients (N, 57): a smooth rule of this project.

    Sums of action units through tanh, signed so that the prototypes fall into their places of the circumplex
    (Russell 1980): the smile that both sides share is pleasant (more so with AU6), a one-sided one is not; lowered and
    oblique brows, sneer, raised upper lip, frown, stretch and tight lips are unpleasant; wide eyes, raised brows, open
    jaw, stretch and tight lips arouse; sadness' oblique brows with hanging corners, and closing lids, calm.
    """
    au = dict(zip(ACTION_UNITS, action_units(coefficients).T, strict=True))
    c = np.asarray(coefficients, np.float32)
    smile = c[:, slots("mouthSmile")].min(axis=1)
    crooked = au["AU12"] - smile + np.ptp(c[:, slots("mouthDimple")], axis=1)
    closed = c[:, slots("eyeBlink")].mean(axis=1)
    oblique = au["AU01"] * (1 - au["AU02"]) * (1 - au["AU05"])
    valence = (
        1.1 * smile * (1 + 0.4 * au["AU06"])
        - 0.6 * au["AU04"]
        - 0.6 * oblique
        - 0.5 * au["AU09"]
        - 0.5 * au["AU10"] * (1 - smile)
        - 0.6 * au["AU15"]
        - 0.3 * au["AU17"]
        - 0.7 * au["AU20"] * (1 - smile)
        - 0.3 * (au["AU23"] + au["AU24"])
        - 0.4 * crooked
    )
    arousal = (
        0.8 * au["AU05"]
        + 0.3 * au["AU02"]
        + 0.4 * au["AU26"]
        + 0.2 * au["AU25"]
        + 0.35 * smile * (1 + au["AU06"]) / 2
        + 0.3 * au["AU04"] * (1 - oblique)
        + 0.3 * au["AU09"]
        + 0.3 * au["AU20"]
        + 0.3 * (au["AU23"] + au["AU24"])
        - 0.6 * oblique
        - 0.3 * au["AU15"] * oblique
        - 0.4 * closed
    )
    return np.asarray(np.tanh(np.stack([valence, arousal], axis=1)), np.float32)


@cache
def displacement() -> F32:
    """float32 (57,): how far each coefficient moves the face, centimetres per unit (data/displacement.json)."""
    table = json.loads((_DATA / "displacement.json").read_text("utf-8"))["centimetres"]
    weights = np.array([table[name] for name in COEFFICIENTS], np.float32)
    weights.setflags(write=False)
    return weights


def expression_distance(a: F32, b: F32, weights: F32 | None = None) -> F32:
    """sqrt(sum_i w_i (a_i - b_i)^2), float32 (...), for coefficients (..., 57) that broadcast against each other.

    Args:
        a: float32 (..., 57).
        b: float32 (..., 57).
        weights: (57,), non-negative; default `displacement()`. They enter unsquared: squared, the jaw (1.3 cm) would
            drown the lids (0.1 cm), which people read before it.
    """
    w = displacement() if weights is None else weights
    return np.asarray(np.sqrt(((a - b) ** 2 * w).sum(axis=-1)), np.float32)


def triplets(coefficients: F32, rng: np.random.Generator, count: int, margin: float = 0.15) -> npt.NDArray[np.intp]:
    """Anchor, positive, negative: int (count, 3) indices into coefficients (N, 57), N >= 3.

    The distance from anchor to negative exceeds that to the positive by at least `margin` where a draw of eight
    candidate pairs offers one (else the pair with the widest difference); among those that do, the hardest is taken.
    The three are different.

    Raises:
        TrainingError: ``training.config``; fewer than three expressions.
    """
    if len(coefficients) < 3:
        raise TrainingError("training.config", f"{len(coefficients)} expressions make no triplet.", "Give 3 or more.")
    others = len(coefficients) - 1
    anchor = rng.integers(len(coefficients), size=(count, 1))
    first = rng.integers(others, size=(count, 8))
    second = rng.integers(others - 1, size=(count, 8))
    second += second >= first  # another one than the first
    first, second = ((index + anchor + 1) % len(coefficients) for index in (first, second))
    near = expression_distance(coefficients[anchor], coefficients[first])
    far = expression_distance(coefficients[anchor], coefficients[second])
    difference = np.abs(far - near)
    # above the margin the smallest difference wins, below it the largest
    score = np.where(difference >= margin, difference, 1e6 - difference)
    row, best = np.arange(count), score.argmin(axis=1)
    swap = (near > far)[row, best]
    first, second = first[row, best], second[row, best]
    return np.stack([anchor[:, 0], np.where(swap, second, first), np.where(swap, first, second)], axis=1)


def known(coefficients: F32, kind: npt.NDArray[np.integer[Any]]) -> I8:
    """The open-set label per sample, int8 (N,): 1 a prototype, 0 none (unknown), -1 undecided (leave out of the loss).

    Emotions, compounds and neutral faces are prototypes. Random co-activation, single shapes, visemes and acts are
    unknown unless they happen to look like a prototype or like nothing at all; recorded frames carry no emotion label.

    Args:
        coefficients: float32 (N, 57).
        kind: (N,), index into KINDS.
    """
    prototype = np.isin(kind, [KINDS.index(name) for name in ("emotion", "compound", "neutral")])
    vague = (kind == KINDS.index("take")) | (resemblance(coefficients) > 0.8)
    return np.where(prototype, 1, np.where(vague, -1, 0)).astype(np.int8)


def resemblance(coefficients: F32) -> F32:
    """The likeness to the nearest prototype at any intensity, float32 (N,), 0..1; gaze, blinks and tongue aside.

    Cosine in the space where `expression_distance` is Euclidean; 1 where nothing moves (norm under 0.2: neutral).
    """
    root = np.sqrt(displacement())
    root[[*GAZE, *slots("eyeBlink"), *TONGUE_SLOTS]] = 0
    here = np.asarray(coefficients, np.float32) * root
    there = prototypes().coefficients[prototypes().emotion != EMOTIONS.index("neutral")]
    there = np.concatenate([there, there[:, mirror_order()]]) * root
    norm = np.linalg.norm(here, axis=1)
    likeness = (here @ (there / np.linalg.norm(there, axis=1, keepdims=True)).T).max(axis=1) / np.maximum(norm, 1e-6)
    return np.where(norm < 0.2, 1, likeness).astype(np.float32)
