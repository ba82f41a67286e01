"""Still expressions for training: what the faces in the pictures do.

`ExpressionSampler` mixes recorded takes, random co-activation, single strong shapes, visemes, emotion prototypes,
near-neutral faces and acts of one side; gaze, blinks and the difference between the two sides are laid over them;
`constrain` has the last word. Recordings of one split never reach the other. `sweep` moves one coefficient alone
(evaluation), `coverage` counts what a sample covers. Moving faces are in performance.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from training.errors import TrainingError
from training.performer import overlays
from training.performer.acts import acts, company, lone, posture
from training.performer.coefficients import (
    COEFFICIENTS,
    GAZE,
    INDEX,
    MUSCLE,
    REGIONS,
    constrain,
    mirror_order,
    slot,
    slots,
    vector,
)
from training.performer.labels import COMPOUNDS, EMOTIONS, I8, KINDS, prototypes, recipes
from training.performer.mesh import F32
from training.performer.takes import TRAIN_TAKES, VALIDATION_TAKES, takes

Split = Literal["train", "validation"]

# What faces are judged by; it stays, so that figures of different times can be compared.
MIXTURE: Mapping[str, float] = {
    "take": 0.25,
    "random": 0.30,
    "single": 0.10,
    "viseme": 0.12,
    "emotion": 0.11,
    "compound": 0.04,
    "neutral": 0.08,
}

# What the face network learns from. In MIXTURE the sides of a pair agree (r .88 to 1.00), and a network that learns
# from it answers a one-sided act on both sides.
LEARNT: Mapping[str, float] = {
    "take": 0.17,
    "random": 0.22,
    "single": 0.05,
    "viseme": 0.08,
    "emotion": 0.08,
    "compound": 0.03,
    "neutral": 0.07,
    "lone": 0.20,
    "act": 0.10,
}
FREE_SIDES = 0.35  # share of LEARNT's random and single samples in which the sides of every pair are drawn apart


@dataclass(frozen=True, eq=False)
class Expressions:
    """Sampled expressions with what is known of their making; N rows each.

    Attributes:
        coefficients: float32 (N, 57), 0..1, order of COEFFICIENTS, constrained.
        kind: int8 (N,), index into KINDS.
        emotion: int8 (N,), index into EMOTIONS; of a compound its first word's (fearfully); -1 where none is known.
        second: int8 (N,), a compound's second emotion (surprised), else -1.
        compound: int8 (N,), index into COMPOUNDS, else -1.
        intensity: float32 (N,), 0.3..1 of the prototype (a compound: of its stronger part), 0 where there is none.
    """

    coefficients: F32
    kind: I8
    emotion: I8
    second: I8
    compound: I8
    intensity: F32

    def __len__(self) -> int:
        return len(self.kind)


# Moves of random co-activation: how often (relative), and whether the lips are "open" or "closed" for it. Those that
# people show rarely, and that trackers are known to lose, are drawn more often. jawLeft and mouthLeft stand for both
# directions.
_MOVES: Mapping[str, tuple[float, str]] = {
    "eyeSquint": (1.2, ""),
    "eyeWide": (2.5, ""),
    "browDown": (1.3, ""),
    "browInnerUp": (1.2, ""),
    "browOuterUp": (1.5, ""),
    "cheekSquint": (1.6, ""),
    "noseSneer": (2.2, ""),
    "jawForward": (3.0, ""),
    "jawLeft": (4.5, ""),
    "mouthLeft": (4.0, ""),
    "mouthPucker": (1.6, ""),
    "mouthSmile": (1.2, ""),
    "mouthFrown": (1.5, ""),
    "mouthDimple": (1.8, ""),
    "mouthStretch": (1.5, ""),
    "jawOpen": (2.5, "open"),
    "mouthFunnel": (2.0, "open"),
    "mouthLowerDown": (1.6, "open"),
    "mouthUpperUp": (1.8, "open"),
    "tongueOut": (5.0, "open"),
    "cheekPuff": (3.5, "closed"),
    "mouthRollLower": (2.5, "closed"),
    "mouthRollUpper": (2.5, "closed"),
    "mouthShrugLower": (2.2, "closed"),
    "mouthShrugUpper": (2.2, "closed"),
    "mouthPress": (2.8, "closed"),
}


def split_takes(split: Split) -> tuple[str, ...]:
    """The recordings of a split. Raises TrainingError (``training.config``) for an unknown one."""
    if split not in ("train", "validation"):
        raise TrainingError("training.config", f"There is no split {split!r}.", "There are: train, validation.")
    return TRAIN_TAKES if split == "train" else VALIDATION_TAKES


class ExpressionSampler:
    """Draws expressions of one split.

    Args:
        split: which recordings may be used; everything else is drawn the same way in both.
        kinds: relative weights by name in KINDS, default MIXTURE; those left out are not drawn.
        free_sides: share of the random and single samples in which the two sides know nothing of each other, 0..1.

    Raises:
        TrainingError: ``training.config``; an unknown split or kind, or weights that are no weights.
    """

    def __init__(self, split: Split, kinds: Mapping[str, float] | None = None, free_sides: float = 0.0) -> None:
        mixture = MIXTURE if kinds is None else kinds
        weights = np.array([mixture.get(name, 0.0) for name in KINDS], np.float64)
        if set(mixture) - set(KINDS) or not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
            raise TrainingError(
                "training.config",
                f"{dict(mixture)} are no weights of kinds of expression.",
                f"Give numbers >= 0, one above 0, by name: {', '.join(KINDS)}.",
            )
        self._names = split_takes(split)
        if not 0 <= free_sides <= 1:
            raise TrainingError("training.config", f"free_sides is a share, not {free_sides}.", "Give 0..1.")
        self._weights = weights / weights.sum()
        self._free_sides = free_sides

    def sample(self, rng: np.random.Generator, count: int) -> Expressions:
        """`count` expressions in random order; the same generator state gives the same bytes.

        Raises:
            TrainingError: ``asset.missing`` or ``asset.damaged``; a recording that the mixture needs.
        """
        kind = rng.choice(len(KINDS), size=count, p=self._weights).astype(np.int8)
        c = np.zeros((count, len(COEFFICIENTS)), np.float32)
        emotion, second, compound = (np.full(count, -1, np.int8) for _ in range(3))
        intensity = np.zeros(count, np.float32)
        rows = {name: np.flatnonzero(kind == index) for index, name in enumerate(KINDS)}

        drawn: tuple[tuple[str, Callable[[np.random.Generator, int], F32]], ...] = (
            ("random", co_activated),
            ("single", single),
            ("viseme", spoken),
            ("neutral", resting),
            ("lone", lone),
            ("act", acts),
        )
        for name, draw in drawn:
            c[rows[name]] = draw(rng, len(rows[name]))
        if self._free_sides:
            apart = np.concatenate([rows["random"], rows["single"]])
            apart = apart[rng.random(len(apart)) < self._free_sides]
            c[apart] *= overlays.free_sides(rng, len(apart))
            still = rows["neutral"][rng.random(len(rows["neutral"])) < 0.5]
            c[still] = np.maximum(c[still], posture(rng, len(still)))
        if len(rows["take"]):
            c[rows["take"]] = recorded(rng, self._names, len(rows["take"]))

        here = rows["emotion"]
        emotion[here] = rng.integers(1, len(EMOTIONS), len(here))
        c[here], intensity[here] = felt(rng, emotion[here])
        here = rows["compound"]
        compound[here] = rng.integers(len(COMPOUNDS), size=len(here))
        emotion[here], second[here] = np.array(COMPOUNDS, np.int8)[compound[here]].T
        one, other = (felt(rng, part[here]) for part in (emotion, second))
        c[here], intensity[here] = np.maximum(one[0], other[0]), np.maximum(one[1], other[1])
        emotion[rows["neutral"]] = EMOTIONS.index("neutral")

        mirrored = rng.random(count) < 0.5
        c[mirrored] = c[mirrored][:, mirror_order()]
        alone, scripted = (kind == KINDS.index(name) for name in ("lone", "act"))
        plain = (kind == KINDS.index("single")) | alone
        taken = kind == KINDS.index("take")
        overlays.rest(rng, c, ~plain & ~taken & (rng.random(count) < 0.5))
        overlays.turn_tongue(rng, c, ~alone)
        gazing = alone & c[:, GAZE].any(axis=1)
        overlays.look(rng, c, (~taken & ~gazing) | (taken & (rng.random(count) < 0.5)), lids=~alone)
        overlays.blink(rng, c, ~plain & ~scripted)
        return Expressions(constrain(c), kind, emotion, second, compound, intensity)


def recorded(rng: np.random.Generator, names: tuple[str, ...], count: int) -> F32:
    """Frames of the takes, each performer's resting face partly taken off, every region over- or underplayed."""
    films = [take.values for take in takes(names)]
    floors = np.repeat([np.percentile(film, 5, axis=0) for film in films], [len(film) for film in films], axis=0)
    frames = rng.integers(len(floors), size=count)
    offset = floors[frames] * rng.random((count, 1))
    offset[:, GAZE] = 0
    c = np.maximum(np.concatenate(films)[frames] - offset, 0)
    for region in REGIONS.values():
        c[:, region] *= rng.uniform(0.7, 1.6, (count, 1))
    return c.astype(np.float32)


