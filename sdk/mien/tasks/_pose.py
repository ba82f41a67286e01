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


class HeadEstimator:
    """Fits the canonical face to landmarks: with their depth (``"depth"``) or without (``"points"``).

    The canonical face is a blob of float32 rows x, y, z (centimetres), weight, one per landmark; or the name of one
    that ships with mien (`data/canonical_*.json`).
    """

    def __init__(self, section: Section, bundle: Bundle, landmarks: int) -> None:
        self._with_depth = section.text("kind", among=("depth", "points")) == "depth"
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

    def pose(self, landmarks: F32, frame: Frame) -> HeadPose | None:
        """The head pose, or None where the landmarks do not determine one."""
        count = len(self._points)
        size = (frame.width, frame.height, self._fov)
        try:
            if self._with_depth:
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


def _shipped(name: str, section: Section) -> F32:
    path = resources.files("mien") / "data" / f"canonical_{name}.json"
    if not name.isalnum() or not path.is_file():
        raise BundleError(
            "manifest.field", f"{section.path}.canonical: {name!r} is neither a member nor a shipped face.", ""
        )
    rows = json.loads(path.read_text("utf-8"))["points"]
    return np.array([[x, y, z, weight] for x, y, z, weight in rows], np.float32)
