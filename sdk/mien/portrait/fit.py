"""Fit: the face mesh laid over the face in a picture, so that its landmarks are the picture's.

A person's shape is fitted by least squares with the spread of persons as a prior; what is left between mesh and
landmarks is spread smoothly over the mesh, in the picture's plane.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mien.portrait.mesh import DISTANCE, IRIS, LANDMARKS, NECK, FaceMesh, gaze_of
from mien.types import F32

F64 = npt.NDArray[np.float64]

_ROUNDS = 4
_NOISE = 0.18  # cm that landmarks are off; 3 % of an outer eye corner's distance on held-out renders
_TURN = np.radians(2.5)  # that rotations are off
_REACH = 3.0  # cm over which the mesh gives way to landmarks
_STIFF = 0.08  # share of a landmark's residual that is taken for noise, roughly


@dataclass(frozen=True, eq=False)
class Placed:
    """Where a head is in a picture.

    Attributes:
        rotation: (3, 3) head -> camera axes (x right, y up, z to the viewer). scale: pixels per centimetre at the
            model's origin. origin: (2,) the origin's column and row.
    """

    rotation: F32
    scale: float
    origin: F32

    def project(self, vertices: F32) -> F32:
        """Columns, rows and depth (cm, larger is nearer) of vertices (V, 3), float32 (V, 3).

        The camera is `DISTANCE` away, which a picture alone does not tell.
        """
        turned = vertices @ self.rotation.T
        out = np.empty_like(turned)
        near = np.float32(self.scale) / (1 - turned[:, 2] / np.float32(DISTANCE))
        out[:, 0] = self.origin[0] + near * turned[:, 0]
        out[:, 1] = self.origin[1] - near * turned[:, 1]
        out[:, 2] = turned[:, 2]
        return out


@dataclass(frozen=True, eq=False)
class Fit:
    """A person in a picture.

    Attributes:
        placed: where the head is. rest: (V, 3) the person's resting face, cm; the picture's residual is in it.
        coefficients: (52,), gaze: (2, 2): what the face does in the picture.
        points: (V, 3) where the mesh's vertices are in the picture, and their depth.
        seen: (3, 3) the rotation that the network told, which the fit refined.
        residual: root mean square between fitted shape and landmarks, cm, before it was spread.
    """

    placed: Placed
    rest: F32
    coefficients: F32
    gaze: F32
    points: F32
    seen: F32
    residual: float

    def moved(self, unit: float, x: float, y: float) -> Fit:
        """The same in a picture that is `unit` times as large, its pixels then moved by x and y."""
        shift = np.array([x, y], np.float32)
        placed = Placed(self.placed.rotation, self.placed.scale * unit, self.placed.origin * np.float32(unit) + shift)
        points = self.points.copy()
        points[:, :2] = points[:, :2] * np.float32(unit) + shift
        return replace(self, placed=placed, points=points)


def fit(
    mesh: FaceMesh,
    landmarks: F32,
    rotation: F32,
    coefficients: F32,
    gaze: F32 | None = None,
    *,
    which: npt.NDArray[np.intp] | None = None,
) -> Fit:
    """Lays the mesh over a face.

    Args:
        landmarks: (220, 2) pixels. rotation: (3, 3) head -> camera, as a network says. coefficients: (52,) likewise.
        gaze: (2, 2) yaw and pitch; None: what the coefficients say.
        which: the landmarks that are known, where `landmarks` has these alone; both pupils are among them.
    """
    look = gaze_of(coefficients) if gaze is None else gaze
    known = np.arange(LANDMARKS) if which is None else which
    at, seen = mesh.landmarks[known], landmarks.astype(np.float64)
    modes = mesh.identities[:, at].astype(np.float64)
    # Jaw line and brows are placed less exactly than the rest; irises only turn.
    trust = np.ones(LANDMARKS)
    trust[:17], trust[68:78] = 0.3, 0.0
    trust = trust[known]
    identity = np.zeros(len(modes))
    turn = rotation.astype(np.float64)
    scale, origin = 1.0, np.zeros(2)
    for _ in range(_ROUNDS):
        rest = mesh.neutral + np.tensordot(identity.astype(np.float32), mesh.identities, 1)
        shape = mesh.shaped(rest, mesh.weights(coefficients, mesh.limits(rest)), look)[at].astype(np.float64)
        turned = shape @ turn.T
        depth = 1 / (1 - turned[:, 2] / DISTANCE)
        flat = turned[:, :2] * depth[:, None] * (1, -1)
        scale, origin = _similar(flat, seen, trust)
        unit = scale * depth
        left = (seen - (scale * flat + origin)).ravel()
        # What the landmarks do when a mode grows, the head turns a little, or scale and place change.
        by_mode = np.einsum("kpc,dc->kpd", modes, turn)[:, :, :2] * unit[:, None] * (1, -1)
        by_turn = np.stack([np.cross(axis, turned)[:, :2] * unit[:, None] * (1, -1) for axis in np.eye(3)])
        by_place = np.stack([flat, np.broadcast_to([1.0, 0], flat.shape), np.broadcast_to([0, 1.0], flat.shape)])
        rows = np.concatenate([by_mode, by_turn, by_place]).reshape(-1, 2 * len(at))
        weight = np.repeat(trust, 2) / (_NOISE * scale) ** 2
        prior = np.concatenate([np.ones(len(modes)), np.full(3, _TURN**-2), np.full(3, 1e-9)])
        pull = np.concatenate([-identity, np.zeros(6)]) * prior
        step = np.linalg.solve((rows * weight) @ rows.T + np.diag(prior), (rows * weight) @ left + pull)
        identity = np.clip(identity + step[: len(modes)], -3, 3)
        spin = step[len(modes) : len(modes) + 3]
        angle = float(np.linalg.norm(spin))
        turn = turn_about(spin / max(angle, 1e-12), angle) @ turn
    rest = mesh.neutral + np.tensordot(identity.astype(np.float32), mesh.identities, 1)
    placed = Placed(turn.astype(np.float32), scale, origin.astype(np.float32))
    return _yield(mesh, placed, rest, (coefficients, look, rotation), known, landmarks)


def _yield(
    mesh: FaceMesh,
    placed: Placed,
    rest: F32,
    told: tuple[F32, F32, F32],
    known: npt.NDArray[np.intp],
    landmarks: F32,
) -> Fit:
    """Moves the mesh in the picture's plane so that its landmarks lie where the picture's do."""
    coefficients, gaze, seen = told
    weights = mesh.weights(coefficients, mesh.limits(rest))
    points = placed.project(mesh.shaped(rest, weights, gaze))
    at = mesh.landmarks[known]
    near = placed.scale / (1 - points[:, 2:] / DISTANCE)
    left = (landmarks - points[at, :2]) / near[at] * np.array([1, -1], np.float32)
    on_skin = np.flatnonzero(mesh.skin[at])
    anchors = mesh.neutral[at[on_skin]]

    def kernel(points: F32) -> F32:
        return np.asarray(np.exp(-np.linalg.norm(points[:, None] - anchors[None], axis=2) / _REACH), np.float32)

    spread = np.linalg.solve(kernel(anchors) + _STIFF * np.eye(len(anchors)), left[on_skin])
    moved = np.zeros_like(rest)
    moved[:, :2] = kernel(mesh.neutral) @ spread
    for k, eye in enumerate(mesh.eyes):
        moved[eye, :2] = left[known == IRIS[k]]  # an eyeball stays a ball; its pupil lies where the picture's does
    moved *= mesh.carried
    rest = rest + moved @ placed.rotation
    points = placed.project(mesh.shaped(rest, weights, gaze))
    residual = float(np.sqrt((left[on_skin] ** 2).sum(1).mean()))
    return Fit(placed, rest.astype(np.float32), coefficients, gaze, points, seen.astype(np.float32), residual)


def _similar(flat: F64, seen: F64, trust: F64) -> tuple[float, F64]:
    """Scale and offset of the least squares from `flat` to `seen`, both (N, 2)."""
    share = trust / trust.sum()
    middle, target = share @ flat, share @ seen
    own = flat - middle
    scale = float((share @ (own * (seen - target))).sum() / max((share @ (own * own)).sum(), 1e-12))
    return scale, target - scale * middle


def turn_about(axis: F64, angle: float) -> F64:
    """The rotation about a unit axis by an angle in radians (Rodrigues)."""
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross)


def at_rest(placed: Placed, point: F32) -> F32:
    """(2,) where a point of the head would be if the head, turning on its neck, looked straight ahead."""
    moved = placed.rotation @ NECK + (point - NECK)
    near = placed.scale / (1 - moved[2] / DISTANCE)
    return np.array([placed.origin[0] + near * moved[0], placed.origin[1] - near * moved[1]], np.float32)
