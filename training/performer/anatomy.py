"""Where things sit on a head: what hair, wear and occluders share.

Owns `Head` (one identity, neutral pose), `Shell` (a thing that rides on the skin) and `Ball` (the head as seen from a
point inside the skull, as a grid of directions, on which hair, hats and hoods are laid). The constant index sets come
once per process from the ICT neutral (`anatomy()`); per identity only gathers remain.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from training.performer.assets import facekit
from training.performer.mesh import F32, I32, Mesh

CENTRE = np.array(
    [0.0, 4.5, 1.0], np.float32
)  # inside the skull of the neutral; every ray from it leaves the head once
ROWS, COLUMNS = 45, 96  # directions of the ball: polar angle 0..165 degrees, azimuth all around
POLAR_MAX = np.radians(165.0)
_TILT = np.radians(25.0)  # the pole is the whorl: above and behind the middle of the skull
_AXES = np.array(
    [[1, 0, 0], [0, np.cos(_TILT), -np.sin(_TILT)], [0, np.sin(_TILT), np.cos(_TILT)]], np.float32
)  # rows: side, pole, front


@dataclass(frozen=True, eq=False)
class Head:
    """One identity in neutral pose.

    Attributes:
        vertices: float32 (26719, 3), model centimetres, ICT topology.
        triangles: int32 (T, 3), what the renderer draws of it.
        landmarks: float32 (68, 3), the iBUG-68 points on it.
    """

    vertices: F32
    triangles: I32
    landmarks: F32


@dataclass(frozen=True, eq=False)
class Shell:
    """Triangles that ride on the skin: every vertex is an affine function of three vertices of the deformed head.

    Attributes:
        indices: int32 (V, 3), vertices of the head.
        weights: float32 (V, 3); the sum is how far the vertex follows the skin (1 hair, less for stiff cloth).
        base: float32 (V, 3), centimetres: what is added (offset from the skin, and the part that does not follow).
        triangles: int32 (T, 3), into the shell's own vertices, counter-clockwise seen from outside.
        colour: float32 (V, 4), as in Mesh.
        gloss, occluder, two_sided: as in Mesh.
    """

    indices: I32
    weights: F32
    base: F32
    triangles: I32
    colour: F32
    gloss: float = 0.1
    occluder: bool = True
    two_sided: bool = True

    def place(self, vertices: F32) -> F32:
        """Where the shell lies, float32 (V, 3), when the head's vertices are `vertices` (26719, 3)."""
        moved: F32 = np.einsum("vk,vkc->vc", self.weights, vertices[self.indices])
        return self.base + moved

    def mesh(self, vertices: F32) -> Mesh:
        """The shell as a Mesh on a deformed head (26719, 3)."""
        return Mesh(self.place(vertices), self.triangles, self.colour, self.gloss, self.occluder, self.two_sided)


def shell_on(
    head: Head,
    indices: I32,
    weights: F32,
    rest: F32,
    follow: F32,
    triangles: I32,
    colour: F32,
    occluder: bool,
    gloss: float = 0.1,
) -> Shell:
    """A Shell that lies at `rest` (V, 3) on the neutral head and follows its anchors by `follow` (V,), 0..1."""
    weights = (weights * follow[:, None]).astype(np.float32)
    base = rest - np.einsum("vk,vkc->vc", weights, head.vertices[indices])
    return Shell(indices, weights, base.astype(np.float32), triangles, colour.astype(np.float32), gloss, occluder)


@dataclass(frozen=True, eq=False)
class Anatomy:
    """What is the same for every identity.

    Attributes:
        neutral: float32 (26719, 3), the ICT neutral.
        skin: int32 (T, 3), triangles of face, head and neck.
        face: int32 (T, 3), those of the face region only.
        indices, weights: int32, float32 (2, ROWS * COLUMNS, 3): where the ball's rays leave the head, without the ears
            and with them.
        missing: for both, the rays that leave through a hole (ear, eye, below the neck).
        fill: for both, float32 (len(missing), ROWS * COLUMNS): the smooth surface across the holes.
        ear: int32 (2,): the vertex on which spectacles rest, [left, right]; lobe likewise for earrings.
        landmarks: int32 (68,): the vertices of the iBUG-68 points.
        bust: int32 (B,): the vertices of neck base and shoulders.
    """

    neutral: F32
    skin: I32
    face: I32
    indices: I32
    weights: F32
    missing: tuple[I32, I32]
    fill: tuple[F32, F32]
    ear: I32
    lobe: I32
    landmarks: I32
    bust: I32


