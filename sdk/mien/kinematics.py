"""Motion over time as functions: smooth curves, rotations, angular velocity. For simulators; nothing hot uses it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Curve:
    """A uniform cubic B-spline: its second derivative is continuous, as a body's motion is.

    Attributes:
        values: control values (N, D), `step` seconds apart, the second at time 0; constant beyond its ends.
    """

    values: npt.NDArray[np.floating[Any]]
    step: float

    def at(self, seconds: F64) -> F64:
        """Values (T, D) at times (T,)."""
        place = seconds / self.step
        index = np.floor(place).astype(np.intp)
        t = (place - index)[:, None]
        weights = (
            (1 - t) ** 3 / 6,
            (3 * t**3 - 6 * t**2 + 4) / 6,
            (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6,
            t**3 / 6,
        )
        last = len(self.values) - 1
        out = weights[0] * self.values[np.clip(index, 0, last)]
        for k in (1, 2, 3):
            out = out + weights[k] * self.values[np.clip(index + k, 0, last)]
        return np.asarray(out)


def axes(along_x: F64, along_y: F64) -> F64:
    """The orthonormal frame (..., 3, 3), columns x, y, z, that lies evenly between two edges (..., 3)."""
    z = np.cross(along_x, along_y)
    z /= np.linalg.norm(z, axis=-1, keepdims=True)
    a = along_x / np.linalg.norm(along_x, axis=-1, keepdims=True)
    b = along_y / np.linalg.norm(along_y, axis=-1, keepdims=True)
    x = a + np.cross(b, z)
    x /= np.linalg.norm(x, axis=-1, keepdims=True)
    return np.stack([x, np.cross(z, x), z], axis=-1)


def turns(vector: F64) -> F64:
    """Rotation matrices (..., 3, 3) of rotation vectors (..., 3) (Rodrigues)."""
    angle = np.linalg.norm(vector, axis=-1)[..., None, None]
    k = np.zeros((*vector.shape[:-1], 3, 3))
    k[..., 0, 1], k[..., 0, 2], k[..., 1, 2] = -vector[..., 2], vector[..., 1], -vector[..., 0]
    k[..., 1, 0], k[..., 2, 0], k[..., 2, 1] = vector[..., 2], -vector[..., 1], vector[..., 0]
    safe = np.where(angle > 1e-9, angle, 1)
    return np.asarray(
        np.eye(3) + k * np.where(angle > 1e-9, np.sin(angle) / safe, 1) + k @ k * ((1 - np.cos(angle)) / safe**2)
    )


def rate(before: F64, after: F64, seconds: float) -> F64:
    """Angular velocity (..., 3), in the moving axes, between two close frames (..., 3, 3)."""
    d = np.swapaxes(before, -1, -2) @ after
    skew = [d[..., 2, 1] - d[..., 1, 2], d[..., 0, 2] - d[..., 2, 0], d[..., 1, 0] - d[..., 0, 1]]
    return np.asarray(np.stack(skew, -1) / (2 * seconds))


def quaternions(frames: F64) -> npt.NDArray[np.float32]:
    """Unit quaternions x, y, z, w (..., 4), w >= 0, of rotations (..., 3, 3) (Bar-Itzhack 2000)."""
    k = np.empty((*frames.shape[:-2], 4, 4))
    trace = np.trace(frames, axis1=-2, axis2=-1)
    k[..., :3, :3] = frames + np.swapaxes(frames, -1, -2) - trace[..., None, None] * np.eye(3)
    m = frames
    z = np.stack([m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]], -1)
    k[..., :3, 3] = k[..., 3, :3] = z
    k[..., 3, 3] = trace
    q = np.linalg.eigh(k)[1][..., :, -1]
    return np.asarray(q * np.where(q[..., 3:] < 0, -1, 1), np.float32)
