"""Region: a rotated rectangle of the frame, and the affine maps between it and a tensor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mien import _native
from mien.errors import BundleError, InputError, ModelError
from mien.manifest import Section
from mien.tasks._network import Affine

F32 = npt.NDArray[np.float32]
Box = tuple[float, float, float, float]


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

    def toward(self, other: Region, slack: float) -> Region:
        """`other`, but for the last `slack` of the way: what moves less than that leaves the region as it is.

        Args:
            slack: of the centre in widths of this region, of the size as a ratio minus 1, of the rotation in radians.
        """
        reach = slack * self.width
        dx, dy = other.cx - self.cx, other.cy - self.cy
        far = math.hypot(dx, dy)
        share = max(far - reach, 0.0) / far if far > 0 else 0.0
        turn = math.remainder(other.rotation - self.rotation, 2 * math.pi)
        return Region(
            self.cx + share * dx,
            self.cy + share * dy,
            _within(other.width, self.width, slack),
            _within(other.height, self.height, slack),
            self.rotation + math.copysign(max(abs(turn) - slack, 0.0), turn),
        )

    def on_grid(self, grid: float) -> Region:
        """The nearest region whose numbers are whole multiples of a step, so that rounding elsewhere does not show.

        Args:
            grid: the step, of the width and in radians, rounded down to a power of two. 0: as it is.
        """
        if grid <= 0 or not grid * self.width > 0:
            return self
        step, turn = (math.ldexp(0.5, math.frexp(value)[1]) for value in (grid * self.width, grid))
        return Region(
            _to_step(self.cx, step),
            _to_step(self.cy, step),
            max(_to_step(self.width, step), step),
            max(_to_step(self.height, step), step),
            _to_step(self.rotation, turn),
        )

    def to_camera(self) -> npt.NDArray[np.float64]:
        """The rotation (3, 3) from the crop's camera axes to the frame's: x right, y up, z towards the viewer."""
        cos, sin = math.cos(self.rotation), math.sin(self.rotation)
        return np.array([[cos, sin, 0.0], [-sin, cos, 0.0], [0.0, 0.0, 1.0]])


def _to_step(value: float, step: float) -> float:
    return math.floor(value / step + 0.5) * step


def _within(new: float, old: float, slack: float) -> float:
    """The size nearest to `old` whose ratio to `new` is at most 1 + slack."""
    return min(max(old, new / (1 + slack)), new * (1 + slack))


def whole_frame(width: int, height: int, columns: int, rows: int, align: str) -> Region:
    """The smallest region of the tensor's aspect ratio that holds the whole frame, centred (a letterbox)."""
    scale = max(width / columns, height / rows)
    half = 0.5 if align == "center" else 0.0
    return Region(width / 2 - half, height / 2 - half, columns * scale, rows * scale)


def hull(points: F32) -> Box:
    """The box x0, y0, x1, y1 around a network's points (N, 2+). Raises ModelError if one lies beyond all bounds."""
    try:
        return _native.points_box(points)
    except InputError as error:
        raise ModelError(
            "model.not_finite",
            "A network gave landmarks beyond all bounds.",
            "Try another engine or precision of this bundle.",
        ) from error


@dataclass(frozen=True)
class Crop:
    """How a box becomes the region that a landmark network wants.

    Attributes:
        scale: factors on width and height. square: the longer side is used for both.
        upright: two points, subject's right and left (the left of an unmirrored picture first), whose line is made
            horizontal; None leaves the region unrotated.
        turned_hull: the box is taken anew around all points in the upright frame, so that a head that rolls keeps its
            place and size in the crop; otherwise it is the box in the picture.
        shift: of the centre, in box heights, downwards.
        slack: of a face that is followed: see `Region.toward`.
        grid: of all regions: see `Region.on_grid`.
    """

    scale: tuple[float, float]
    square: bool
    upright: tuple[int, int] | None
    turned_hull: bool
    shift: float
    slack: float = 0.0
    grid: float = 0.0

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
        turned_hull = section.text("hull", "picture", ("picture", "upright")) == "upright"
        if turned_hull and not pair:
            raise BundleError("manifest.field", f"{section.path}.hull: an upright hull needs `upright`.", "")
        return cls(
            (wide, high),
            section.flag("square", False),
            (pair[0], pair[1]) if pair else None,
            turned_hull,
            section.number("shift", 0.0, -1, 1),
            section.number("slack", 0.0, 0, 0.2),
            section.number("grid", 0.0, 0, 0.1),
        )

    def next(self, region: Region, box: Sequence[float], points: F32) -> Region:
        """The region for the frame after one in which `region` showed this. Raises ModelError as `hull`."""
        wanted = self._around(box, points)
        return (region.toward(wanted, self.slack) if self.slack else wanted).on_grid(self.grid)

    def region(self, box: Sequence[float], points: F32) -> Region:
        """The region around a box (x0, y0, x1, y1), turned by the points (N, 2+). Raises ModelError as `hull`."""
        return self._around(box, points).on_grid(self.grid)

    def _around(self, box: Sequence[float], points: F32) -> Region:
        x0, y0, x1, y1 = box
        rotation = 0.0
        if self.upright:
            (x_right, y_right), (x_left, y_left) = (points[i, :2].tolist() for i in self.upright)
            rotation = math.atan2(y_left - y_right, x_left - x_right)
        if self.turned_hull:
            # About one of the points, so that float32 loses nothing far from the picture's corner.
            cos, sin = math.cos(rotation), math.sin(rotation)
            to_upright = np.array(
                [[cos, sin, -cos * x_right - sin * y_right], [-sin, cos, sin * x_right - cos * y_right]]
            )
            turned = np.empty_like(points)
            _native.points_map(points, to_upright, 1.0, turned)
            x0, y0, x1, y1 = hull(turned)
        width, height = x1 - x0, y1 - y0
        cx, cy = x0 + width / 2, y0 + height / 2 + self.shift * height
        if self.turned_hull:
            cx, cy = x_right + cos * cx - sin * cy, y_right + sin * cx + cos * cy
        if self.square:
            width = height = max(width, height)
        return Region(cx, cy, width * self.scale[0], height * self.scale[1], rotation)
