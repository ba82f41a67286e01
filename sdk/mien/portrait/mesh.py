"""FaceMesh: a face of some thousand vertices, what persons differ by, and what coefficients and gaze do to it.

Axes are the head's: x to the subject's left, y up, z out of the face; centimetres. The tables come from the bundle
(`training/reenact_mesh.py` makes them).
"""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mien.errors import BundleError
from mien.layouts import ARKIT52
from mien.portrait.lids import LID_GAP, SIDES, held
from mien.types import F32, Bool

I32 = npt.NDArray[np.int32]

KINDS = ("skin", "back", "eye", "mouth", "teeth")
LANDMARKS = 220
IRIS = (68, 73)  # landmarks of the left and the right pupil
DISTANCE = 75.0  # cm from the camera to the model's origin, where a picture does not say
NECK = np.array([0, -9.5, -1.5], np.float32)  # the joint that a head turns on
MIDDLE = np.array([0, 0, 6], np.float32)  # of a head
GAZE_PER_UNIT = 0.61  # radians of eye rotation per unit of eyeLook*
# Upper and lower lid landmarks, left eye then right eye.
_LIDS = (((43, 47), (44, 46)), ((37, 41), (38, 40)))
_SHAPES: dict[str, tuple[type, tuple[int, ...]]] = {
    "neutral": (np.float16, (-1, 3)),
    "expressions": (np.float16, (len(ARKIT52), -1, 3)),
    "identities": (np.float16, (-1, -1, 3)),
    "triangles": (np.int16, (-1, 3)),
    "kinds": (np.uint8, (-1,)),
    "carried": (np.float16, (-1,)),
    "landmarks": (np.int16, (LANDMARKS,)),
    "eyes": (np.int16, (2, 2)),
    "eye_centres": (np.float32, (2, 3)),
}


@dataclass(frozen=True, eq=False)
class Limits:
    """How far one person's lids and lips can go.

    Attributes:
        lids: (2,) cm between the lids at rest, left and right. lips: cm between the lips.
        blink: (2,) what eyeBlink is multiplied by, so that 1 closes the eye, whatever its width.
    """

    lids: F32
    lips: float
    blink: F32


class FaceMesh:
    """The tables of a face.

    Attributes:
        neutral: float32 (V, 3), of the average person. identities: float32 (K, V, 3), what a person's weights add.
        triangles: int32 (T, 3). kinds: uint8 (T,), index into KINDS.
        carried: float32 (V, 1), 0..1, how much a vertex turns with the head; 0 at the shoulders.
        landmarks: int32 (220,), the vertex of each landmark of the `face` bundle.
        skin: bool (V,), not part of an eyeball.

    Raises:
        BundleError: the tables are damaged, or do not fit each other.
    """

    def __init__(self, blob: bytes) -> None:
        t = _tables(blob)
        count = len(t["neutral"])
        self.neutral: F32 = t["neutral"].astype(np.float32)
        self.identities: F32 = t["identities"].astype(np.float32)
        self._expressions: F32 = t["expressions"].astype(np.float32).reshape(len(ARKIT52), -1)
        self.triangles: I32 = t["triangles"].astype(np.int32)
        self.kinds = t["kinds"]
        self.carried: F32 = t["carried"].astype(np.float32)[:, None]
        self.landmarks: I32 = t["landmarks"].astype(np.int32)
        self.eyes = [slice(int(a), int(b)) for a, b in t["eyes"]]
        self.skin: Bool = np.ones(count, np.bool_)
        for eye in self.eyes:
            self.skin[eye] = False
        self._centres = t["eye_centres"]
        heights = t["expressions"].astype(np.float32)[:, self.landmarks[:68], 1]
        self._lid_shapes = np.stack(
            [np.mean([heights[:, u] - heights[:, d] for u, d in pairs], axis=0) for pairs in _LIDS]
        )
        self._lip_shapes: F32 = heights[:, 62] - heights[:, 66]
        corners = self.triangles.ravel()
        self._corner_order = np.argsort(corners, kind="stable")
        self._corner_vertex, self._corner_start = np.unique(corners[self._corner_order], return_index=True)
        self._centre_vertex = [eye.start for eye in self.eyes]

    def __len__(self) -> int:
        return len(self.neutral)

    def limits(self, rest: F32) -> Limits:
        """Those of a person whose resting face is `rest` (V, 3)."""
        y = rest[self.landmarks[:68], 1]
        lids = np.array([max(min(y[u] - y[d] for u, d in pairs), 2 * LID_GAP) for pairs in _LIDS], np.float32)
        closing = [float(-self._lid_shapes[k, ARKIT52.index(f"eyeBlink{side}")]) for k, side in enumerate(SIDES)]
        blink = (lids - np.float32(LID_GAP)) / np.array(closing, np.float32)
        return Limits(lids, float(y[62] - y[66]), blink.astype(np.float32))

    def weights(self, coefficients: F32, limits: Limits) -> F32:
        """What the shapes get for coefficients (52,): lids and lips that would pass through each other are held."""
        return held(coefficients, limits.blink, limits.lids, limits.lips, self._lid_shapes, self._lip_shapes)

    def shaped(self, rest: F32, weights: F32, gaze: F32) -> F32:
        """A person's face (V, 3) with an expression.

        Args:
            rest: (V, 3) the resting face. weights: (52,) as from `weights`. gaze: (2, 2) yaw (to the subject's left)
                and pitch (up) of the left and the right eye in the head, radians.
        """
        out: F32 = rest + (weights @ self._expressions).reshape(-1, 3)
        for k, eye in enumerate(self.eyes):
            # The pole is the first vertex and lies straight ahead of the centre.
            centre = rest[eye.start] - (self.neutral[eye.start] - self._centres[k])
            out[eye] = (rest[eye] - centre) @ eye_rotation(*gaze[k].tolist()).T + centre
        return out

    def normals(self, vertices: F32) -> F32:
        """Unit normals (V, 3), area-weighted."""
        a, b, c = (vertices[self.triangles[:, k]] for k in range(3))
        flat = np.repeat(np.cross(b - a, c - a), 3, axis=0)
        sums = np.add.reduceat(flat[self._corner_order], self._corner_start, axis=0)
        out = np.zeros_like(vertices)
        out[:, 2] = 1
        out[self._corner_vertex] = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
        return out


