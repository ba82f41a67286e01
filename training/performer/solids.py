"""Small building blocks of geometry: grids, tubes, boxes, lids, and what joins them into a Mesh."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from training.performer.mesh import F32, I32, Mesh

Part = tuple[F32, I32]
Numbers = npt.NDArray[np.floating] | float


@cache
def grid(rows: int, columns: int, closed: bool = False) -> I32:
    """Triangles (T, 3) of a grid of vertices stored row by row, outside where rows run down and columns to the right.

    With `closed` the last column joins the first.
    """
    index = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    if closed:
        index = np.concatenate([index, index[:, :1]], axis=1)
    a, b, c, d = index[:-1, :-1], index[1:, :-1], index[:-1, 1:], index[1:, 1:]
    triangles = np.stack([np.stack([a, b, c], axis=-1), np.stack([c, b, d], axis=-1)], axis=2).reshape(-1, 3)
    triangles.setflags(write=False)
    return triangles


def smooth(x: Numbers) -> F32:
    """0 below 0, 1 above 1, with slopes that join (3 x^2 - 2 x^3)."""
    x = np.clip(x, 0, 1)
    return np.asarray(x * x * (3 - 2 * x), np.float32)


def unit(v: npt.ArrayLike) -> F32:
    """Vectors (..., 3) at length 1; null vectors stay null."""
    v = np.asarray(v, np.float32)
    return np.asarray(v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-9), np.float32)


def tube(path: npt.ArrayLike, radius: npt.ArrayLike, sides: int = 6, up: npt.ArrayLike = (0.0, 1.0, 0.0)) -> Part:
    """A tube along `path` (N, 3), with closed ends.

    Args:
        radius: what broadcasts to (N, 2): the section's half axes, across and along `up`.
        up: the direction that the section's second axis leans to; not parallel to the path.
    """
    path = np.asarray(path, np.float32)
    radius = np.broadcast_to(np.asarray(radius, np.float32), (len(path), 2))
    tangent = unit(np.gradient(path, axis=0))
    side = unit(np.cross(tangent, np.asarray(up, np.float32)))
    top = np.cross(side, tangent)
    turn = np.arange(sides) * (2 * np.pi / sides)
    ring = (
        np.cos(turn)[:, None] * (side * radius[:, :1])[:, None] + np.sin(turn)[:, None] * (top * radius[:, 1:])[:, None]
    )
    vertices = np.concatenate([(path[:, None] + ring).reshape(-1, 3), path[:1], path[-1:]])
    around = np.arange(sides, dtype=np.int32)
    after, first, last = (around + 1) % sides, len(vertices) - 2, len(vertices) - 1
    end = (len(path) - 1) * sides
    triangles = np.concatenate(
        [
            grid(len(path), sides, True),
            np.stack([np.full(sides, first), around, after], axis=1),
            np.stack([np.full(sides, last), end + after, end + around], axis=1),
        ]
    )
    return vertices.astype(np.float32), triangles.astype(np.int32)


def ring(path: npt.ArrayLike, radius: Numbers, sides: int = 6, up: npt.ArrayLike = (0.0, 0.0, 1.0)) -> Part:
    """A tube along a closed `path` (N, 3) whose last point is not the first; `radius` a number or (2,) as in `tube`."""
    path = np.asarray(path, np.float32)
    section = np.broadcast_to(np.asarray(radius, np.float32), (2,))
    tangent = unit(np.roll(path, -1, axis=0) - np.roll(path, 1, axis=0))
    side = unit(np.cross(tangent, np.asarray(up, np.float32)))
    top = np.cross(side, tangent)
    turn = np.arange(sides) * (2 * np.pi / sides)
    offset = np.cos(turn)[:, None] * side[:, None] * section[0] + np.sin(turn)[:, None] * top[:, None] * section[1]
    rows = np.concatenate([path, path[:1]])[:, None] + np.concatenate([offset, offset[:1]])
    return rows.reshape(-1, 3).astype(np.float32), np.array(grid(len(path) + 1, sides, True))


def egg(centre: npt.ArrayLike, radii: npt.ArrayLike, rows: int = 9, columns: int = 14) -> Part:
    """An ellipsoid with its axes along x, y, z."""
    polar, azimuth = np.meshgrid(
        np.linspace(1e-3, np.pi - 1e-3, rows), np.arange(columns) * (2 * np.pi / columns), indexing="ij"
    )
    d = np.stack([np.sin(polar) * np.sin(azimuth), np.cos(polar), np.sin(polar) * np.cos(azimuth)], axis=-1)
    vertices = np.asarray(centre) + d.reshape(-1, 3) * np.asarray(radii)
    return vertices.astype(np.float32), np.array(grid(rows, columns, True))


def box(size: npt.ArrayLike, cell: float = 1.0) -> Part:
    """A box around the origin with edges `size` (3,), its faces grids of cells of about `cell` centimetres."""
    edge = np.asarray(size, np.float32)
    parts = []
    for axis in range(3):
        right, up = (axis + 1) % 3, (axis + 2) % 3
        columns, rows = (int(np.ceil(edge[k] / cell)) + 1 for k in (right, up))
        v, u = np.meshgrid(np.linspace(0.5, -0.5, rows), np.linspace(-0.5, 0.5, columns), indexing="ij")
        for sign in (1.0, -1.0):
            face = np.zeros((v.size, 3))
            face[:, axis], face[:, right], face[:, up] = 0.5 * sign, u.ravel() * sign, v.ravel()
            parts.append(((face * edge).astype(np.float32), grid(rows, columns)))
    return join(parts)


def join(parts: list[Part]) -> Part:
    """Several parts as one, in their order."""
    start = np.cumsum([0] + [len(v) for v, _ in parts[:-1]])
    return (
        np.concatenate([v for v, _ in parts]).astype(np.float32),
        np.concatenate([t + s for (_, t), s in zip(parts, start, strict=True)]).astype(np.int32),
    )


def rotation(axis: npt.ArrayLike, angle: float) -> F32:
    """The rotation (3, 3) by `angle` radians about `axis` (Rodrigues), for column vectors."""
    x, y, z = unit(axis)
    k = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.asarray(np.eye(3) + np.sin(angle) * k + (1 - np.cos(angle)) * k @ k, np.float32)


def paint(part: Part, rgb: npt.ArrayLike, opacity: Numbers = 1.0, gloss: float = 0.1, occluder: bool = True) -> Mesh:
    """A part as a Mesh in one colour (3,) or one per vertex (V, 3); linear RGB, clipped to 0..1."""
    vertices, triangles = part
    colour = np.empty((len(vertices), 4), np.float32)
    colour[:, :3] = np.clip(rgb, 0, 1)
    colour[:, 3] = np.clip(opacity, 0, 1)
    return Mesh(vertices, triangles, colour, gloss, occluder)


def ripple(rng: np.random.Generator, low: float, high: float, *coordinates: F32, count: int = 6) -> F32:
    """Smooth noise about 0 with deviation 1, of the coordinates' shape.

    A sum of `count` waves of `low`..`high` radians per unit. Whole numbers are taken, so that an azimuth may be a
    coordinate without a seam.
    """
    turns = np.rint(rng.uniform(low, high, (count, len(coordinates))) * rng.choice([-1, 1], (count, len(coordinates))))
    phase = rng.uniform(0, 2 * np.pi, count)
    stack = np.stack([c.ravel() for c in coordinates]).astype(np.float32)
    waves = np.sin(turns.astype(np.float32) @ stack + phase[:, None].astype(np.float32))
    return np.asarray(waves.sum(axis=0) * np.sqrt(2 / count), np.float32).reshape(coordinates[0].shape)