def co_activated(rng: np.random.Generator, count: int) -> F32:
    """2..10 moves at once, drawn without replacement (Gumbel top-k), values over all of 0..1."""
    names = tuple(_MOVES)
    weight = np.array([weight for weight, _ in _MOVES.values()])
    lips = np.array([lips for _, lips in _MOVES.values()])
    # lips open, closed, or closed over a lowered jaw; what contradicts them is drawn seldom
    mode = rng.choice(3, size=(count, 1), p=(0.45, 0.35, 0.20))
    against = np.where(mode == 0, lips == "closed", lips == "open")
    keys = np.log(weight) - 3 * against + rng.gumbel(size=(count, len(names)))
    active = keys.argsort(axis=1).argsort(axis=1) >= len(names) - rng.integers(2, 11, (count, 1))
    values = np.where(active, rng.beta(1.2, 0.8, active.shape), 0)

    c = np.zeros((count, len(COEFFICIENTS)), np.float32)
    for column, name in enumerate(names):
        c[:, slots(name)] = values[:, column, None]
    sealed = mode[:, 0] == 2
    c[sealed, INDEX["jawOpen"]] = rng.beta(1.6, 0.8, sealed.sum())
    c[sealed, INDEX["mouthClose"]] = c[sealed, INDEX["jawOpen"]] * rng.uniform(0.8, 1, sealed.sum())
    overlays.drop_jaw(rng, c)
    for name in ("jaw", "mouth"):
        swap = rng.random(count) < 0.5
        left, right = INDEX[f"{name}Left"], INDEX[f"{name}Right"]
        c[swap, left], c[swap, right] = c[swap, right], c[swap, left]
    return c * overlays.sides(rng, count, mild=0.15, single=0.10)


