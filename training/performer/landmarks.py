"""The named landmark set: iBUG-68, two irises of five points, and dense skin points; 220 in all."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from training.performer.assets import facekit
from training.performer.fields import fields
from training.performer.head import Posed

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]

COUNT = 220
CROP = 1.20  # side of the face crop in sides of the hull of all landmarks
UPRIGHT = (36, 45)  # outer eye corners, subject's right and left: the crop makes their line horizontal
IRIS = (slice(68, 73), slice(73, 78))  # left, right: centre, then the rim at +x, +y, -x, -y of the eye
DENSE = 78  # the first dense point
RIGHT_EYE, LEFT_EYE = tuple(range(36, 42)), tuple(range(42, 48))
REGIONS = ("eyeLeft", "eyeRight", "browLeft", "browRight", "nose", "mouth", "cheekLeft", "cheekRight", "jaw")
IRIS_RADIUS = 0.66  # cm, of the face model
_FOREHEAD = 8.2  # cm; above it hair hides too much


@lru_cache(maxsize=1)
def dense_vertices() -> I32:
    """Skin vertices (142,) spread evenly over the front of the face, in mirrored pairs, then the middle line."""
    kit = facekit()
    v = kit.neutral
    f = fields()
    good = (kit.region == 0) & (v[:, 2] > 4.0) & (v[:, 1] < _FOREHEAD) & (v[:, 1] > -7.6) & (np.abs(v[:, 0]) < 7.2)
    good &= ~((f.lip > 0.25) & (v[:, 2] < 11.0))  # the lips' inner side
    left = np.flatnonzero(good & (v[:, 0] > 0.25))
    # Twice as dense around eyes and mouth, where expression lives.
    near = np.minimum(f.lid, np.abs(f.lip))
    reach = np.where(near < 1.6, 0.6, 1.0)[left]
    taken = kit.landmarks
    distance = np.linalg.norm(v[left][:, None] - v[taken][None], axis=2).min(1)
    chosen = []
    for _ in range((COUNT - DENSE - 10) // 2):
        best = int(np.argmax(distance / reach))
        chosen.append(left[best])
        distance = np.minimum(distance, np.linalg.norm(v[left] - v[left[best]], axis=1))
    mirror = v[chosen] * np.array([-1, 1, 1], np.float32)
    right = [int(np.argmin(((v - m) ** 2).sum(1) + 1e3 * (kit.region != 0))) for m in mirror]
    middle = np.flatnonzero(good & (np.abs(v[:, 0]) < 0.02))
    heights = np.array([7.8, 6.9, 6.0, 5.0, -1.7, -2.1, -4.9, -5.5, -6.2, -6.9])
    line = [middle[np.argmin(np.abs(v[middle, 1] - y) - 0.02 * v[middle, 2])] for y in heights]
    return np.concatenate([chosen, right, line]).astype(np.int32)


@lru_cache(maxsize=1)
def mirrored() -> I32:
    """(220,): the point that takes each point's place in a mirrored picture."""
    pairs68 = list(range(16, -1, -1)) + list(range(26, 16, -1)) + [27, 28, 29, 30, 35, 34, 33, 32, 31]
    pairs68 += [45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40]
    pairs68 += [54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65]
    # In a mirrored picture +x and -x of the iris change places.
    irises = [73, 76, 75, 74, 77, 68, 71, 70, 69, 72]
    half = (COUNT - DENSE - 10) // 2
    dense = np.concatenate([np.arange(half) + half, np.arange(half), np.arange(2 * half, COUNT - DENSE)]) + DENSE
    return np.concatenate([pairs68, irises, dense]).astype(np.int32)


def positions(posed: Posed, iris_scale: float, eye_scale: list[float]) -> F32:
    """The landmarks (220, 3) of a posed person, model centimetres."""
    kit = facekit()
    out = np.empty((COUNT, 3), np.float32)
    out[:68] = posed.vertices[kit.landmarks]
    rim = IRIS_RADIUS * iris_scale
    local = np.array([[0, 0, 0], [rim, 0, 0], [0, rim, 0], [-rim, 0, 0], [0, -rim, 0]], np.float32)
    for k, place in enumerate(IRIS):
        # the iris lies where the inner ball reaches that radius; 1.46 cm is the ball's
        local[:, 2] = np.sqrt(max(1.46**2 - rim**2, 0.5))
        out[place] = (local * eye_scale[k]) @ posed.eye_rotation[k].T + posed.eye_centres[k]
    out[DENSE:] = posed.vertices[dense_vertices()]
    return out


@lru_cache(maxsize=1)
def region_points() -> tuple[I32, ...]:
    """For each of REGIONS the landmarks that stand for it."""
    v = facekit().neutral[dense_vertices()]
    side = v[:, 0]
    cheek = (v[:, 1] < 2.4) & (v[:, 1] > -3.0) & (np.abs(side) > 2.4)
    jaw = (v[:, 1] < -4.6) & (np.abs(side) < 5)
    dense = {
        "cheekLeft": np.flatnonzero(cheek & (side > 0)) + DENSE,
        "cheekRight": np.flatnonzero(cheek & (side < 0)) + DENSE,
        "jaw": np.concatenate([np.flatnonzero(jaw) + DENSE, np.arange(5, 12)]),
    }
    fixed = {
        "eyeLeft": [*LEFT_EYE, *range(68, 73)],
        "eyeRight": [*RIGHT_EYE, *range(73, 78)],
        "browLeft": range(22, 27),
        "browRight": range(17, 22),
        "nose": range(27, 36),
        "mouth": range(48, 68),
    }
    return tuple(np.array(list(fixed[n]) if n in fixed else dense[n], np.int32) for n in REGIONS)
