"""Head: one person's geometry, and how expression and gaze move it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from mien.layouts import ARKIT52
from mien.portrait.lids import LID_GAP, SIDES, held

from training.performer import tongue
from training.performer.assets import FaceKit, facekit

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]

GAZE_PER_UNIT = 0.61  # radians of eye rotation per unit of eyeLook*: 35 degrees, as in recorded Live Link data
IDENTITY_MODES = 50  # hold 98.7 % of the variance
# Upper and lower lid points of the iBUG set, left eye then right eye.
_LIDS = (((43, 47), (44, 46)), ((37, 41), (38, 40)))


@dataclass(frozen=True, eq=False)
class _Rig:
    """What is the same for every person."""

    kit: FaceKit
    flat: F32  # (52, V * 3)
    eyes: tuple[I32, I32]  # vertices of the left and right eyeball
    eye_local: tuple[F32, F32]  # neutral position relative to the eyeball's centre
    drawn: I32  # triangles (T, 3)
    normal_index: I32
    normal_order: npt.NDArray[np.intp]
    normal_starts: npt.NDArray[np.intp]


EYE_CENTRES = np.array([[3.110, 3.605, 7.900], [-3.110, 3.605, 7.900]], np.float32)  # neutral person, left and right
_HIDDEN = ("M_ScleraLeft", "M_ScleraRight", "M_LacrimalFluid", "M_EyeBlend", "M_EyeOcclusion")


@lru_cache(maxsize=1)
def rig() -> _Rig:
    """The rig of the shared face model."""
    kit = facekit()
    eyes = (kit.vertices_of("eyeball_L"), kit.vertices_of("eyeball_R"))
    hidden = [kit.material_names.index(name) for name in _HIDDEN]
    drawn = kit.triangles[~np.isin(kit.material, hidden)]
    corners = drawn.T.reshape(-1)  # corner k of triangle t at k * T + t
    order = np.argsort(corners, kind="stable")
    index, starts = np.unique(corners[order], return_index=True)
    return _Rig(
        kit,
        kit.expressions.reshape(len(ARKIT52), -1),
        eyes,
        (kit.neutral[eyes[0]] - EYE_CENTRES[0], kit.neutral[eyes[1]] - EYE_CENTRES[1]),
        drawn,
        index.astype(np.int32),
        order % len(drawn),
        starts,
    )


def normals(vertices: F32) -> F32:
    """Area-weighted vertex normals (V, 3) of the drawn mesh."""
    r = rig()
    a, b, c = (vertices[r.drawn[:, k]] for k in range(3))
    flat = np.cross(b - a, c - a)
    sums = np.add.reduceat(flat[r.normal_order], r.normal_starts, axis=0)
    out = np.zeros_like(vertices)
    out[:, 2] = 1
    out[r.normal_index] = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
    return out


@dataclass(frozen=True, eq=False)
class Posed:
    """One moment of a person.

    Attributes:
        vertices: float32 (V, 3) in model centimetres. normals: (V, 3).
        eye_centres: (2, 3), left and right. gaze: (2, 3) unit vectors in the head's axes.
        lids: (2,) height of the upper lid's edge at each eye, cm. tongue: (T, 3) vertices of the tongue.
    """

    vertices: F32
    normals: F32
    eye_centres: F32
    gaze: F32
    eye_rotation: F32
    lids: F32
    tongue: F32


class Head:
    """A person: `identity` (K,) are the weights of the first K identity modes."""

    def __init__(self, identity: F32) -> None:
        r = rig()
        kit = r.kit
        modes = kit.identities[: len(identity)].reshape(len(identity), -1)
        self.identity = identity.astype(np.float32)
        delta = (self.identity @ modes).reshape(-1, 3)
        self.neutral: F32 = kit.neutral + delta
        # An eyeball stays a ball: it moves with the mean of its vertices, and keeps its size but for their spread.
        self.eye_centres = np.stack([EYE_CENTRES[k] + delta[r.eyes[k]].mean(0) for k in range(2)]).astype(np.float32)
        self.eye_scale = [
            float(
                np.linalg.norm(self.neutral[r.eyes[k]] - self.eye_centres[k], axis=1).mean()
                / np.linalg.norm(r.eye_local[k], axis=1).mean()
            )
            for k in range(2)
        ]
        points = self.neutral[kit.landmarks]
        self._lid_neutral = np.array(
            [min(points[u][1] - points[d][1] for u, d in pairs) for pairs in _LIDS], np.float32
        )
        shapes = kit.expressions[:, kit.landmarks, 1]
        self._lid_shapes = np.stack(
            [np.mean([shapes[:, u] - shapes[:, d] for u, d in pairs], axis=0) for pairs in _LIDS]
        )
        self._lip_shapes = shapes[:, 62] - shapes[:, 66]
        self._tongue_habit = float(3 * np.abs(self.identity).sum())
        self._lip_neutral = float(points[62][1] - points[66][1])
        # A blink of 1 closes this person's eye, whatever its width.
        self._blink_gain = np.array(
            [
                (self._lid_neutral[k] - LID_GAP) / -self._lid_shapes[k, ARKIT52.index(f"eyeBlink{SIDES[k]}")]
                for k in range(2)
            ],
            np.float32,
        )

    def limited(self, coefficients: F32) -> F32:
        """The weights (52,) that the geometry gets: lids and lips that would pass through each other are held."""
        lids, lips = self._lid_neutral, self._lip_neutral
        return held(coefficients[:52], self._blink_gain, lids, lips, self._lid_shapes, self._lip_shapes)

    def shown(self, coefficients: F32) -> F32:
        """What of an expression (57,) this face shows, in 0..1: the label of its picture.

        Differs from what was asked where `limited` holds lids or lips. Two stay as asked: eyeLookDown, as the eyeball
        turns all the way, and eyeBlink, since the eye is shut, whichever part squint and cheek have taken in it.
        """
        weights = self.limited(coefficients)
        out = np.array(coefficients, np.float32)
        for name in ("eyeSquint", "cheekSquint"):
            for side in SIDES:
                out[ARKIT52.index(f"{name}{side}")] = weights[ARKIT52.index(f"{name}{side}")]
        close = ARKIT52.index("mouthClose")
        out[close] = weights[close]
        return np.clip(out, 0, 1)

    def pose(self, coefficients: F32) -> Posed:
        """The person with an expression (57,): the 52 coefficients and the tongue's directions."""
        r = rig()
        weights = self.limited(coefficients)
        active = np.flatnonzero(weights)
        vertices = self.neutral + (weights[active] @ r.flat[active]).reshape(-1, 3)
        centres, gaze, rotations = self.eye_centres.copy(), np.empty((2, 3), np.float32), []
        for k in range(2):
            rotation = _eye_rotation(coefficients, k)
            # the orbit does not move with expression, but the jaw's and brows' shapes touch the eyeballs' neighbours
            vertices[r.eyes[k]] = (r.eye_local[k] * self.eye_scale[k]) @ rotation.T + centres[k]
            gaze[k] = rotation[:, 2]
            rotations.append(rotation)
        points = vertices[r.kit.landmarks]
        lids = np.array([points[[43, 44], 1].mean(), points[[37, 38], 1].mean()], np.float32)
        return Posed(
            vertices.astype(np.float32),
            normals(vertices),
            centres,
            gaze,
            np.stack(rotations),
            lids,
            tongue.pose(points, vertices[r.kit.vertices_of("teeth")], coefficients, self._tongue_habit),
        )


def _eye_rotation(coefficients: F32, eye: int) -> F32:
    """Rotation of an eyeball (0 left, 1 right) in the head; yaw towards the subject's left is positive."""
    side = SIDES[eye]
    get = {n: float(coefficients[ARKIT52.index(f"eyeLook{n}{side}")]) for n in ("In", "Out", "Up", "Down")}
    outward = 1.0 if eye == 0 else -1.0  # the left eye looks out towards +x
    yaw = GAZE_PER_UNIT * (get["Out"] - get["In"]) * outward
    pitch = GAZE_PER_UNIT * (get["Up"] - get["Down"])
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    turn = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    tilt = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    return np.asarray(turn @ tilt, np.float32)


def random_identity(rng: np.random.Generator, modes: int = IDENTITY_MODES) -> F32:
    """Weights of a random person, N(0, 1), held within 2.5."""
    return np.clip(rng.standard_normal(modes), -2.5, 2.5).astype(np.float32)