def single(rng: np.random.Generator, count: int) -> F32:
    """One coefficient or pair alone (with what it cannot do without), mostly strong."""
    names = (*_MOVES, "mouthClose", "eyeBlink", "tongueOut", "tongueOut")
    shapes = np.stack([vector({name: 1}) for name in names])
    chosen = rng.integers(len(names), size=count)
    c = shapes[chosen] * rng.beta(2, 1, (count, 1)).astype(np.float32)
    c[:, INDEX["jawOpen"]] = np.maximum(c[:, INDEX["jawOpen"]], c[:, INDEX["mouthClose"]])
    overlays.drop_jaw(rng, c)
    return c * overlays.sides(rng, count, mild=0.1, single=0.25)


def spoken(rng: np.random.Generator, count: int) -> F32:
    """A mouth on its way from one viseme to the next, spoken softly or loudly, half of them with a moving brow."""
    shapes = viseme_shapes()
    way = rng.beta(0.5, 0.5, (count, 1))
    one, other = (shapes[rng.integers(len(shapes), size=count)] for _ in range(2))
    c = (way * one + (1 - way) * other) * rng.uniform(0.5, 1.4, (count, 1)) * overlays.muscles(rng, count)
    accents = ("browInnerUp", "browOuterUp", "browDown", "eyeSquint", "mouthSmile", "cheekSquint")
    for name in accents:
        c[:, slots(name)] += rng.beta(1, 2, (count, 1)) * (rng.random((count, 1)) < 0.12)
    return (c * overlays.sides(rng, count, mild=0.08, single=0.01)).astype(np.float32)


