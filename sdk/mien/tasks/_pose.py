"""Head pose as the manifest's `pose` section describes it."""

from __future__ import annotations

import json
import math
from importlib import resources

import numpy as np
import numpy.typing as npt

from mien import _native
from mien.bundle import Bundle
from mien.errors import BundleError, InputError
from mien.manifest import Section
from mien.types import Frame, HeadPose

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
_Quaternion = tuple[float, float, float, float]


class HeadEstimator:
    """Fits the canonical face to landmarks: with their depth (``"depth"``) or without (``"points"``).

    With ``"network"`` the rotation is given, and only the translation is fitted.

    The canonical face is a blob of float32 rows x, y, z (centimetres), weight, one per landmark; or the name of one
    that ships with mien (`data/canonical_*.json`).
    """

    def __init__(self, section: Section, bundle: Bundle, landmarks: int) -> None:
        self.kind = section.text("kind", among=("depth", "points", "network"))
        self._fov = math.radians(section.number("fov_y_degrees", 63.0, 1, 179))
        name = section.text("canonical")
        if name in bundle.manifest.blobs:
            blob = bundle.blob(name)
            if len(blob) % 16:
                raise BundleError("manifest.field", f"{name} is not made of rows of four float32.", "")
            table = np.frombuffer(blob, np.float32).reshape(-1, 4)
        else:
            table = _shipped(name, section)
        if not 4 <= len(table) <= landmarks or not np.isfinite(table).all():
            raise BundleError(
                "manifest.field", f"{section.path}.canonical has {len(table)} points for {landmarks} landmarks.", ""
            )
        self._points = np.ascontiguousarray(table[:, :3])
        self._weights = np.ascontiguousarray(table[:, 3])
        total = float(self._weights.sum(dtype=np.float64))
        if not (self._weights >= 0).all() or not total > 0:
            raise BundleError("manifest.field", f"{section.path}.canonical: weights are 0 or more, not all 0.", "")
        self._shares = self._weights.astype(np.float64) / total
        self._columns = np.ascontiguousarray(self._points.T, np.float64)

    def pose(self, landmarks: F32, frame: Frame, rotation: F64 | None = None) -> HeadPose | None:
        """The head pose, or None where the landmarks do not determine one.

        Args:
            landmarks: (N, 3) frame pixels.
            rotation: (3, 3) orthonormal, from head to camera axes, for kind ``"network"``.
        """
        if rotation is not None:
            return self._translated(landmarks, rotation, frame)
        count = len(self._points)
        size = (frame.width, frame.height, self._fov)
        try:
            if self.kind == "depth":
                fit = _native.pose_from_depth(landmarks[:count], self._points, self._weights, *size)
            else:
                flat = np.ascontiguousarray(landmarks[:count, :2])
                fit = _native.pose_from_points(flat, self._points, self._weights, *size)
        except InputError as error:
            if error.code == "geometry.degenerate":
                return None
            raise
        x, y, z = fit.translation
        return HeadPose(fit.rotation, (x / 100, y / 100, z / 100), fit.residual)

    def _translated(self, landmarks: F32, rotation: F64, frame: Frame) -> HeadPose | None:
        """The translation under which the turned canonical face is seen at the landmarks, by least squares.

        A pinhole camera sees (X, Y, Z) + t at u = -(X + tx) / (Z + tz), v likewise, u and v being pixels from the
        middle over the focal length. That is linear in t: tx + u tz = -(X + u Z), ty + v tz = -(Y + v Z): two
        regressions with one slope, tz.
        """
        quaternion = _quaternion(rotation)
        if quaternion is None:
            return None
        shares, turned = self._shares, rotation @ self._columns
        focal = frame.height / 2 / math.tan(self._fov / 2)
        scale = np.array([[1 / focal], [-1 / focal]])
        middle = np.array([[(frame.width - 1) / 2], [(frame.height - 1) / 2]])
        seen = (landmarks[: len(shares), :2].T - middle) * scale
        known = turned[:2] + seen * turned[2]
        # Means over the points; about the middle of the picture, where double precision loses nothing.
        u, v = (seen @ shares).tolist()
        a, b = (known @ shares).tolist()
        spread = sum(((seen * seen) @ shares).tolist()) - u * u - v * v
        if not spread > 1e-9:
            return None
        tz = (u * a + v * b - sum(((seen * known) @ shares).tolist())) / spread
        tx, ty = -a - u * tz, -b - v * tz
        depth = -tz - turned[2]
        if not depth.min() > 0:  # a point behind the camera
            return None
        error = (turned[:2] + np.array([[tx], [ty]])) / depth - seen
        residual = focal * math.sqrt(sum(((error * error) @ shares).tolist()))
        return HeadPose(quaternion, (tx / 100, ty / 100, tz / 100), residual)


def _quaternion(matrix: F64) -> _Quaternion | None:
    """The unit quaternion x, y, z, w (w >= 0) of a rotation matrix, None of what is far from one (Shepperd 1978)."""
    (a, b, c), (d, e, f), (g, h, i) = matrix.tolist()
    if not 1 < math.hypot(a, b, c, d, e, f, g, h, i) < 3:  # the square root of 3 in a rotation
        return None
    parts = (1 + a - e - i, 1 - a + e - i, 1 - a - e + i, 1 + a + e + i)
    largest = max(range(4), key=parts.__getitem__)
    rows = (
        (parts[0], b + d, c + g, h - f),
        (b + d, parts[1], f + h, c - g),
        (c + g, f + h, parts[2], d - b),
        (h - f, c - g, d - b, parts[3]),
    )
    x, y, z, w = rows[largest]
    norm = math.copysign(math.hypot(x, y, z, w), w)
    return x / norm, y / norm, z / norm, w / norm


def _shipped(name: str, section: Section) -> F32:
    path = resources.files("mien") / "data" / f"canonical_{name}.json"
    if not name.isalnum() or not path.is_file():
        raise BundleError(
            "manifest.field", f"{section.path}.canonical: {name!r} is neither a member nor a shipped face.", ""
        )
    rows = json.loads(path.read_text("utf-8"))["points"]
    return np.array([[x, y, z, weight] for x, y, z, weight in rows], np.float32)
