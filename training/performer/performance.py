"""Moving faces: a seeded performance that feels, speaks, shows single moves and replays pieces of recordings.

Episodes are keyframes from the same draws as the still expressions, eased in and out; gaze jumps in saccades, blinks
close in about 0.1 s and open in 0.15-0.2 s, the lids follow a lowered gaze.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from training.errors import TrainingError
from training.performer import overlays
from training.performer.coefficients import COEFFICIENTS, GAZE, constrain, slots
from training.performer.expressions import Split, felt, single, split_takes, spoken
from training.performer.labels import EMOTIONS
from training.performer.mesh import F32
from training.performer.takes import RATE, takes

F64 = npt.NDArray[np.float64]

_EASE = 0.35  # seconds from nothing to an episode and back; neighbours overlap by it


def performance(rng: np.random.Generator, seconds: float, rate: float = 60.0, split: Split = "train") -> F32:
    """A performance: float32 (round(seconds * rate), 57), constrained; it starts from rest and ends near it.

    Args:
        rng: the same state gives the same bytes.
        seconds: length, at least one frame.
        rate: frames per second, at least 10: below that blinks fall between the frames.
        split: whose recordings are replayed.

    Raises:
        TrainingError: ``training.config``, a length or rate that is none; ``asset.missing``, ``asset.damaged``.
    """
    if not (10 <= rate < math.inf and 1 <= seconds * rate < math.inf):
        raise TrainingError(
            "training.config",
            f"{seconds} s at {rate} Hz is no performance.",
            "Give one frame or more at 10 Hz or more.",
        )
    clock = np.arange(round(seconds * rate)) / rate
    c = np.zeros((len(clock), len(COEFFICIENTS)), np.float32)
    episodes: tuple[Callable[[np.random.Generator, F64, Split], F32], ...] = (_feel, _speak, _show, _replay)
    order: list[int] = []
    start = 0.3
    while start < seconds - 2 * _EASE:
        order = order or list(rng.permutation(len(episodes)))
        end = min(start + rng.uniform(2.0, 4.0), seconds)
        inside = (clock >= start) & (clock < end)
        time = clock[inside] - start
        envelope = np.minimum(_smooth(time / _EASE), _smooth((end - start - time) / _EASE))
        c[inside] += episodes[order.pop()](rng, time, split) * envelope[:, None]
        start = end - _EASE

    pitch = _gaze(rng, clock, c)
    lids = np.maximum(_blinks(rng, clock), 0.3 * np.maximum(-pitch, 0))[:, None]
    blink = slots("eyeBlink")
    c[:, blink] = np.maximum(c[:, blink], lids)
    return constrain(c)


def _smooth(x: F64) -> F64:
    """Smoothstep of x clipped to 0..1."""
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def _keyed(time: F64, keys: F32, starts: F64, moves: F64) -> F32:
    """Values (K, D) held from one key to the next: at starts[k] (ascending, the first <= 0) key k is approached within
    moves[k] seconds. float32 (len(time), D)."""
    here = np.searchsorted(starts, time, side="right") - 1
    done = _smooth((time - starts[here]) / moves[here])[:, None]
    return ((1 - done) * keys[np.maximum(here - 1, 0)] + done * keys[here]).astype(np.float32)


def _feel(rng: np.random.Generator, time: F64, split: Split) -> F32:
    """One emotion, swelling and waning a little."""
    shape, _ = felt(rng, rng.integers(1, len(EMOTIONS), 1).astype(np.int8))
    swell = 0.9 + 0.1 * np.sin(2 * np.pi * (time[:, None] * rng.uniform(0.3, 0.8) + rng.random()))
    return np.asarray(shape * swell, np.float32)


def _speak(rng: np.random.Generator, time: F64, split: Split) -> F32:
    """Six to nine visemes a second, each gliding into the next."""
    gaps = rng.uniform(0.11, 0.17, int(time[-1] / 0.11) + 2)
    return _keyed(time, spoken(rng, len(gaps)), np.cumsum(gaps) - gaps[0], gaps)


def _show(rng: np.random.Generator, time: F64, split: Split) -> F32:
    """Single strong moves one after the other."""
    gaps = rng.uniform(0.7, 1.1, int(time[-1] / 0.7) + 2)
    keys = single(rng, len(gaps))
    overlays.turn_tongue(rng, keys, np.ones(len(keys), np.bool_))
    return _keyed(time, keys, np.cumsum(gaps) - gaps[0], np.full(len(gaps), 0.3))


def _replay(rng: np.random.Generator, time: F64, split: Split) -> F32:
    """The liveliest of six pieces of recordings (much of them is rest), gaze left out."""
    films = [take.values for take in takes(split_takes(split))]
    pieces = [_piece(films[rng.integers(len(films))], rng.random(), time) for _ in range(6)]
    return max(pieces, key=lambda piece: float(piece.std(axis=0).sum()))


def _piece(film: F32, place: float, time: F64) -> F32:
    """The recording from `place` (0..1 of where it can begin) on, at these times; it starts again where it ends."""
    begin = place * max(len(film) - 2 - time[-1] * RATE, 0)
    position = (begin + time * RATE) % (len(film) - 1)
    frame = position.astype(np.intp)
    part = (position - frame)[:, None]
    piece = np.asarray((1 - part) * film[frame] + part * film[frame + 1], np.float32)
    piece[:, GAZE] = 0
    return piece


def _gaze(rng: np.random.Generator, clock: F64, c: F32) -> F64:
    """Sets the gaze (in place): fixations of 0.3-1.8 s, saccades of 0.04-0.07 s; half of them back to the camera.

    Returns:
        The pitch, float (T,), -1..1.
    """
    gaps = rng.uniform(0.3, 1.8, int(clock[-1] / 0.3) + 2)
    away = rng.random((len(gaps), 1)) < 0.5
    targets = np.clip(np.where(away, rng.normal(0, 0.45, (len(gaps), 2)), rng.normal(0, 0.04, (len(gaps), 2))), -1, 1)
    targets[0] = 0
    path = _keyed(clock, targets.astype(np.float32), np.cumsum(gaps) - gaps[0], rng.uniform(0.04, 0.07, len(gaps)))
    yaw, pitch = path.astype(np.float64).T
    c[:, GAZE] = overlays.gaze(yaw, pitch, np.full(len(clock), 0.03))
    return np.asarray(pitch)


def _blinks(rng: np.random.Generator, clock: F64) -> F64:
    """How far both lids are closed by blinks, float (T,): one every 1.5-5 s."""
    starts = np.cumsum(rng.uniform(1.5, 5.0, int(clock[-1] / 1.5) + 1))
    close = rng.uniform(0.08, 0.12, len(starts))
    reopen = rng.uniform(0.15, 0.20, len(starts))
    since = clock[:, None] - starts
    lids = np.minimum(_smooth(since / close), _smooth((close + reopen - since) / reopen))
    return np.asarray(lids.max(axis=1) * 0.97, np.float64)
