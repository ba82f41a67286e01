"""Fields over the face's surface, the same for every person: where brows, lips, lid edges and wrinkles lie.

They are smooth per-vertex numbers, computed once on the neutral face; the shader cuts sharp shapes out of them, so that
a brow hair or the rim of a lip is as fine as the picture, not as the mesh.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from mien.layouts import ARKIT52

from training.performer.assets import facekit

F32 = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Fields:
    """Per vertex of the whole mesh (V = 26 719); lengths in centimetres.

    Attributes:
        brow: (V, 2) place along the nearer brow, 0 inner end .. 1 outer end, and height above its line.
        lip: (V,) signed distance to the lips' outer line, positive inside. lid: (V,) distance to the nearer lid edge.
        cavity: (V,) 0..1, how much light reaches the resting surface.
        beard, cheek, nose, under_eye, ear: (V,) soft masks 0..1.
        wrinkle_phase: (V,) radians across the lines; wrinkle_axis: (V, 3) direction across them.
        wrinkle_gain: (52, V) what each coefficient adds to the depth of the lines at a vertex.
    """

    brow: F32
    lip: F32
    lid: F32
    cavity: F32
    beard: F32
    cheek: F32
    nose: F32
    under_eye: F32
    ear: F32
    wrinkle_phase: F32
    wrinkle_axis: F32
    wrinkle_gain: F32


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
        brow[side, 0] = along[side]
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
    moustache = _blob(v, (1.2, -1.9, 11.2), (1.6, 0.7, 2.0))
    beard = np.clip(np.maximum(jaw * np.clip((np.abs(v[:, 0]) - 1.5) / 2 + (v[:, 1] < -4.6), 0, 1), moustache), 0, 1)
    phase, axis, gain = _wrinkles(v)
    return Fields(
        brow,
        np.clip(lip, -2, 2).astype(np.float32),
        lid,
        _cavity(v),
        (beard * on_face * (lip < 0.05)).astype(np.float32),
        _blob(v, (4.2, 0.3, 9.0), (2.2, 1.7, 3.0)),
        _blob(v, (0.0, 0.4, 12.5), (1.4, 1.6, 2.2)),
        _blob(v, (3.1, 2.2, 9.3), (1.5, 0.6, 1.5)),
        _blob(v, (8.2, 2.5, 0.0), (1.6, 4.0, 2.5)),
        phase,
        axis,
        gain,
    )


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


# zone: centre, size, axis across the lines, spacing in cm, {coefficient: depth}; mirrored zones take their own side.
_ZONES: tuple[tuple[tuple[float, float, float], tuple[float, float, float], str, float, dict[str, float]], ...] = (
    ((2.2, 8.3, 9.8), (3.4, 1.4, 3.0), "y", 0.75, {"browInnerUp": 0.8, "browOuterUp*": 0.8}),
    ((0.5, 5.9, 10.7), (0.9, 1.4, 1.5), "x", 0.75, {"browDown*": 1.0, "noseSneer*": 0.4}),
    ((0.6, 4.2, 11.0), (1.1, 0.9, 1.4), "y", 0.5, {"noseSneer*": 1.0, "browDown*": 0.2}),
    ((5.6, 3.3, 7.6), (1.2, 1.6, 1.6), "y", 0.5, {"eyeSquint*": 0.7, "mouthSmile*": 0.7, "cheekSquint*": 0.8}),
    ((3.2, 2.1, 9.4), (1.6, 0.6, 1.4), "y", 0.4, {"eyeSquint*": 0.5, "cheekSquint*": 0.9, "mouthSmile*": 0.3}),
    ((3.1, -1.6, 10.4), (0.9, 2.0, 1.6), "x", 1.6, {"mouthSmile*": 1.1, "noseSneer*": 0.6, "mouthUpperUp*": 0.6}),
    ((4.3, -3.4, 9.2), (0.9, 1.2, 1.6), "x", 0.9, {"mouthDimple*": 1.2, "mouthSmile*": 0.5, "mouthStretch*": 0.7}),
    ((0.6, -6.2, 10.9), (1.4, 0.9, 1.6), "d", 0.55, {"mouthShrugLower": 1.0, "mouthPress*": 0.3}),
    ((0.6, -2.4, 11.8), (1.3, 0.6, 1.4), "x", 0.4, {"mouthPucker": 1.0, "mouthFunnel": 0.3}),
)


def _wrinkles(v: F32) -> tuple[F32, F32, F32]:
    axes = {"x": (1.0, 0.0, 0.0), "y": (0.0, 1.0, 0.0), "d": (0.7, 0.7, 0.0)}
    phase = np.zeros(len(v), np.float32)
    axis = np.zeros((len(v), 3), np.float32)
    gain = np.zeros((len(ARKIT52), len(v)), np.float32)
    strongest = np.full(len(v), 0.0, np.float32)
    for centre, size, direction, spacing, depths in _ZONES:
        weight = _blob(v, centre, size)
        across = np.array(axes[direction], np.float32)
        mirrored = np.abs(v[:, :1]) * (1, 0, 0) + v * (0, 1, 1)
        here = weight > strongest
        phase[here] = (((mirrored - np.array(centre)) @ across) * (2 * np.pi / spacing))[here]
        turned = np.tile(across, (len(v), 1))
        turned[:, 0] *= np.sign(v[:, 0])
        axis[here] = turned[here]
        strongest = np.maximum(strongest, weight)
        for name, depth in depths.items():
            if name.endswith("*"):
                for side, mask in (("Left", v[:, 0] > 0), ("Right", v[:, 0] <= 0)):
                    gain[ARKIT52.index(name[:-1] + side)] += depth * weight * mask * here
            else:
                gain[ARKIT52.index(name)] += depth * weight * here
    return phase, axis, gain