def normals(vertices: F32, triangles: I32) -> F32:
    """Unit normals (V, 3), area weighted; zero where a vertex has no triangle."""
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    n = np.cross(b - a, c - a)
    out = np.stack([np.bincount(triangles.ravel(), np.repeat(n[:, k], 3), len(vertices)) for k in range(3)], axis=1)
    return np.asarray(out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-9), np.float32)


def direction(polar: F32, azimuth: F32) -> F32:
    """Unit vectors (..., 3): polar angle from the whorl, azimuth 0 in front and positive to the subject's left."""
    local = np.stack([np.sin(polar) * np.sin(azimuth), np.cos(polar), np.sin(polar) * np.cos(azimuth)], axis=-1)
    return np.asarray(local @ _AXES, np.float32)


def angles(points: F32) -> tuple[F32, F32]:
    """Polar angle and azimuth of points (..., 3) seen from CENTRE; the inverse of `direction`."""
    local = (points - CENTRE) @ _AXES.T
    return (
        np.arctan2(np.hypot(local[..., 0], local[..., 2]), local[..., 1]).astype(np.float32),
        np.arctan2(local[..., 0], local[..., 2]).astype(np.float32),
    )


@dataclass(frozen=True, eq=False)
class Ball:
    """The surface of one head over directions: float32 (ROWS, COLUMNS + 1, 3), the last column repeats the first."""

    points: F32

    def at(self, polar: F32, azimuth: F32) -> F32:
        """Points (..., 3) on the surface, interpolated bilinearly; polar in 0..POLAR_MAX, azimuth in radians."""
        row = np.clip(polar * ((ROWS - 1) / POLAR_MAX), 0, ROWS - 1.001)
        column = (azimuth * (COLUMNS / (2 * np.pi))) % COLUMNS
        i, j = row.astype(np.int32), np.minimum(column.astype(np.int32), COLUMNS - 1)
        v, u = (row - i)[..., None].astype(np.float32), (column - j)[..., None].astype(np.float32)
        flat, k = self.points.reshape(-1, 3), i * (COLUMNS + 1) + j
        near = flat[k] * (1 - u) + flat[k + 1] * u
        far = flat[k + COLUMNS + 1] * (1 - u) + flat[k + COLUMNS + 2] * u
        return np.asarray(near * (1 - v) + far * v, np.float32)

    def outside(self, points: F32, gap: float | F32, slack: float | F32 = np.inf) -> F32:
        """The points (N, 3), moved along their rays to where they are `gap` to `gap + slack` centimetres outside.

        `gap` and `slack` are numbers or (N,).
        """
        away = points - CENTRE
        distance = np.maximum(np.linalg.norm(away, axis=-1), 1e-6)
        least = np.linalg.norm(self.at(*angles(points)) - CENTRE, axis=-1) + gap
        wanted = np.clip(distance, least, least + slack)
        return np.asarray(CENTRE + away * (wanted / distance)[:, None], np.float32)


def taut(points: F32, rounds: int) -> F32:
    """A grid (rows, columns, 3) of points as cloth that spans hollows: moved outwards along their rays."""
    away = points - CENTRE
    distance = np.linalg.norm(away, axis=-1)
    lifted = distance.copy()
    for _ in range(rounds):
        lifted[1:-1] = np.maximum(lifted[1:-1], (lifted[:-2] + lifted[2:]) / 2)
        lifted[:, 1:-1] = np.maximum(lifted[:, 1:-1], (lifted[:, :-2] + lifted[:, 2:]) / 2)
    return np.asarray(CENTRE + away * (lifted / distance)[..., None], np.float32)


def ball(head: Head, ears: bool = False) -> Ball:
    """The ball of one head; `ears` keeps the ears (what covers them), else the skull runs through under them."""
    known = anatomy()
    points = np.einsum("vk,vkc->vc", known.weights[int(ears)], head.vertices[known.indices[int(ears)]])
    missing, fill = known.missing[int(ears)], known.fill[int(ears)]
    points[missing] = fill @ points
    grid = points.reshape(ROWS, COLUMNS, 3)
    return Ball(np.concatenate([grid, grid[:, :1]], axis=1).astype(np.float32))


