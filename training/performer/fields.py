"""Fields over the face's surface, the same for every person: where brows, lips and lid edges lie.

They are smooth per-vertex numbers, computed once on the neutral face; the shader cuts sharp shapes out of them, so that
a brow hair or the rim of a lip is as fine as the picture, not as the mesh.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from training.performer.assets import facekit
from training.performer.lids import edges

F32 = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Fields:
    """Per vertex of the whole mesh (V = 26 719); lengths in centimetres.

    Attributes:
        brow: (V, 2) place along the nearer brow, 0 inner end .. 1 outer end (below 0 towards the other brow), and
            height above its line.
        lip: (V,) signed distance to the lips' outer line, positive inside. lid: (V,) distance to the nearer lid edge.
        rim: (V, 3) around the eyes: distance to the lids' edges along the mesh, -1 below .. 1 above the eye, and
            distance to the upper edge with the wing that eyeliner gives it.
        cavity: (V,) 0..1, how much light reaches the resting surface.
        beard, cheek, nose, under_eye, ear: (V,) soft masks 0..1.
    """

    brow: F32
    lip: F32
    lid: F32
    rim: F32
    cavity: F32
    beard: F32
    cheek: F32
    nose: F32
    under_eye: F32
    ear: F32


def _polyline(points: F32, vertices: F32) -> tuple[F32, F32, F32]:
    """Nearest place on a polyline: distance (V,), parameter 0..1 (V,), offset from it (V, 3)."""
    best = np.full(len(vertices), np.inf, np.float32)
    where = np.zeros(len(vertices), np.float32)
    offset = np.zeros_like(vertices)
    pieces = len(points) - 1
    for k in range(pieces):
        step = points[k + 1] - points[k]
        t = np.clip((vertices - points[k]) @ step / (step @ step), 0, 1)
        away = vertices - (points[k] + t[:, None] * step)
        distance = np.linalg.norm(away, axis=1)
        closer = distance < best
        best[closer], where[closer], offset[closer] = distance[closer], ((k + t) / pieces)[closer], away[closer]
    return best, where, offset


def _inside(polygon: F32, points: F32) -> npt.NDArray[np.bool_]:
    """Even-odd rule in x and y."""
    x, y = points[:, 0], points[:, 1]
    odd = np.zeros(len(points), bool)
    for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, -1, 0), strict=True):
        crosses = (y0 > y) != (y1 > y)
        with np.errstate(divide="ignore", invalid="ignore"):
            odd ^= crosses & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    return odd


def _blob(vertices: F32, centre: tuple[float, float, float], size: tuple[float, float, float]) -> F32:
    """A soft ball at a place and at its mirror image."""
    scale = np.array(size, np.float32)
    both = [np.array(centre, np.float32) * (side, 1, 1) for side in (1, -1)]
    return np.asarray(np.max([np.exp(-((((vertices - c) / scale) ** 2).sum(1))) for c in both], axis=0), np.float32)


@lru_cache(maxsize=1)
def fields() -> Fields:
    """The fields of the shared face model."""
    kit = facekit()
    v, lm = kit.neutral, kit.neutral[kit.landmarks]
    left = v[:, 0] > 0
    brow = np.zeros((len(v), 2), np.float32)
    brow[:, 1] = 9
    for points, side in ((lm[22:27], left), (lm[17:22][::-1], ~left)):
        away, along, offset = _polyline(points, v)
        step = points[1] - points[0]  # the line goes on from its inner end, for brows that meet
        inwards = np.minimum((v - points[0]) @ step / (step @ step), 0)
        beyond = (along <= 0) & (inwards < 0)
        away = np.where(beyond, np.linalg.norm(v - points[0] - inwards[:, None] * step, axis=1), away)
        brow[side, 0] = np.where(beyond, inwards / (len(points) - 1), along)[side]
        brow[side, 1] = (np.sign(offset[:, 1]) * away)[side]
    outer = lm[48:60]
    edge, _, _ = _polyline(np.concatenate([outer, outer[:1]]), v)
    lip = np.where(_inside(outer[:, :2], v[:, :2]) & (v[:, 2] > 7), edge, -edge)
    lid = np.full(len(v), 9, np.float32)
    for eye in (lm[36:42], lm[42:48]):
        away, _, _ = _polyline(np.concatenate([eye, eye[:1]]), v)
        lid = np.minimum(lid, away)
    on_face = (kit.region == kit.region_names.index("face")).astype(np.float32)
    jaw = np.clip((-1.2 - v[:, 1]) / 1.5, 0, 1) * np.clip((v[:, 2] - 0.5) / 3, 0, 1)
    lip_top = np.clip((-1.1 - v[:, 1]) / 0.8, 0, 1) * np.clip((v[:, 1] + 3.7) / 0.3, 0, 1)
    moustache = 0.85 * lip_top * np.clip((3.7 - np.abs(v[:, 0])) / 2.2, 0, 1) * np.clip(v[:, 2] - 8, 0, 1)
    sides = np.clip((np.abs(v[:, 0]) - 1.5) / 2, 0, 1)
    chin = np.clip((-4.3 - v[:, 1]) / 0.3, 0, 1)
    beard = np.clip(np.maximum(jaw * np.maximum(sides, chin), moustache), 0, 1)
    return Fields(
        brow,
        np.clip(lip, -2, 2).astype(np.float32),
        lid,
        _rim(v),
        _cavity(v),
        (beard * on_face * (lip < 0.05)).astype(np.float32),
        _blob(v, (4.2, 0.3, 9.0), (2.2, 1.7, 3.0)),
        _blob(v, (0.0, 0.4, 12.5), (1.4, 1.6, 2.2)),
        _blob(v, (3.1, 2.2, 9.3), (1.5, 0.6, 1.5)),
        _blob(v, (8.2, 2.5, 0.0), (1.6, 4.0, 2.5)),
    )


def _rim(v: F32) -> F32:
    """The column `rim` of the fields."""
    edge, line = (np.full(len(v), 9, np.float32) for _ in range(2))
    above = np.zeros(len(v), np.float32)
    for (upper, lower), side in zip(edges(), (1, -1), strict=True):
        high, _, _ = _polyline(v[upper], v)
        low, _, _ = _polyline(v[lower], v)
        closer = np.minimum(high, low) < edge
        edge = np.where(closer, np.minimum(high, low), edge)
        # A corner is the height at which the lids meet; between them the line rises outwards.
        inner, outer = v[upper[0]], v[upper[-1]]
        t = np.clip((v[:, 0] - inner[0]) / (outer[0] - inner[0]), 0, 1)
        above = np.where(closer, np.clip((v[:, 1] - inner[1] - t * (outer[1] - inner[1])) / 0.12, -1, 1), above)
        wing = outer + np.array([0.75 * side, 0.42, -0.45], np.float32)
        flown, out, _ = _polyline(np.stack([outer, wing]), v)
        line = np.minimum(line, np.minimum(high, flown + 0.06 * out))
    return np.stack([edge, above, line], 1)


def _cavity(v: F32) -> F32:
    """Folds of the resting face: where the surface lies below the mean of its neighbours it gets less light."""
    kit = facekit()
    pairs = np.concatenate([kit.triangles[:, [0, 1]], kit.triangles[:, [1, 2]], kit.triangles[:, [2, 0]]])
    pairs = np.concatenate([pairs, pairs[:, ::-1]])
    count = np.maximum(np.bincount(pairs[:, 0], minlength=len(v)), 1)[:, None]

    def mean(field: F32) -> F32:
        columns = [np.bincount(pairs[:, 0], field[pairs[:, 1], k], len(v)) for k in range(field.shape[1])]
        return (np.stack(columns, 1) / count).astype(np.float32)

    smooth = v
    for _ in range(12):
        smooth = mean(smooth)
    a, b, c = (v[kit.triangles[:, k]] for k in range(3))
    flat = np.cross(b - a, c - a)
    normal = np.zeros_like(v)
    for k in range(3):
        for axis in range(3):
            normal[:, axis] += np.bincount(kit.triangles[:, k], flat[:, axis], len(v)).astype(np.float32)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    depth = ((smooth - v) * normal).sum(1, keepdims=True)
    for _ in range(3):
        depth = mean(depth)
    return np.asarray(np.clip(1.0 - 2.2 * np.clip(depth[:, 0], 0, None), 0.35, 1.0), np.float32)
