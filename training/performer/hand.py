"""A procedural hand: palm, five bent fingers and a forearm, made of tubes and eggs."""

from __future__ import annotations

import numpy as np

from training.performer.mesh import F32, Mesh
from training.performer.solids import Part, egg, join, paint, ripple, tube

# from the index to the little finger: knuckle (x, y), length, radius, sideways angle; centimetres, radians
_FINGERS = (
    (3.0, 8.6, 7.4, 0.82, 0.10),
    (1.05, 9.1, 8.2, 0.85, 0.02),
    (-0.9, 8.7, 7.6, 0.80, -0.05),
    (-2.7, 7.8, 6.0, 0.70, -0.16),
)
# bend of every finger (thumb first) in three joints, radians each, as share of the pose
POSES = {
    "open": (0.15, 0.05, 0.05, 0.05, 0.08),
    "relaxed": (0.25, 0.3, 0.4, 0.45, 0.5),
    "cupped": (0.4, 0.55, 0.55, 0.55, 0.55),
    "pointing": (0.7, 0.08, 1.35, 1.4, 1.4),
    "fist": (0.8, 1.4, 1.45, 1.45, 1.4),
    "two": (0.8, 0.08, 0.1, 1.4, 1.45),
    "pinch": (0.65, 0.75, 0.5, 0.4, 0.35),
}


def hand(rng: np.random.Generator, tone: F32, sleeve: F32 | None = None, pose: str | None = None) -> list[Mesh]:
    """A hand with its wrist at the origin, fingers up (+y), back towards the viewer (+z), thumb to +x.

    Args:
        tone: the skin's colour, linear RGB (3,).
        sleeve: the colour of a sleeve from the wrist on, bare when None.
        pose: a key of POSES; drawn when None.
    """
    names = list(POSES)
    bends = POSES[pose or names[rng.integers(len(names))]]
    size = rng.uniform(0.88, 1.08)
    spread = rng.uniform(0.4, 2.0)
    parts: list[Part] = [
        egg((0.1, 5.2, -0.1), (4.1, 5.2, 1.35), 10, 18),
        egg((2.9, 3.4, -0.8), (1.7, 3.2, 1.3), 8, 12),  # the ball of the thumb
    ]
    for (x, y, length, radius, aside), bend in zip(_FINGERS, bends[1:], strict=True):
        parts.append(
            tube(
                np.array([[0.45 * x, 1.5, 0], [x, y - 1, 0.15], [x, y, 0.1]]),
                np.array([[1.2], [1.1], [0.8]]),
                8,
                (0, 0, 1),
            )
        )
        direction = np.array([np.sin(aside * spread), np.cos(aside * spread), 0])
        parts.append(_finger(np.array([x, y - 0.4, 0.1]), direction, length, radius, bend + rng.normal(0, 0.06)))
    thumb = np.array([np.sin(0.75), np.cos(0.75), -0.25])
    parts.append(_finger(np.array([2.6, 2.6, -0.5]), thumb, 7.2, 1.0, 0.6 * bends[0] + rng.normal(0, 0.05)))
    skin = join(parts)
    arm = tube(
        np.array([[0, 1.6, 0], [0, -1, 0], [0.2, -8, -0.3], [0.4, -24, -1.5]]),
        np.array([[2.4, 1.5], [2.7, 1.8], [3.4, 2.7], [4.2, 3.8]]),
        12,
        (0, 0, 1),
    )
    if sleeve is None:
        skin = join([skin, arm])
    local = skin[0]
    shade = np.exp(0.05 * ripple(rng, 1, 3, *local.T) + rng.normal(0, 0.02, len(local)))[:, None] * np.asarray(tone)
    # knuckles and finger tips are redder
    red = np.clip((local[:, 1:2] - 8) / 16, 0, 0.4) * [0.12, -0.12, -0.12]
    meshes = [paint((local * size, skin[1]), shade * (1 + red), gloss=0.12)]
    if sleeve is not None:
        cuff = rng.uniform(0.0, 7.0)
        wider = (arm[0] - [0, cuff, 0]) * [1.25, 1, 1.3]
        bare = tube(
            np.array([[0, 1.6, 0], [0, -1, 0], [0.1, -cuff - 2, -0.1]]),
            np.array([[2.4, 1.5], [2.7, 1.8], [2.9, 2.0]]),
            12,
            (0, 0, 1),
        )
        meshes += [
            paint((bare[0] * size, bare[1]), tone, gloss=0.12),
            paint(((wider * size).astype(np.float32), arm[1]), sleeve * np.exp(rng.normal(0, 0.06, (len(arm[0]), 1)))),
        ]
    return meshes


def _finger(root: F32, direction: F32, length: float, radius: float, bend: float) -> Part:
    """One finger: three bones that each turn by `bend` towards the palm (-z), the tip round."""
    path, at, angle = [root - 0.6 * direction, root], root, 0.0
    for share, steps in ((0.45, 3), (0.3, 3), (0.25, 3)):
        angle += bend * (0.8 if share == 0.25 else 1.0)
        heading = direction * np.cos(angle) + np.array([0, 0, -1]) * np.sin(angle)
        for _ in range(steps):
            at = at + heading * (length * share / steps)
            path.append(at)
    path.append(at + heading * 0.35 * radius)
    profile = np.array([0.9, 1.05, 1.0, 0.95, 1.0, 0.98, 0.9, 0.93, 0.9, 0.85, 0.72, 0.35]) * radius
    return tube(np.array(path), profile[:, None], 9, (1, 0.02, 0))