@cache
def anatomy() -> Anatomy:
    """The constant index sets, computed once per process from the ICT neutral (about 0.5 s).

    Raises:
        TrainingError: the asset is missing.
    """
    kit = facekit()
    neutral = kit.neutral
    body = np.isin(kit.region, [kit.region_names.index(name) for name in ("face", "head_neck")])
    skin = kit.triangles[body[kit.triangles].all(axis=1)]
    x, y, z = neutral.T
    ear = (np.abs(x) > 7.2) & (z < 3.6) & (z > -2) & (y < 4.2) & (y > -2.2)
    above = (neutral[skin, 1] > -9).all(axis=1)
    hits = [_cast(neutral, skin[above & keep]) for keep in (~ear[skin].any(axis=1), np.ones(len(skin), bool))]
    fills = [_fill(weights) for _, weights in hits]
    side = [np.where(ear & (s * x > 0))[0] for s in (1, -1)]
    return Anatomy(
        neutral,
        skin,
        skin[np.isin(skin, kit.vertices_of("face")).all(axis=1)],
        np.stack([i for i, _ in hits]),
        np.stack([w for _, w in hits]),
        (fills[0][0], fills[1][0]),
        (fills[0][1], fills[1][1]),
        np.array([_nearest(neutral, i, (k * 7.5, 3.2, 1.6)) for i, k in zip(side, (1, -1), strict=True)], np.int32),
        np.array([_nearest(neutral, i, (k * 7.9, -1.6, 1.3)) for i, k in zip(side, (1, -1), strict=True)], np.int32),
        kit.landmarks,
        np.flatnonzero(body & (y < -11.5)).astype(np.int32),
    )


def _nearest(vertices: F32, among: npt.NDArray[np.intp], point: tuple[float, float, float]) -> int:
    return int(among[np.argmin(np.linalg.norm(vertices[among] - point, axis=1))])


def _cast(vertices: F32, triangles: I32) -> tuple[I32, F32]:
    """Outermost triangle on each of the ball's rays: corner indices and barycentric weights (R, 3), zeros on a miss."""
    corners = vertices[triangles] - CENTRE
    volume = np.abs(np.linalg.det(corners)) > 1e-6
    triangles, corners = triangles[volume], corners[volume]
    inverse = np.linalg.inv(corners.transpose(0, 2, 1))
    centroid = corners.mean(axis=1)
    # a triangle seen from the centre spans far less than this, so that only those near a ray are tried
    centroid = centroid / np.linalg.norm(centroid, axis=1, keepdims=True)
    indices = np.zeros((ROWS * COLUMNS, 3), np.int32)
    weights = np.zeros((ROWS * COLUMNS, 3), np.float32)
    polar, azimuth = np.meshgrid(
        np.linspace(0, POLAR_MAX, ROWS), np.arange(COLUMNS) * (2 * np.pi / COLUMNS), indexing="ij"
    )
    rays = direction(polar.astype(np.float32), azimuth.astype(np.float32)).reshape(-1, 3)
    for ray, d in enumerate(rays):
        near = np.flatnonzero(centroid @ d > np.cos(0.2))
        w = inverse[near] @ d
        inside = np.flatnonzero((w > -1e-4).all(axis=1))
        if inside.size:
            total = w[inside].sum(axis=1)  # the hit lies at distance 1 / total along the ray
            best = inside[np.argmin(total)]
            indices[ray], weights[ray] = triangles[near[best]], w[best] / w[best].sum()
    # a miss keeps the vertices of the nearest hit, for what is anchored there
    hit = np.asarray(weights.any(axis=1))
    indices[~hit] = indices[hit][np.argmax(rays[~hit] @ rays[hit].T, axis=1)]
    return indices, weights


def _fill(weights: F32) -> tuple[I32, F32]:
    """Rays without a hit, and the matrix that gives their points from the others (Laplace's equation on the grid)."""
    known: npt.NDArray[np.bool_] = np.asarray(weights.any(axis=1))
    missing = np.flatnonzero(~known).astype(np.int32)
    place = np.full(len(known), -1)
    place[missing] = np.arange(len(missing))
    system = np.zeros((len(missing), len(missing)))
    right = np.zeros((len(missing), len(known)))
    for k, ray in enumerate(missing):
        i, j = divmod(int(ray), COLUMNS)
        around = [(i, (j + 1) % COLUMNS), (i, (j - 1) % COLUMNS)] + [(n, j) for n in (i - 1, i + 1) if 0 <= n < ROWS]
        system[k, k] = len(around)
        for n, m in around:
            other = n * COLUMNS + m
            if known[other]:
                right[k, other] += 1
            else:
                system[k, place[other]] -= 1
    return missing, np.linalg.solve(system, right).astype(np.float32)
