"""What is laid over any still expression: how strongly each muscle joins in, the two sides, tongue, gaze, blinks.

Functions without a result change the coefficients float32 (N, 57) in place; `constrain` comes after them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from training.performer.coefficients import COEFFICIENTS, GAZE, INDEX, MUSCLE, PAIRS, TONGUE, slots
from training.performer.mesh import F32

F64 = npt.NDArray[np.float64]


def muscles(rng: np.random.Generator, count: int) -> F32:
    """How much of its part each muscle does, float32 (count, 57) around 1, both sides alike."""
    return rng.lognormal(0, 0.2, (count, len(COEFFICIENTS)))[:, MUSCLE].astype(np.float32)


def sides(rng: np.random.Generator, count: int, mild: float, single: float) -> F32:
    """Factors float32 (count, 57) that make the two sides differ: per pair slightly, or with the probabilities `mild`
    (one side 0.5..0.9 of the other) and `single` (one side hardly moves)."""
    factors = np.ones((count, len(COEFFICIENTS)), np.float32)
    pairs = np.array(list(PAIRS.values()))
    size = (count, len(pairs))
    draw = rng.random(size)
    weaker = np.where(
        draw < single, rng.uniform(0, 0.15, size), np.where(draw < single + mild, rng.uniform(0.5, 0.9, size), 1)
    )
    side = rng.integers(2, size=size)
    for which in (0, 1):
        factors[:, pairs[:, which]] = np.where(side == which, weaker, 1) * rng.normal(1, 0.03, size)
    return factors


def free_sides(rng: np.random.Generator, count: int) -> F32:
    """Factors float32 (count, 57) that leave the sides of a pair nothing in common: evenly 0..1 each, a fifth at 0."""
    factors = np.ones((count, len(COEFFICIENTS)), np.float32)
    pairs = np.array(list(PAIRS.values()))
    size = (count, *pairs.shape)
    factors[:, pairs] = rng.random(size) * (rng.random(size) > 0.2)
    return factors


def drop_jaw(rng: np.random.Generator, c: F32) -> None:
    """Opens the jaw where the tongue is out (in place)."""
    out = (c[:, INDEX["tongueOut"]] > 0) & (c[:, INDEX["mouthClose"]] == 0)
    jaw = INDEX["jawOpen"]
    c[:, jaw] = np.where(out, np.maximum(c[:, jaw], rng.uniform(0.15, 0.8, len(c))), c[:, jaw])


def rest(rng: np.random.Generator, c: F32, where: npt.NDArray[np.bool_]) -> None:
    """Recorded faces never rest at 0: adds a trace of every paired or central muscle (in place)."""
    traces = rng.beta(1, 6, c.shape)[:, MUSCLE] * rng.uniform(0, 0.3, (len(c), 1)) * where[:, None]
    sideways = [INDEX[name] for name in ("jawLeft", "jawRight", "mouthLeft", "mouthRight", "tongueOut", *TONGUE)]
    traces[:, sideways] = 0
    traces[:, GAZE] = 0
    c += traces.astype(np.float32)


def turn_tongue(rng: np.random.Generator, c: F32, where: npt.NDArray[np.bool_]) -> None:
    """Gives most tongues that are out, and have none yet, directions: up or down, left or right, rolled (in place)."""
    free = where & (c[:, INDEX["tongueOut"]] > 0.1) & ~c[:, [INDEX[name] for name in TONGUE]].any(axis=1)
    for directions in (("tongueUp", "tongueDown"), ("tongueLeft", "tongueRight"), ("tongueRoll",)):
        which = rng.random(len(c))
        value = rng.beta(1.8, 0.8, len(c))
        for turn, name in enumerate(directions):
            # as often the one as the other; seldom neither
            moved = free & (which >= 0.47 * turn) & (which < 0.47 * (turn + 1))
            c[moved, INDEX[name]] = value[moved]


def gaze(yaw: F64, pitch: F64, vergence: F64) -> F32:
    """eyeLook coefficients float32 (N, 8), in the order of the slots GAZE, of two eyes that look at one point.

    Args:
        yaw: float (N,), -1..1 of 0.61 rad, positive to the subject's left.
        pitch: float (N,), -1..1 of 0.61 rad, positive up.
        vergence: float (N,), how far each eye turns in, same unit.
    """
    left, right = yaw - vergence, yaw + vergence
    looks = {
        "eyeLookDownLeft": -pitch,
        "eyeLookInLeft": -left,
        "eyeLookOutLeft": left,
        "eyeLookUpLeft": pitch,
        "eyeLookDownRight": -pitch,
        "eyeLookInRight": right,
        "eyeLookOutRight": -right,
        "eyeLookUpRight": pitch,
    }
    return np.clip(np.stack([looks[COEFFICIENTS[slot]] for slot in GAZE], axis=1), 0, 1).astype(np.float32)


def look(rng: np.random.Generator, c: F32, where: npt.NDArray[np.bool_], lids: npt.NDArray[np.bool_]) -> None:
    """Sets the gaze of both eyes (in place): at the camera, around it, or anywhere; `lids`: whose lids follow it."""
    count = len(c)
    how = rng.choice(3, size=count, p=(0.25, 0.35, 0.40))
    spread = np.array([0.06, 0.3, 0.0])[how]
    yaw, pitch = (np.where(how == 2, rng.uniform(-1.05, 1.05, count), rng.normal(0, spread)) for _ in range(2))
    looks = gaze(yaw, pitch, rng.exponential(0.04, count))
    fallen = np.maximum(-pitch, 0) * rng.uniform(0, 0.5, count) * (rng.random(count) < 0.6)
    c[:, GAZE] = np.where(where[:, None], looks, c[:, GAZE])
    blink = slots("eyeBlink")
    c[:, blink] = np.where((where & lids)[:, None], np.maximum(c[:, blink], fallen[:, None]), c[:, blink])


def blink(rng: np.random.Generator, c: F32, where: npt.NDArray[np.bool_]) -> None:
    """Closes both eyes in 16 %, one eye in 4 % of the rows (in place); a wink often squeezes the cheek as well."""
    count = len(c)
    draw = rng.random(count)
    value = rng.beta(1.2, 0.7, count)
    for side, (blink, squint, cheek) in enumerate(
        zip(slots("eyeBlink"), slots("eyeSquint"), slots("cheekSquint"), strict=True)
    ):
        wink = where & (draw >= 0.16 + 0.02 * side) & (draw < 0.18 + 0.02 * side)
        both = where & (draw < 0.16)
        closed = np.where(wink | both, value * rng.normal(1, 0.03, count), 0)
        c[:, blink] = np.maximum(c[:, blink], closed)
        for muscle in (squint, cheek):
            c[:, muscle] = np.maximum(c[:, muscle], wink * value * rng.uniform(0, 0.7, count))
