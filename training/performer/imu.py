"""Virtual IMUs: what accelerometers and gyroscopes on a moving face and its head measure. All of it is simulated.

A patch of skin moves with the coefficients (patches.py), the head moves with it (head_motion.py), and each part reads
specific force and angular velocity in its own, crookedly glued axes with the faults of a real part
(data/imu_part.toml). Derivatives are central differences of smooth curves, so samples may fall at any time.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from mien.kinematics import Curve, turns
from mien.kinematics import rate as rate_between
from mien.types import ImuWindow

from training.performer.head import Head
from training.performer.head_motion import HeadMotion
from training.performer.imu_layout import HEAD, HEAD_POSITION
from training.performer.mesh import F32
from training.performer.patches import Motion, Place, motion, patch

F64 = npt.NDArray[np.float64]

GRAVITY = 9.80665
_STEP = 2e-3  # seconds between the values of a central difference
_CHUNK = 8192
_DATA = Path(__file__).resolve().parent / "data"


@cache
def part() -> dict[str, Any]:
    """The part's figures; those of `assumed` are in the same table."""
    table = tomllib.loads((_DATA / "imu_part.toml").read_text("utf-8"))
    return {**table, **table.pop("assumed")}


@dataclass(frozen=True)
class Glue:
    """How the sensors sit and fail.

    Attributes:
        shift: largest placement error, cm. tilt: largest mounting error, degrees.
        moved: sensor -> centimetres (along x, along y) that it slips after `moved_at` seconds.
        turned: sensor -> degrees about its z axis that it was mounted by (180: upside down).
        loose: chance that a sensor wobbles on its glue. dead: sensors that give nothing.
        dropouts: per sensor and minute, of 0.05-0.5 s each.
    """

    shift: float = 0.4
    tilt: float = 15.0
    moved: dict[str, tuple[float, float]] = field(default_factory=dict)
    moved_at: float = 5.0
    turned: dict[str, float] = field(default_factory=dict)
    loose: float = 0.05
    dead: Sequence[str] = ()
    dropouts: float = 0.5


@dataclass(frozen=True, eq=False)
class Recording:
    """Simulated samples with their truth: `coefficients` float32 (T, 52) at each sample's time."""

    window: ImuWindow
    coefficients: F32


class Wearer:
    """A person with sensors glued on: everything that stays the same while they move."""

    def __init__(self, head: Head, places: Sequence[Place], glue: Glue, rng: np.random.Generator) -> None:
        self.places, self.glue = tuple(places), glue
        self.names = (HEAD, *(place.name for place in places))
        angle, radius = rng.uniform(0, 2 * np.pi, len(places)), glue.shift * np.sqrt(rng.random(len(places)))
        shift = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)
        self.before = motion(head, [patch(p, (s[0], s[1])) for p, s in zip(places, shift, strict=True)])
        self.after = self.before
        if glue.moved:
            slip = np.array([glue.moved.get(p.name, (0.0, 0.0)) for p in places]) + shift
            self.after = motion(head, [patch(p, (s[0], s[1])) for p, s in zip(places, slip, strict=True)])
        self.mount = np.stack([_random_turn(rng, np.radians(glue.tilt)) for _ in self.names])
        for name, degrees in glue.turned.items():
            k = self.names.index(name)
            self.mount[k] = _about_z(np.radians(degrees)) @ self.mount[k]
        self.loose = rng.random(len(self.names)) < glue.loose
        self.loose[0] = False
        p = part()
        count = (len(self.names), 3)
        self.acc_gain = _gains(rng, len(self.names), p["acc_sensitivity"], p["cross_axis"])
        self.gyro_gain = _gains(rng, len(self.names), p["gyro_sensitivity"], p["cross_axis"])
        self.acc_bias = rng.normal(0, 0.4 * p["acc_bias"], count) * GRAVITY
        self.gyro_bias = np.radians(rng.normal(0, 0.4 * p["gyro_bias"], count))
        self.acc_warm = rng.normal(0, p["acc_bias_per_kelvin"], count) * p["warm_up"] * GRAVITY
        self.gyro_warm = np.radians(rng.normal(0, p["gyro_bias_per_kelvin"], count)) * p["warm_up"]