@cache
def viseme_shapes() -> F32:
    """float32 (V, 57): the visemes of data/recipes.json, in its order."""
    return constrain(np.stack([vector(recipe) for recipe in recipes()["visemes"].values()]))


def felt(rng: np.random.Generator, emotion: I8) -> tuple[F32, F32]:
    """Something between two variants of each emotion, 0.3..1 strong: coefficients (n, 57) and intensity (n,).

    Args:
        emotion: int8 (n,), indices into EMOTIONS.
    """
    table, count = prototypes(), len(emotion)
    first = np.searchsorted(table.emotion, np.arange(len(EMOTIONS)))
    variants = np.bincount(table.emotion, minlength=len(EMOTIONS))
    one, other = (
        table.coefficients[first[emotion] + (rng.random(count) * variants[emotion]).astype(np.intp)] for _ in range(2)
    )
    way = rng.beta(0.4, 0.4, (count, 1))
    intensity = (0.3 + 0.7 * rng.beta(1.4, 1.0, count)).astype(np.float32)
    c = (way * one + (1 - way) * other) * intensity[:, None] * overlays.muscles(rng, count)
    return np.asarray(c * overlays.sides(rng, count, mild=0.05, single=0.0), np.float32), intensity


def resting(rng: np.random.Generator, count: int) -> F32:
    """Nearly nothing: a third of the muscles up to a trace."""
    size = (count, len(COEFFICIENTS))
    traces = np.where(rng.random(size) < 0.35, rng.beta(1, 14, size), 0)[:, MUSCLE]
    traces[:, INDEX["tongueOut"]] = 0
    return traces.astype(np.float32)


def sweep(name: str, values: npt.ArrayLike) -> F32:
    """One coefficient alone through `values`, float32 (len(values), 57), for evaluation.

    What it cannot be seen without comes with it: mouthClose a jaw wide open, tongueOut a jaw open by 0.35, the tongue's
    directions also a tongue fully out.

    Raises:
        TrainingError: ``training.config``; no such coefficient.
    """
    column = np.asarray(values, np.float32)
    c = np.tile(vector(company(name)), (len(column), 1))
    c[:, slot(name)] = column
    return c


@dataclass(frozen=True, eq=False)
class Coverage:
    """What a set of expressions covers, per coefficient in the order of COEFFICIENTS.

    Attributes:
        bins: float32 (57, 5), the fraction of the samples in 0..0.2, 0.2..0.4, ... 0.8..1.
        strong: float32 (57,), the fraction above 0.5.
        spread: float32 (57,), standard deviation.
    """

    bins: F32
    strong: F32
    spread: F32


def coverage(coefficients: F32) -> Coverage:
    """Counts coefficients (N, 57), 0..1, N > 0."""
    c = np.asarray(coefficients, np.float32)
    fifth = np.minimum((c * 5).astype(np.int8), 4)
    bins = np.stack([(fifth == step).mean(axis=0) for step in range(5)], axis=1)
    return Coverage(bins.astype(np.float32), (c > 0.5).mean(axis=0).astype(np.float32), c.std(axis=0))
