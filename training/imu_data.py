"""Sequences to train on: simulated wearers, through the same native preparation as at run time.

Each wearer is kept as one file: features of all 18 sensors and what the skin did, step by step; and the resampled raw
samples, for the baseline that knows nothing of geometry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from mien import _native
from mien.kinematics import Curve, quaternions
from mien.types import ImuWindow

from training.performer.coefficients import GAZE, constrain
from training.performer.curves import smooth
from training.performer.expressions import ExpressionSampler, Split, split_takes
from training.performer.head import Head, random_identity
from training.performer.head_motion import head_motion
from training.performer.imu import GRAVITY, Glue, Recording, Wearer, sample
from training.performer.imu_layout import SIZES, layout, nominal, skin_moving
from training.performer.mesh import F32
from training.performer.performance import performance
from training.performer.takes import RATE, takes

F16 = npt.NDArray[np.float16]

STEP_RATE = 100.0
SECONDS = 150.0
STILL = 2.6  # seconds at the beginning in which the wearer rests
SMOOTHING = 0.025  # seconds
_RATES, _RATE_SHARES = (100.0, 60.0, 200.0, 400.0), (0.75, 0.1, 0.1, 0.05)


@dataclass(frozen=True, eq=False)
class Steps:
    """One wearer.

    Attributes:
        features: float16 (T, 240). truth: float16 (T, 43), in the middle of each step. raw: float16 (T, 19, 6), g and
            rad/s, without any preparation but resampling.
    """

    features: F16
    truth: F16
    raw: F16


def preparation() -> _native.Imu:
    """The native preparation with the nominal seats of all 18 sensors."""
    place, frame = nominal()
    return _native.Imu(place.astype(np.float32), quaternions(frame), STEP_RATE)


def prepared(window: ImuWindow, tool: _native.Imu | None = None) -> tuple[npt.NDArray[np.int64], F32]:
    """Times (T,) and features (T, 240) of a window of all 19 sensors."""
    tool = tool or preparation()
    room = int((window.t_ns[-1] - window.t_ns[0]) / 1e9 * STEP_RATE) + 4
    when, features = np.zeros(room, np.int64), np.zeros((room, tool.features), np.float32)
    count = tool.process(
        window.t_ns, np.ascontiguousarray(window.acc), np.ascontiguousarray(window.gyro), when, features
    )
    assert count >= 0
    return when[:count], features[:count]


def steps_of(recording: Recording, face: Curve, tool: _native.Imu | None = None) -> Steps:
    """Features, raw values and truth of a recording of all 19 sensors."""
    when, features = prepared(recording.window, tool)
    middle = when / 1e9 - 0.5 / STEP_RATE
    return Steps(features.astype(np.float16), truth_at(face, middle).astype(np.float16), raw_at(recording, middle))


def truth_at(face: Curve, seconds: npt.NDArray[np.float64]) -> F32:
    """The coefficients that move skin, float32 (T, 43)."""
    return np.clip(face.at(seconds)[:, skin_moving()], 0, 1).astype(np.float32)


def raw_at(recording: Recording, seconds: npt.NDArray[np.float64]) -> F16:
    """What the sensors said, float16 (T, S, 6) in g and rad/s, interpolated; 0 where they said nothing."""
    both = np.concatenate([recording.window.acc / GRAVITY, recording.window.gyro], 2)
    both = np.nan_to_num(both).reshape(len(both), -1)
    clock = recording.window.t_ns / 1e9
    right = np.clip(np.searchsorted(clock, seconds), 1, len(clock) - 1)
    share = ((seconds - clock[right - 1]) / (clock[right] - clock[right - 1]))[:, None]
    raw = both[right - 1] * (1 - share) + both[right] * share
    return np.asarray(raw.reshape(len(raw), -1, 6), np.float16)


def rested(values: F32) -> Curve:
    """The first 52 coefficients (T, 57) at 60 Hz as a curve, behind a moment of rest."""
    ease = np.clip((np.arange(len(values)) / RATE - STILL) / 0.5, 0, 1)[:, None]
    return smooth((values[:, :52] * ease).astype(np.float32), RATE, SMOOTHING)


def acted(rng: np.random.Generator, seconds: float, split: Split) -> F32:
    """What the face does, float32 (T, 57) at 60 Hz: performances, long pieces of recordings, slow random poses."""
    kind = rng.choice(3, p=(0.35, 0.45, 0.2))
    count = int(seconds * RATE)
    if kind == 0:
        return performance(rng, seconds, RATE, split)
    if kind == 1:
        film = takes(split_takes(split))[rng.integers(len(split_takes(split)))].values
        begin = int(rng.integers(len(film)))
        piece = np.take(film, np.arange(begin, begin + count), axis=0, mode="wrap").astype(np.float32)
        floor = np.percentile(film, 5, axis=0) * rng.random()
        lively = np.maximum(piece - floor, 0) * rng.lognormal(-0.15, 0.5, 57)
        return constrain(lively.astype(np.float32))
    gaps = rng.uniform(0.6, 2.5, int(seconds / 0.6) + 2)
    sampler = ExpressionSampler(split, {"random": 0.5, "single": 0.3, "emotion": 0.2})
    keys = sampler.sample(rng, len(gaps)).coefficients
    keys[:, GAZE] = 0
    starts = np.cumsum(gaps)
    clock = np.arange(count) / RATE
    here = np.searchsorted(starts, clock, side="right")
    way = np.clip((clock - np.concatenate([[0.0], starts])[here]) / 0.4, 0, 1)[:, None]
    way = way * way * (3 - 2 * way)
    return constrain(((1 - way) * keys[np.maximum(here - 1, 0)] + way * keys[here]).astype(np.float32))


def wearer_steps(seed: Sequence[int], seconds: float = SECONDS, split: Split = "train") -> Steps:
    """One random wearer with everything that can be wrong."""
    rng = np.random.default_rng(seed)
    face = rested(acted(rng, seconds, split))
    worn = Wearer(Head(random_identity(rng)), layout(f"imu{max(SIZES)}").places, Glue(), rng)
    violent = bool(rng.random() < 0.15)
    head = head_motion(rng, seconds, float(rng.random()), violent)
    return steps_of(sample(worn, face, head, seconds, float(rng.choice(_RATES, p=_RATE_SHARES)), rng), face)


def ensure(folder: Path, count: int, seed: int) -> list[Path]:
    """The files of this many wearers; simulated first where some are missing."""
    from rich.progress import track

    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{seed}-{k:05d}.npz" for k in range(count)]
    missing = [(k, file) for k, file in enumerate(files) if not file.exists()]
    for k, file in track(missing, description="simulating wearers", disable=not missing):
        steps = wearer_steps((seed, k))
        part = file.with_suffix(".part")
        with part.open("wb") as stream:
            np.savez(stream, features=steps.features, truth=steps.truth, raw=steps.raw)
        part.replace(file)
    return files


def load(files: Sequence[Path], raw: bool = True) -> list[Steps]:
    """Reads them all into memory; `raw` too if it is asked for: a third of it."""
    out = []
    for file in files:
        with np.load(file) as stored:
            samples = stored["raw"] if raw else np.zeros((0, 0, 6), np.float16)
            out.append(Steps(stored["features"], stored["truth"], samples))
    return out
