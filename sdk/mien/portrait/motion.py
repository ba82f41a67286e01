"""Motion: what a driver does, as a portrait's own vertices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mien.portrait.fit import Fit
from mien.portrait.mesh import DISTANCE, NECK, FaceMesh
from mien.types import F32, HeadPose


@dataclass(frozen=True, eq=False)
class Motion:
    """What a head does.

    Attributes:
        rotation: (3, 3) head -> camera. coefficients: (52,). gaze: (2, 2), radians, as `FaceMesh.shaped`.
        place: (3,) cm by which the point between the eyes lies off where the source has it: x right, y up, z to the
            viewer; None: where the neck takes it.
    """

    rotation: F32
    coefficients: F32
    gaze: F32
    place: F32 | None = None


EYES = np.array([0, 3.605, 7.9], np.float32)  # the point between a head's eyes, cm
# How far a head's place, as pictures tell it, is to be believed beside where its neck takes it, by regression on the
# training renders: across, up, and towards the camera, where size is a poor guide.
TRUST = np.array([0.93, 0.84, 0.27], np.float32)


def move(mesh: FaceMesh, fit: Fit, motion: Motion) -> F32:
    """The vertices (V, 3) of a fitted person who moves so: columns, rows and depth. Shoulders stay."""
    weights = mesh.weights(motion.coefficients, mesh.limits(fit.rest))
    shape = mesh.shaped(fit.rest, weights, motion.gaze)
    old = fit.placed
    pivot, shift = (NECK, np.zeros(3, np.float32)) if motion.place is None else (EYES, motion.place)
    # In centimetres of camera space about the origin of the source's head.
    moved = (shape - pivot) @ motion.rotation.T + (old.rotation @ pivot + shift)
    out = np.empty_like(moved)
    near = np.float32(old.scale) / (1 - moved[:, 2] / np.float32(DISTANCE))
    out[:, 0] = old.origin[0] + near * moved[:, 0]
    out[:, 1] = old.origin[1] - near * moved[:, 1]
    out[:, 2] = moved[:, 2]
    return np.ascontiguousarray(fit.points + mesh.carried * (out - fit.points))


def neck_shift(before: F32, now: F32) -> F32:
    """`Motion.place` of a head that turned on its neck from one rotation to another."""
    arm = EYES - NECK
    return np.asarray(now @ arm - before @ arm, np.float32)


def place_between(reference: HeadPose, now: HeadPose) -> F32:
    """How far a head moved from where it was, as `Motion.place`: what a camera of unknown lens can tell of it.

    Moves across the picture are in centimetres at the reference's distance; those towards it are what the change of
    size means at `DISTANCE`.
    """
    zoom = float(np.clip(reference.translation[2] / now.translation[2], 0.5, 2.0))
    across = [100 * (b - a / zoom) for a, b in zip(reference.translation[:2], now.translation[:2], strict=True)]
    return np.array([*across, DISTANCE * (1 - 1 / zoom)], np.float32)


def gaze_in_head(gaze: F32, rotation: F32) -> F32:
    """(2, 2) yaw and pitch in the head of gaze vectors (2, 3) in camera axes."""
    x, y, z = (gaze @ rotation).T
    return np.stack([np.arctan2(x, np.maximum(z, 0.1)), np.arcsin(np.clip(y, -0.9, 0.9))], 1).astype(np.float32)
