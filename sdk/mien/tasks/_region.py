"""Region: a rotated rectangle of the frame, and the affine maps between it and a tensor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mien.errors import BundleError
from mien.manifest import Section
from mien.tasks._network import Affine

F32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Region:
    """Centre, size and rotation (radians, clockwise on screen), in frame pixels with integers at pixel centres."""

    cx: float
    cy: float
    width: float
    height: float
    rotation: float = 0.0

    def affine(self, columns: int, rows: int, align: str) -> Affine:
        """Maps tensor pixel indices to frame pixel indices (2, 3). `align` as in `ImageInput`."""
        shift = 0.5 if align == "center" else 0.0
        sx, sy = self.width / columns, self.height / rows
        cos, sin = math.cos(self.rotation), math.sin(self.rotation)
        x0, y0 = (shift - columns / 2) * sx, (shift - rows / 2) * sy
        return np.array(
            [
                [cos * sx, -sin * sy, self.cx + cos * x0 - sin * y0],
                [sin * sx, cos * sy, self.cy + sin * x0 + cos * y0],
            ]
        )


def whole_frame(width: int, height: int, columns: int, rows: int, align: str) -> Region:
    """The smallest region of the tensor's aspect ratio that holds the whole frame, centred (a letterbox)."""
    scale = max(width / columns, height / rows)
    half = 0.5 if align == "center" else 0.0
    return Region(width / 2 - half, height / 2 - half, columns * scale, rows * scale)


@dataclass(frozen=True)
class Crop:
    """How a box becomes the region that a landmark network wants.

    Attributes:
        scale: factors on width and height. square: the longer side is used for both.
        upright: two points, subject's right and left (the left of an unmirrored picture first), whose line is made
            horizontal; None leaves the region unrotated.
        shift: of the centre, in box heights, downwards.
    """

    scale: tuple[float, float]
    square: bool
    upright: tuple[int, int] | None
    shift: float

    @classmethod
    def parse(cls, section: Section, points: int) -> Crop:
        """Reads it from the manifest; `points` is how many there are to turn by. Raises BundleError."""
        wide, high = section.numbers("scale", 2)
        if not 0.01 <= min(wide, high) <= max(wide, high) <= 100:
            raise BundleError("manifest.field", f"{section.path}.scale: expected factors in 0.01..100.", "")
        pair = section.integers("upright", 2) if "upright" in section else None
        if pair and not 0 <= min(pair) <= max(pair) < points:
            raise BundleError(
                "manifest.field", f"{section.path}.upright: {pair} are not all within {points} points.", ""
            )
        return cls(
            (wide, high),
            section.flag("square", False),
            (pair[0], pair[1]) if pair else None,
            section.number("shift", 0.0, -1, 1),
        )

    def region(self, box: Sequence[float], points: F32) -> Region:
        """The region around a box (x0, y0, x1, y1), turned by the points (N, 2+)."""
        x0, y0, x1, y1 = box
        width, height = x1 - x0, y1 - y0
        cx, cy = x0 + width / 2, y0 + height / 2 + self.shift * height
        rotation = 0.0
        if self.upright:
            (x_right, y_right), (x_left, y_left) = (points[i, :2].tolist() for i in self.upright)
            rotation = math.atan2(y_left - y_right, x_left - x_right)
        if self.square:
            width = height = max(width, height)
        return Region(cx, cy, width * self.scale[0], height * self.scale[1], rotation)
