"""Relief: things modelled as heights above a picture and lit as if they were solid. What negatives are made of.

A stage has coordinates of its own: x right, y down, z towards the viewer, 1 the thing's half size, turned with it. What
is put on it is nearest where its z is largest, as in a depth buffer; what is painted changes the colour alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from training.performer.backgrounds import fractal

F32 = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]
Colour = npt.NDArray[np.floating] | Sequence[float]
Place = tuple[float, float]
Window = tuple[slice, slice]

_FINE = 2  # pixels of the stage for one of the picture, in each direction
_FLOOR = -10.0  # z where nothing stands


def smooth(values: F32, sigma: float) -> F32:
    """A Gaussian blur (rows, columns) whose cost does not grow with sigma: wide ones are made on a smaller picture."""
    rows, columns = values.shape
    step = max(1, int(sigma / 2))
    if step == 1:
        return np.asarray(cv2.GaussianBlur(values, (0, 0), max(sigma, 0.5)), np.float32)
    size = (max(columns // step, 4), max(rows // step, 4))
    small = cv2.GaussianBlur(cv2.resize(values, size, interpolation=cv2.INTER_AREA), (0, 0), sigma / step)
    return np.asarray(cv2.resize(small, (columns, rows), interpolation=cv2.INTER_CUBIC), np.float32)


class Relief:
    """A stage for one thing in a picture.

    Args:
        shape: (height, width) of the picture. centre: where the thing is, fractions of the picture, x and y.
        size: the thing's half size, pixels of the picture. roll: radians by which it is turned, clockwise on screen.
    """

    def __init__(self, shape: tuple[int, int], centre: Place, size: float, roll: float = 0.0) -> None:
        rows, columns = shape[0] * _FINE, shape[1] * _FINE
        self.unit = max(size * _FINE, 2.0)
        self._middle = np.array([centre[0] * columns, centre[1] * rows])
        c, s = math.cos(roll), math.sin(roll)
        self._turn = np.array([[c, -s], [s, c]])
        x = (np.arange(columns, dtype=np.float32)[None, :] - np.float32(self._middle[0])) / np.float32(self.unit)
        y = (np.arange(rows, dtype=np.float32)[:, None] - np.float32(self._middle[1])) / np.float32(self.unit)
        self.x: F32 = np.asarray(c * x + s * y, np.float32)
        self.y: F32 = np.asarray(-s * x + c * y, np.float32)
        self.z: F32 = np.full((rows, columns), _FLOOR, np.float32)
        self.colour: F32 = np.zeros((rows, columns, 3), np.float32)
        self.gloss: F32 = np.zeros((rows, columns), np.float32)

    @property
    def solid(self) -> Bool:
        """Where something stands, bool (rows, columns) of the stage."""
        return np.asarray(self.z > _FLOOR)

    def _window(self, centre: Place, reach: float) -> Window:
        """The part of the stage within `reach` of a place."""
        column, row = self._middle + self._turn @ np.array(centre) * self.unit
        far = reach * self.unit + 2
        rows, columns = self.z.shape
        return (
            slice(int(np.clip(row - far, 0, rows)), int(np.clip(row + far + 1, 0, rows))),
            slice(int(np.clip(column - far, 0, columns)), int(np.clip(column + far + 1, 0, columns))),
        )

    def _ellipse(self, at: Window, centre: Place, axes: Place, turn: float, power: float) -> F32:
        """0 at the centre, 1 on the (super)ellipse's rim."""
        x, y = self.x[at] - np.float32(centre[0]), self.y[at] - np.float32(centre[1])
        c, s = math.cos(turn), math.sin(turn)
        u, v = np.abs(c * x + s * y) / float(axes[0]), np.abs(c * y - s * x) / float(axes[1])
        return np.asarray((u**power + v**power) ** (1 / power), np.float32)

    def _put(self, at: Window, z: F32, colour: Colour, gloss: float) -> None:
        win = z > self.z[at]
        self.z[at][win] = z[win]
        self.colour[at][win] = np.asarray(colour, np.float32)
        self.gloss[at][win] = gloss

    def ball(
        self, centre: Place, axes: Place, colour: Colour, *, z: float = 0.0, depth: float | None = None,
        turn: float = 0.0, power: float = 2.0, gloss: float = 0.05,
    ) -> None:  # fmt: skip
        """Half an ellipsoid: `axes` across, `depth` high (None: the smaller axis); power above 2 makes it boxy."""
        at = self._window(centre, max(axes) * 1.5)
        r = self._ellipse(at, centre, axes, turn, power)
        high = min(axes) if depth is None else depth
        dome = z + high * np.maximum(1 - r**power, 0) ** (1 / power)
        self._put(at, np.where(r < 1, dome, _FLOOR).astype(np.float32), colour, gloss)

    def rod(
        self, start: Place, end: Place, radii: Place, colour: Colour, *, z: float = 0.0, rise: float = 0.0,
        gloss: float = 0.05,
    ) -> None:  # fmt: skip
        """A rod with round ends whose radius goes from one to the other; its far end lies `rise` higher."""
        along = np.subtract(end, start)
        length = max(float(np.hypot(*along)), 1e-3)
        middle = (float(start[0] + along[0] / 2), float(start[1] + along[1] / 2))
        at = self._window(middle, length / 2 + max(radii))
        x, y = self.x[at] - np.float32(start[0]), self.y[at] - np.float32(start[1])
        t = np.clip((x * along[0] + y * along[1]) / length**2, 0, 1)
        radius = radii[0] + t * (radii[1] - radii[0])
        away = np.hypot(x - t * along[0], y - t * along[1])
        top = z + rise * t + np.sqrt(np.maximum(radius**2 - away**2, 0))
        self._put(at, np.where(away < radius, top, _FLOOR).astype(np.float32), colour, gloss)

    def spot(
        self, centre: Place, axes: Place, colour: Colour, *, turn: float = 0.0, soft: float = 0.08, amount: float = 1.0,
        power: float = 2.0, dent: float = 0.0, gloss: float | None = None,
    ) -> None:  # fmt: skip
        """Paints an ellipse onto what stands there; `dent` presses it in (below 0: lifts it)."""
        at = self._window(centre, max(axes) * (1.5 + soft))
        r = self._ellipse(at, centre, axes, turn, power)
        mask = np.clip((1 + soft - r) / (2 * soft + 1e-6), 0, 1) * amount * self.solid[at]
        self._paint(at, mask.astype(np.float32), colour, gloss)
        if dent:
            self.z[at] -= np.where(self.solid[at], dent * np.maximum(1 - r * r, 0), 0).astype(np.float32)

    def line(
        self, points: Sequence[Place], width: float, colour: Colour, *, dent: float = 0.0, amount: float = 1.0
    ) -> None:
        """Paints a line through points; `dent` makes it a groove (below 0: a ridge)."""
        low, high = np.min(points, axis=0), np.max(points, axis=0)
        centre = (float((low[0] + high[0]) / 2), float((low[1] + high[1]) / 2))
        at = self._window(centre, float(np.hypot(*(high - low))) / 2 + 3 * width)
        x, y = self.x[at], self.y[at]
        away = np.full(x.shape, np.inf, np.float32)
        for a, b in pairwise(points):
            step = np.subtract(b, a)
            t = np.clip(((x - a[0]) * step[0] + (y - a[1]) * step[1]) / max(float(step @ step), 1e-9), 0, 1)
            away = np.minimum(away, np.hypot(x - a[0] - t * step[0], y - a[1] - t * step[1]))
        profile = np.exp(-((away / width) ** 2) * 2)
        self._paint(at, (np.clip(1.6 * profile, 0, 1) * amount * self.solid[at]).astype(np.float32), colour, None)
        if dent:
            self.z[at] -= np.where(self.solid[at], dent * profile, 0).astype(np.float32)

    def _paint(self, at: Window, mask: F32, colour: Colour, gloss: float | None) -> None:
        self.colour[at] += mask[..., None] * (np.asarray(colour, np.float32) - self.colour[at])
        if gloss is not None:
            self.gloss[at] += mask * (gloss - self.gloss[at])

    def sheet(self, z: F32, colour: F32, gloss: float = 0.0) -> None:
        """Covers the whole stage with a surface: z (rows, columns), colour (rows, columns, 3) or (3,)."""
        self.z[:], self.colour[:], self.gloss[:] = z, colour, gloss

    def grain(self, rng: np.random.Generator, amount: float, rough: float = 0.0, stretch: float = 1.0) -> None:
        """Uneven colour and, where `rough`, an uneven surface; `stretch` draws the grain out into fur or wood."""
        rows, columns = self.z.shape
        noise = fractal(rng, max(int(rows / stretch), 8), columns) - 0.5
        noise = cv2.resize(noise, (columns, rows), interpolation=cv2.INTER_LINEAR)
        if stretch > 1:
            turn = cv2.getRotationMatrix2D((columns / 2, rows / 2), float(rng.uniform(0, 360)), 1.5)
            noise = cv2.warpAffine(noise, turn, (columns, rows), borderMode=cv2.BORDER_REFLECT)
        self.colour *= (1 + 2 * amount * noise)[..., None]
        if rough:
            self.z += np.where(self.solid, rough * noise, 0).astype(np.float32)

    def onto(self, canvas: F32, rng: np.random.Generator, flat: bool = False) -> None:
        """Lights the thing from somewhere and lays it over a picture, linear RGB float32 (H, W, 3), with its shadow.

        Args:
            flat: it is drawn or printed, and no light falls on it.
        """
        if not self.solid.any():
            return
        fine, part = self._bounds()
        solid = self.solid[fine]
        shown = self.colour[fine] if flat else self._lit(rng, fine)
        alpha = solid.astype(np.float32)
        below = canvas[part]
        size = (below.shape[1], below.shape[0])
        cover = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)
        front = cv2.resize(shown * alpha[..., None], size, interpolation=cv2.INTER_AREA)
        if not flat:
            blur = max(self.unit / _FINE * rng.uniform(0.05, 0.2), 0.5)
            shift = np.array([[1, 0, rng.normal(0, blur)], [0, 1, abs(rng.normal(0, blur))]], np.float32)
            shadow = smooth(cv2.warpAffine(cover, shift, size), blur)
            below *= 1 - rng.uniform(0, 0.6) * shadow[..., None]
        below *= 1 - cover[..., None]
        below += front

    def _bounds(self) -> tuple[Window, Window]:
        """The window of the stage and of the picture in which the thing and its shadow lie."""
        margin = int(self.unit / _FINE * 0.7) + 2
        ends = []
        for axis in (0, 1):
            there = np.flatnonzero(self.solid.any(1 - axis)) // _FINE
            most = self.z.shape[axis] // _FINE
            ends.append((max(int(there[0]) - margin, 0), min(int(there[-1]) + margin + 1, most)))
        (top, bottom), (left, right) = ends
        return (
            (slice(top * _FINE, bottom * _FINE), slice(left * _FINE, right * _FINE)),
            (slice(top, bottom), slice(left, right)),
        )

    def _lit(self, rng: np.random.Generator, at: Window) -> F32:
        """The colours of a window under a lamp and an ambient light."""
        z, solid = self.z[at], self.solid[at]
        height = smooth(np.where(solid, z, z[solid].min()) * np.float32(self.unit), self.unit * 0.008)
        dx = cv2.Sobel(height, cv2.CV_32F, 1, 0, scale=1 / 8)
        dy = cv2.Sobel(height, cv2.CV_32F, 0, 1, scale=1 / 8)
        long = np.sqrt(dx * dx + dy * dy + 1)
        way = np.array([rng.normal(0, 0.6), rng.normal(-0.5, 0.5), rng.uniform(0.3, 1.2)], np.float32)
        way /= np.linalg.norm(way)
        half = way + np.array([0, 0, 1], np.float32)
        half /= np.linalg.norm(half)
        facing = np.maximum((way[2] - way[0] * dx - way[1] * dy) / long, 0)
        shine = np.maximum((half[2] - half[0] * dx - half[1] * dy) / long, 0) ** float(rng.uniform(10, 80))
        around, lamp = float(rng.uniform(0.15, 0.6)), float(rng.uniform(0.5, 1.0))
        hollow = smooth(height, self.unit * 0.12) - height
        sky = np.clip(1 - hollow / (self.unit * 0.5), 0.35, 1.1)
        light = around * (0.6 + 0.4 / long) * sky + lamp * facing * np.clip(sky, 0.6, 1)
        return np.asarray(self.colour[at] * light[..., None] + (self.gloss[at] * shine * (4 * lamp))[..., None])