def eye_rotation(yaw: float, pitch: float) -> F32:
    """Rotation of an eyeball: yaw towards the subject's left, pitch up; radians."""
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    turn = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    tilt = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    return np.asarray(turn @ tilt, np.float32)


def gaze_of(coefficients: F32) -> F32:
    """(2, 2) yaw and pitch of both eyes that coefficients (52,) mean, radians."""
    out = np.zeros((2, 2), np.float32)
    for k, side in enumerate(SIDES):
        inward, outward, up, down = (
            float(coefficients[ARKIT52.index(f"eyeLook{way}{side}")]) for way in ("In", "Out", "Up", "Down")
        )
        out[k] = (outward - inward) * (1 if k == 0 else -1), up - down
    return out * np.float32(GAZE_PER_UNIT)


def _tables(blob: bytes) -> dict[str, npt.NDArray[np.generic]]:
    try:
        with np.load(io.BytesIO(blob), allow_pickle=False) as stored:
            found = {name: stored[name] for name in _SHAPES}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise BundleError("portrait.mesh", f"The bundle's face cannot be read ({error}).", "") from error
    for name, (dtype, shape) in _SHAPES.items():
        table = found[name]
        fits = table.ndim == len(shape) and all(
            want in (-1, have) for want, have in zip(shape, table.shape, strict=True)
        )
        if table.dtype != dtype or not fits or not np.isfinite(table.astype(np.float32)).all():
            raise BundleError("portrait.mesh", f"The bundle's face has a wrong table {name!r}.", "")
    count, triangles = len(found["neutral"]), found["triangles"]
    indices = np.concatenate([triangles.ravel(), found["landmarks"], found["eyes"].ravel() - [0, 1, 0, 1]])
    alike = all(found[name].shape[-2] == count for name in ("expressions", "identities"))
    if not alike or len(found["carried"]) != count or len(found["kinds"]) != len(triangles):
        raise BundleError("portrait.mesh", "The tables of the bundle's face have different lengths.", "")
    if indices.min() < 0 or indices.max() >= count or found["kinds"].max() >= len(KINDS):
        raise BundleError("portrait.mesh", "The bundle's face names vertices that it does not have.", "")
    return found
