"""Patches: pieces of skin on which a sensor is glued, and how expression moves them.

A point of the mesh is linear in the coefficients, and so are the two edges that span a patch around it: for a person a
set of patches is one matrix, and hours of motion are one matrix product. No picture is rendered.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from mien.kinematics import axes
from mien.layouts import ARKIT52

from training.performer.assets import facekit
from training.performer.head import Head

F64 = npt.NDArray[np.float64]

RADIUS = 0.45  # cm: a sensor of 3 mm on a flexible board follows the skin that it covers, not one triangle
_UP = np.array([0.0, 1.0, 0.0])


@dataclass(frozen=True)
class Place:
    """A point of the skin: barycentric coordinates in a triangle of the face model.

    Attributes:
        name: of the sensor. vertices: of the triangle. weights: of its corners, sum 1.
    """

    name: str
    vertices: tuple[int, int, int]
    weights: tuple[float, float, float]


@lru_cache(maxsize=1)
def _skin() -> tuple[F64, npt.NDArray[np.intp]]:
    """The average person's vertices and the indices of those that are skin of the face."""
    kit = facekit()
    return kit.neutral.astype(np.float64), kit.vertices_of("face").astype(np.intp)


@dataclass(frozen=True, eq=False)
class Patch:
    """Linear functionals of the vertices.

    Attributes:
        vertices: int (N,). weights: float64 (N, 3): of the centre, of the edge along x, of the edge along y.
        frame: float64 (3, 3), columns x, y, z: the axes on the average person; z leaves the skin, y points up, x to the
            person's left.
    """

    vertices: npt.NDArray[np.intp]
    weights: F64
    frame: F64


def patch(place: Place, shift: tuple[float, float] = (0.0, 0.0)) -> Patch:
    """The patch around a place, `shift` centimetres along its x and y axes beside it (a sensor glued askew)."""
    mean, skin = _skin()
    normal = _normal(place)
    y = _UP - normal * (normal @ _UP)
    y /= np.linalg.norm(y)
    x = np.cross(y, normal)
    centre = np.asarray(place.weights) @ mean[list(place.vertices)] + shift[0] * x + shift[1] * y
    distance = np.linalg.norm(mean[skin] - centre, axis=1)
    near = skin[distance < max(2 * RADIUS, np.sort(distance)[7])]
    offset = mean[near] - centre
    weight = np.exp(-0.5 * (np.linalg.norm(offset, axis=1) / RADIUS) ** 2)
    # Weighted least squares of position over the tangent coordinates: an intercept and two slopes, linear in vertices.
    design = np.column_stack([np.ones(len(near)), offset @ x, offset @ y])
    gram = design.T @ (design * weight[:, None])
    rows = np.linalg.solve(gram, (design * weight[:, None]).T)
    frame = axes(rows[1] @ mean[near], rows[2] @ mean[near])
    return Patch(near, rows.T, frame)


def _normal(place: Place) -> F64:
    mean, skin = _skin()
    centre = np.asarray(place.weights) @ mean[list(place.vertices)]
    near = skin[np.linalg.norm(mean[skin] - centre, axis=1) < 2 * RADIUS]
    spread = mean[near] - mean[near].mean(0)
    normal = np.linalg.svd(spread)[2][2]
    outward = centre - np.array([0.0, 0.0, 2.0])  # the face surrounds a point inside the skull
    return np.asarray(normal * np.sign(normal @ outward))


@dataclass(frozen=True, eq=False)
class Motion:
    """How the patches of one person move: metres, head axes (+x the person's left, +y up, +z out of the face).

    Attributes:
        rest: float64 (S, 9): position, edge along x, edge along y at rest.
        shapes: float64 (52, S, 9): what a coefficient of 1 adds.
    """

    rest: F64
    shapes: F64

    def at(self, coefficients: F64) -> tuple[F64, F64]:
        """Positions (T, S, 3) and frames (T, S, 3, 3), patch to head, for coefficients (T, 52)."""
        flat = self.rest.reshape(1, -1) + coefficients @ self.shapes.reshape(len(self.shapes), -1)
        parts = flat.reshape(len(coefficients), -1, 3, 3)
        return parts[:, :, 0], axes(parts[:, :, 1], parts[:, :, 2])

    def positions(self, coefficients: F64) -> F64:
        """Positions alone, (T, S, 3)."""
        shapes = self.shapes[:, :, :3].reshape(len(self.shapes), -1)
        flat = self.rest[:, :3].reshape(1, -1) + coefficients @ shapes
        return flat.reshape(len(coefficients), -1, 3)


def motion(head: Head, patches: list[Patch]) -> Motion:
    """The patches on this person; a blink of 1 closes their eye, as in `Head`."""
    kit = facekit()
    rest = np.stack([(p.weights.T @ head.neutral[p.vertices]).reshape(9) for p in patches])
    shapes = np.stack(
        [np.einsum("nk,cnd->ckd", p.weights, kit.expressions[:, p.vertices]).reshape(-1, 9) for p in patches], axis=1
    )
    for k, side in enumerate(("Left", "Right")):
        shapes[ARKIT52.index(f"eyeBlink{side}")] *= head._blink_gain[k]
    return Motion(rest / 100, shapes / 100)
