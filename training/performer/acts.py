"""Acts that tell a face's sides and look-alikes apart: one coefficient of one side alone, winks, smirks, one brow;
narrowed eyes that are no blinks, shut and squeezed ones; brows as people move them; parted lips without a tongue.

Without them a network learns that left is right and that a narrow eye is a closed one, because nothing in the
recordings and prototypes says otherwise. Functions give coefficients float32 (count, 57), not yet constrained.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from training.performer.coefficients import COEFFICIENTS, GAZE, INDEX, TONGUE, mirror_order, vector
from training.performer.mesh import F32
from training.performer.overlays import gaze

_Script = Callable[[np.random.Generator, int], F32]
_PAIRED_GAZE = 0.7  # share of the lone gazes in which both eyes look the same way, as eyes do
_COMPANY: Mapping[str, Mapping[str, float]] = {
    "mouthClose": {"jawOpen": 1.0},
    "tongueOut": {"jawOpen": 0.35},
    **{direction: {"jawOpen": 0.35, "tongueOut": 1.0} for direction in TONGUE},
}


def company(name: str) -> Mapping[str, float]:
    """What a coefficient cannot be seen without: a jaw wide open for mouthClose, parted lips for the tongue."""
    return _COMPANY.get(name, {})


def lone(rng: np.random.Generator, count: int) -> F32:
    """One coefficient alone, of one side where it has one, evenly over 0..1, with what it cannot be seen without."""
    chosen = rng.integers(len(COEFFICIENTS), size=count)
    value = rng.random(count).astype(np.float32)
    c = np.stack([vector(company(COEFFICIENTS[k])) for k in range(len(COEFFICIENTS))])[chosen]
    c[np.arange(count), chosen] = value
    closing = chosen == INDEX["mouthClose"]  # of whatever gap there is
    c[closing, INDEX["jawOpen"]] = rng.uniform(0.3, 1, closing.sum())
    c[closing, INDEX["mouthClose"]] = c[closing, INDEX["jawOpen"]] * value[closing]
    paired = np.isin(chosen, GAZE) & (rng.random(count) < _PAIRED_GAZE)
    across = rng.random(count) < 0.5
    swing = np.where(rng.random(count) < 0.5, value, -value).astype(np.float64)
    both = gaze(np.where(across, swing, 0.0), np.where(across, 0.0, swing), np.zeros(count))
    c[np.ix_(paired, np.array(GAZE))] = both[paired]
    return c


def acts(rng: np.random.Generator, count: int) -> F32:
    """Scripted acts of one side, of the lids, of the brows and of parted lips, evenly drawn."""
    scripts: tuple[Mapping[str, float] | _Script, ...] = (
        *_ONE_SIDED,
        _narrowed,
        _narrowed,
        _squeezed,
        _shut,
        _brows,
        _brows,
        _parted,
        _parted,
    )
    c = np.zeros((count, len(COEFFICIENTS)), np.float32)
    which = rng.integers(len(scripts), size=count)
    for k, script in enumerate(scripts):
        rows = np.flatnonzero(which == k)
        c[rows] = _one_sided(rng, script, len(rows)) if isinstance(script, Mapping) else script(rng, len(rows))
    return c


# Full strength of acts of the left side, with what else moves; `_one_sided` mirrors half of them.
_ONE_SIDED: tuple[Mapping[str, float], ...] = (
    {"eyeBlinkLeft": 1.0, "cheekSquintLeft": 0.6, "eyeSquintLeft": 0.5, "mouthSmileLeft": 0.35, "browDownLeft": 0.2},
    {"eyeBlinkLeft": 1.0},
    {"mouthSmileLeft": 1.0, "cheekSquintLeft": 0.5, "mouthDimpleLeft": 0.3},
    {"mouthSmileLeft": 0.9, "mouthDimpleLeft": 0.6, "browDownRight": 0.3},
    {"browOuterUpLeft": 1.0, "browInnerUp": 0.35, "eyeWideLeft": 0.3},
    {"browOuterUpLeft": 0.9, "browDownRight": 0.7, "eyeSquintRight": 0.3},
    {"noseSneerLeft": 1.0, "mouthUpperUpLeft": 0.8, "cheekSquintLeft": 0.4},
    {"mouthUpperUpLeft": 1.0, "mouthLeft": 0.3},
    {"mouthStretchLeft": 1.0, "mouthLowerDownLeft": 0.7, "mouthFrownLeft": 0.4},
    {"mouthPressLeft": 1.0, "mouthDimpleLeft": 0.5, "mouthLeft": 0.3},
    {"eyeSquintLeft": 1.0, "browDownLeft": 0.6, "cheekSquintLeft": 0.3},
    {"mouthFrownLeft": 1.0, "mouthLeft": 0.2},
)


def _one_sided(rng: np.random.Generator, script: Mapping[str, float], count: int) -> F32:
    c = vector(script) * rng.beta(1.6, 0.9, (count, 1)) * rng.uniform(0.4, 1.2, (count, len(COEFFICIENTS)))
    mirrored = rng.random(count) < 0.5
    c[mirrored] = c[mirrored][:, mirror_order()]
    return np.asarray(c, np.float32)


def _of(rng: np.random.Generator, count: int, **ranges: tuple[float, float]) -> F32:
    """Each named pair or coefficient evenly within its range, both sides nearly alike."""
    c = np.zeros((count, len(COEFFICIENTS)), np.float32)
    for name, (low, high) in ranges.items():
        here = np.flatnonzero(vector({name: 1}))
        c[:, here] = rng.uniform(low, high, (count, 1)) * rng.normal(1, 0.05, (count, len(here)))
    return c


def _narrowed(rng: np.random.Generator, count: int) -> F32:
    """Eyes made narrow by squint, cheeks or brows, not by the lid."""
    c = _of(rng, count, eyeSquint=(0.3, 1), browDown=(0, 0.9), cheekSquint=(0, 0.7), eyeBlink=(0, 0.25))
    c *= np.where(rng.random((count, 1)) < 0.5, 1, vector({"eyeSquint": 1, "eyeBlink": 1}))  # or squint alone
    return np.asarray(c, np.float32)


def _squeezed(rng: np.random.Generator, count: int) -> F32:
    """Eyes pressed shut with all around them."""
    return _of(
        rng, count, eyeBlink=(0.8, 1), eyeSquint=(0.4, 1), cheekSquint=(0.3, 1), browDown=(0.2, 1), noseSneer=(0, 0.8),
        mouthUpperUp=(0, 0.4),
    )  # fmt: skip


def _shut(rng: np.random.Generator, count: int) -> F32:
    """Eyes closed in a calm face, or nearly so."""
    return _of(rng, count, eyeBlink=(0.7, 1), browInnerUp=(0, 0.2), mouthSmile=(0, 0.3))


def _brows(rng: np.random.Generator, count: int) -> F32:
    """Brows with the lids as they are: raised inside, raised whole, drawn together, or oblique."""
    shapes: tuple[Callable[[], F32], ...] = (
        lambda: _of(rng, count, browInnerUp=(0.2, 1)),
        lambda: _of(rng, count, browInnerUp=(0.3, 1), browOuterUp=(0.3, 1), eyeWide=(0, 0.4)),
        lambda: _of(rng, count, browDown=(0.3, 1), noseSneer=(0, 0.3)),
        lambda: _of(rng, count, browInnerUp=(0.4, 1), browDown=(0.2, 0.7)),
    )
    drawn = np.stack([shape() for shape in shapes])
    return np.asarray(drawn[rng.integers(len(shapes), size=count), np.arange(count)], np.float32)


def _parted(rng: np.random.Generator, count: int) -> F32:
    """Lips apart with teeth to be seen and the tongue at rest."""
    return _of(
        rng, count, jawOpen=(0, 0.7), mouthUpperUp=(0, 0.8), mouthLowerDown=(0, 0.8), mouthSmile=(0, 0.6),
        mouthFunnel=(0, 0.3),
    )  # fmt: skip


def posture(rng: np.random.Generator, count: int) -> F32:
    """Small lasting postures of brows, lids and corners, each side its own, as faces at rest have them."""
    names = ("browDown", "browInnerUp", "browOuterUp", "mouthFrown", "mouthSmile", "eyeSquint", "mouthPress")
    c = np.zeros((count, len(COEFFICIENTS)), np.float32)
    for name in names:
        here = np.flatnonzero(vector({name: 1}))
        worn = rng.random((count, 1)) < 0.35
        c[:, here] = worn * rng.beta(1.2, 3, (count, 1)) * 0.4 * rng.uniform(0.6, 1.2, (count, len(here)))
    return c