def _gains(rng: np.random.Generator, count: int, sensitivity: float, cross: float) -> F64:
    spread = rng.normal(0, 0.5, (count, 3, 3))
    return np.asarray(np.eye(3) + spread * (np.eye(3) * sensitivity + (1 - np.eye(3)) * cross))


def _random_turn(rng: np.random.Generator, most: float) -> F64:
    axis = rng.normal(size=3)
    return turns(axis / np.linalg.norm(axis) * rng.uniform(0, most))


def _about_z(angle: float) -> F64:
    return turns(np.array([0.0, 0.0, angle]))


def sample(
    wearer: Wearer,
    face: Curve,
    head: HeadMotion,
    seconds: float,
    rate: float,
    rng: np.random.Generator,
    ideal: bool = False,
) -> Recording:
    """What the wearer's sensors say.

    Args:
        face: coefficients (52,) over time. rate: Hz, 50..400. ideal: a perfect part with perfect timestamps.

    Returns:
        All sensors, the head's first; NaN where one gave nothing. Times begin at 0.
    """
    count = int(seconds * rate)
    clock = np.arange(count) / rate
    true = np.concatenate([_true(wearer, face, head, clock[i : i + _CHUNK]) for i in range(0, count, _CHUNK)], axis=1)
    acc, gyro = true
    stamps = clock.copy()
    if not ideal:
        _wobble(wearer, acc, gyro, rate, rng)
        acc, gyro = _measured(wearer, acc, gyro, clock, rate, rng)
        jitter = np.clip(rng.normal(0, part()["clock_jitter"], count), -0.3 / rate, 0.3 / rate)
        stamps = clock + jitter
        stamps -= stamps[0]
        _lose(wearer, acc, gyro, rate, rng)
    window = ImuWindow(
        np.round(stamps * 1e9).astype(np.int64), acc.astype(np.float32), gyro.astype(np.float32), wearer.names
    )
    return Recording(window, np.clip(face.at(clock), 0, 1).astype(np.float32))


def _true(wearer: Wearer, face: Curve, head: HeadMotion, clock: F64) -> F64:
    """Specific force and angular velocity (2, T, S, 3) in the sensors' axes, without faults."""
    h = _STEP
    late = clock >= wearer.glue.moved_at
    points, frames = zip(*(_posed(wearer, face.at(clock + d), late) for d in (-h, 0.0, h)), strict=True)
    q = [head.frame(clock + d) for d in (-h, 0.0, h)]
    omega_before, omega_after = rate_between(q[0], q[1], h), rate_between(q[1], q[2], h)
    omega, alpha = (omega_before + omega_after) / 2, (omega_after - omega_before) / h
    place, velocity = points[1], (points[2] - points[0]) / (2 * h)
    own = (points[2] - 2 * points[1] + points[0]) / h**2
    w, a = omega[:, None], alpha[:, None]
    arm = place - head.pivot
    force = own + np.cross(a, arm) + np.cross(w, np.cross(w, arm)) + 2 * np.cross(w, velocity)
    world = head.acceleration(clock) + np.array([0.0, GRAVITY, 0.0])
    force = force + np.einsum("tji,tj->ti", q[1], world)[:, None]
    to_patch = np.swapaxes(frames[1], -1, -2)
    turning = rate_between(frames[0], frames[2], 2 * h) + np.einsum(
        "tsij,tsj->tsi", to_patch, np.broadcast_to(w, force.shape)
    )
    inward = np.swapaxes(wearer.mount, -1, -2)
    return np.stack(
        [
            np.einsum("sij,tsj->tsi", inward, np.einsum("tsij,tsj->tsi", to_patch, force)),
            np.einsum("sij,tsj->tsi", inward, turning),
        ]
    )


