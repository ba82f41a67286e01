"""How the head under a face moves: posture, turning, swaying and, if asked for, violent turns and shocks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from mien.kinematics import Curve

F64 = npt.NDArray[np.float64]

NECK = (0.0, -0.10, -0.03)  # metres in head axes: what the head turns about
VIOLENT_RATE = np.radians(200.0)
SHOCK = 9.80665  # m/s^2 at its peak
_SHOCK_LONG = 0.04  # seconds of a shock's half sine


@dataclass(frozen=True, eq=False)
class HeadMotion:
    """Attributes:
    angles: curve of yaw, pitch, roll (3,), radians. shift: curve of the neck's place (3,), metres, world axes.
    shocks: float64 (N, 4), begin in seconds and peak acceleration (3,).
    """

    angles: Curve
    shift: Curve
    shocks: F64
    pivot: F64

    def frame(self, seconds: F64) -> F64:
        """Rotations head -> world (T, 3, 3); y is up."""
        yaw, pitch, roll = self.angles.at(seconds).T
        cy, sy, cp, sp, cr, sr = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch), np.cos(roll), np.sin(roll)
        out = np.empty((len(seconds), 3, 3))
        out[:, 0] = np.stack([cy * cr + sy * sp * sr, -cy * sr + sy * sp * cr, sy * cp], -1)
        out[:, 1] = np.stack([cp * sr, cp * cr, -sp], -1)
        out[:, 2] = np.stack([-sy * cr + cy * sp * sr, sy * sr + cy * sp * cr, cy * cp], -1)
        return out

    def acceleration(self, seconds: F64) -> F64:
        """Of the neck, world axes (T, 3), m/s^2."""
        h = 2e-3
        out = (self.shift.at(seconds + h) - 2 * self.shift.at(seconds) + self.shift.at(seconds - h)) / h**2
        for begin, *peak in self.shocks:
            inside = (seconds >= begin) & (seconds < begin + _SHOCK_LONG)
            out[inside] += np.sin(np.pi * (seconds[inside] - begin) / _SHOCK_LONG)[:, None] * np.array(peak)
        return np.asarray(out)


def head_motion(
    rng: np.random.Generator, seconds: float, liveliness: float = 0.3, violent: bool = False, still: float = 2.6
) -> HeadMotion:
    """A random motion that begins with `still` seconds of somebody who tries to sit still.

    Args:
        liveliness: 0 (propped up) .. 1 (talks with the whole body): up to about 100 deg/s.
        violent: turns of up to +-200 deg/s and a shock of 1 g every few seconds.
    """
    step = 0.25
    count = int(seconds / step) + 8
    wander = np.zeros((count, 3))
    kicks = rng.normal(0, 1, (count, 3))
    for k in range(1, count):  # pulled back to the middle
        wander[k] = 0.8 * wander[k - 1] + kicks[k]
    angles = (wander / wander.std() + 0.5 * kicks) * np.array([0.30, 0.18, 0.10]) * liveliness
    if violent:
        fast = rng.normal(0, 1, (count, 3)) * np.array([1.0, 0.7, 0.4])
        speed = np.diff(Curve(fast, step).at(np.arange(0, seconds, 0.01)), axis=0) / 0.01
        angles = angles + fast * (VIOLENT_RATE / np.abs(speed).max())
    quiet = np.arange(count) * step < still + step
    ease = np.clip((np.arange(count) * step - still - step) / 1.0, 0, 1)[:, None]
    posture = rng.normal(0, 1, 3) * np.array([0.3, 0.15, 0.06])
    sway = rng.normal(0, np.radians(0.12), (count, 3))
    angles = angles * ease * (~quiet)[:, None] + sway + posture
    shift = rng.normal(0, 1, (count, 3)) * (0.012 * liveliness) * ease + rng.normal(0, 2e-4, (count, 3))
    shocks = np.zeros((0, 4))
    if violent:
        when = np.arange(still + 2, seconds, 3.0) + rng.uniform(0, 1, len(np.arange(still + 2, seconds, 3.0)))
        direction = rng.normal(size=(len(when), 3))
        direction *= SHOCK / np.linalg.norm(direction, axis=1, keepdims=True)
        shocks = np.column_stack([when, direction])
    return HeadMotion(Curve(angles, step), Curve(shift, step), shocks, np.array(NECK))