def _posed(wearer: Wearer, coefficients: F64, late: npt.NDArray[np.bool_]) -> tuple[F64, F64]:
    """Positions (T, S, 3) and frames (T, S, 3, 3) with the head's sensor in front."""
    point, frame = _patched(wearer.before, coefficients)
    if wearer.after is not wearer.before and late.any():
        moved = _patched(wearer.after, coefficients[late])
        point[late], frame[late] = moved
    return point, frame


def _patched(moving: Motion, coefficients: F64) -> tuple[F64, F64]:
    position, axes = moving.at(coefficients)
    count = len(coefficients)
    head = np.broadcast_to(np.array(HEAD_POSITION), (count, 1, 3))
    still = np.broadcast_to(np.eye(3), (count, 1, 3, 3))
    return np.concatenate([head, position], 1), np.concatenate([still, axes], 1)


def _wobble(wearer: Wearer, acc: F64, gyro: F64, rate: float, rng: np.random.Generator) -> None:
    """Loose sensors lean by up to some degrees, slowly and by themselves (in place)."""
    clock = np.arange(len(acc)) / rate
    for s in np.flatnonzero(wearer.loose):
        lean = Curve(rng.normal(0, np.radians(2.5), (int(clock[-1] / 1.5) + 6, 3)), 1.5)
        turn = np.swapaxes(turns(lean.at(clock)), -1, -2)
        acc[:, s] = np.einsum("tij,tj->ti", turn, acc[:, s])
        gyro[:, s] = np.einsum("tij,tj->ti", turn, gyro[:, s])
        gyro[:, s] += (lean.at(clock + 1e-3) - lean.at(clock - 1e-3)) / 2e-3


def _measured(
    wearer: Wearer, acc: F64, gyro: F64, clock: F64, rate: float, rng: np.random.Generator
) -> tuple[F64, F64]:
    """With gain, bias, drift, noise, saturation and quantization."""
    p = part()
    warm = (1 - np.exp(-clock / p["warm_up_time"]))[:, None, None]
    out = []
    for values, gain, bias, warming, noise, walk, most in (
        (acc, wearer.acc_gain, wearer.acc_bias, wearer.acc_warm, p["acc_noise"] * GRAVITY, p["acc_walk"] * GRAVITY,
         p["acc_range"] * GRAVITY),
        (gyro, wearer.gyro_gain, wearer.gyro_bias, wearer.gyro_warm, np.radians(p["gyro_noise"]),
         np.radians(p["gyro_walk"]), np.radians(p["gyro_range"])),
    ):  # fmt: skip
        said = np.einsum("sij,tsj->tsi", gain, values) + bias + warm * warming
        # The part's own low-pass lets half of its output rate through.
        said += rng.standard_normal(said.shape, np.float32) * (noise * np.sqrt(rate / 2))
        said += np.cumsum(rng.standard_normal(said.shape, np.float32), 0) * (walk / np.sqrt(rate))
        lsb = most / 2 ** (p["bits"] - 1)
        out.append(np.clip(np.round(said / lsb), -(2 ** (p["bits"] - 1)), 2 ** (p["bits"] - 1) - 1) * lsb)
    return out[0], out[1]


def _lose(wearer: Wearer, acc: F64, gyro: F64, rate: float, rng: np.random.Generator) -> None:
    """NaN where a sensor is dead or drops out (in place). The first three seconds are spared: calibration."""
    for s, name in enumerate(wearer.names):
        if name in wearer.glue.dead:
            acc[:, s] = gyro[:, s] = np.nan
            continue
        for _ in range(rng.poisson(wearer.glue.dropouts * len(acc) / rate / 60)):
            begin = rng.integers(int(3 * rate), max(len(acc), int(3 * rate) + 1))
            end = begin + int(rng.uniform(0.05, 0.5) * rate)
            acc[begin:end, s] = gyro[begin:end, s] = np.nan
