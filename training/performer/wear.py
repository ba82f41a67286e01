"""What is worn on the head: hats, headphones, bands, masks, earrings. Glasses and clothes have their own files.

From a `Head` and a generator to Meshes; masks are Shells, because they move with the jaw.
"""

from __future__ import annotations

import numpy as np

from training.performer.anatomy import (
    COLUMNS,
    POLAR_MAX,
    ROWS,
    Ball,
    Head,
    Shell,
    anatomy,
    angles,
    ball,
    direction,
    shell_on,
    taut,
)
from training.performer.mesh import F32, I32, Mesh
from training.performer.solids import box, egg, grid, join, paint, ring, ripple, smooth, tube, unit

_HATS = ("beanie", "cap", "backwards cap", "brimmed", "helmet", "band", "bandana")
HAIR_UNDER_HAT = 0.45  # centimetres kept free for hair drawn with under_hat


def cloth_colour(rng: np.random.Generator) -> F32:
    """A colour of cloth, linear RGB (3,): dark, pale or saturated."""
    kind = rng.random()
    if kind < 0.35:
        rgb = rng.uniform(0.008, 0.05) * np.exp(rng.normal(0, 0.3, 3))
    elif kind < 0.6:
        rgb = rng.uniform(0.3, 0.8) * np.exp(rng.normal(0, 0.1, 3))
    else:
        rgb = rng.dirichlet((0.7, 0.7, 0.7)) * rng.uniform(0.1, 0.7)
    return np.asarray(np.clip(rgb, 0, 0.9), np.float32)


def hat(head: Head, rng: np.random.Generator, kind: str | None = None) -> list[Mesh]:
    """Something on the head; draw the hair with `under_hat=True`.

    Args:
        kind: beanie, cap, backwards cap, brimmed, helmet, band or bandana; drawn when None.
    """
    kind = kind or _HATS[rng.integers(len(_HATS))]
    brow = float(head.landmarks[17:27, 1].max())
    rgb = cloth_colour(rng)
    if kind in ("band", "bandana"):
        return [_band(head, rng, brow, rgb, wide=kind == "bandana")]
    covers_ears = kind == "beanie" and rng.random() < 0.6
    front = brow + {"beanie": rng.uniform(0.6, 4), "helmet": rng.uniform(1.5, 3)}.get(kind, rng.uniform(1.0, 3.2))
    slope = rng.uniform(0.18, 0.4) if kind != "beanie" else rng.uniform(0.2, 0.5)
    skull = ball(head, ears=covers_ears)
    rows, columns = 22, 112
    azimuth = np.arange(columns, dtype=np.float32) * np.float32(2 * np.pi / columns)
    rim = _below(skull, azimuth, front, slope)
    u, around = np.meshgrid(np.linspace(0.01, 1, rows, dtype=np.float32), azimuth, indexing="ij")
    polar = u * rim
    gap = HAIR_UNDER_HAT + rng.uniform(0.05, 0.25)
    height = np.full(u.shape, gap, np.float32)
    tone = np.exp(rng.normal(0, 0.06, u.shape))
    gloss = 0.05
    if kind == "beanie":
        height += 0.04 * np.sin(56 * around) + rng.uniform(0.2, 2.8) * smooth((0.7 - u) / 0.7)
        height += rng.uniform(0.25, 0.5) * smooth((u - rng.uniform(0.6, 0.75)) / 0.04)
        tone = tone * (0.85 + 0.3 * (np.sin(56 * around) > 0))
    elif kind == "brimmed":
        height += rng.uniform(1.5, 4) * smooth((0.8 - u) / 0.5) - 1.0 * smooth((0.3 - u) / 0.3)
    elif kind == "helmet":
        height += rng.uniform(0.8, 1.8)
        gloss = 0.7
        tone = np.ones_like(tone)
    else:
        height += rng.uniform(0.2, 1.0) * smooth((0.9 - u) / 0.6)
        tone = tone * (0.88 + 0.12 * (np.abs(np.sin(3 * around)) > 0.06))
    height += 0.05 * ripple(rng, 2, 7, around, 5 * polar)
    points = skull.at(polar, around) + direction(polar, around) * height[..., None]
    colour = rgb * tone[..., None]
    if kind in ("beanie", "brimmed") and rng.random() < 0.4:
        stripe = (u > 0.72) & (u < 0.9)
        colour = np.where(stripe[..., None], cloth_colour(rng), colour)
    part = (points.reshape(-1, 3).astype(np.float32), grid(rows, columns, True))
    meshes = [paint(part, colour.reshape(-1, 3), gloss=gloss)]
    if kind in ("cap", "backwards cap", "brimmed"):
        brim_colour = rgb if rng.random() < 0.7 else cloth_colour(rng)
        meshes.append(paint(_brim(rng, points[-1], azimuth, kind), brim_colour, gloss=0.08))
    if kind == "beanie" and rng.random() < 0.2:
        top = points[0].mean(axis=0)
        bobble = egg(top + np.array([0, 1, -0.3]), np.full(3, rng.uniform(1.4, 2.4)), 10, 16)
        meshes.append(paint(bobble, rgb * np.exp(rng.normal(0, 0.3, (len(bobble[0]), 1)))))
    return meshes


def _below(skull: Ball, azimuth: F32, front: float, slope: float) -> F32:
    """Polar angle (len(azimuth),) at which the head passes down through the plane y = front + slope * (z - 9)."""
    line = skull.points[:, :COLUMNS]
    below = line[..., 1] < front + slope * (line[..., 2] - 9)
    row = np.argmax(below, axis=0)
    height = line[..., 1] - front - slope * (line[..., 2] - 9)
    column = np.arange(COLUMNS)
    a, b = height[row - 1, column], height[row, column]
    exact = (row - b / np.minimum(b - a, -1e-6)) * (POLAR_MAX / (len(line) - 1))
    turn = np.arange(COLUMNS + 1) * (2 * np.pi / COLUMNS)
    return np.asarray(np.interp(azimuth % (2 * np.pi), turn, np.append(exact, exact[0])), np.float32)


def _brim(rng: np.random.Generator, rim: F32, azimuth: F32, kind: str) -> tuple[F32, np.ndarray]:
    """A visor or a brim around, from the lower edge of the crown (columns, 3)."""
    steps = np.linspace(0, 1, 8)[:, None, None]
    if kind == "brimmed":
        away = unit(rim * [1, 0, 1] - [0, 0, 1.0])
        width, droop = rng.uniform(4, 9), rng.uniform(-0.25, 0.3)
        points = rim + steps * width * away
        points[..., 1] -= droop * width * steps[..., 0] ** 2 * (0.4 + np.abs(away[:, 0]))
        return points.reshape(-1, 3).astype(np.float32), np.array(grid(8, len(rim), True))
    back = kind == "backwards cap"
    offset = (azimuth - (np.pi if back else 0) + np.pi) % (2 * np.pi) - np.pi
    order = np.argsort(offset)
    order = order[np.abs(offset[order]) < 1.05]
    edge, angle = rim[order], offset[order]
    reach = rng.uniform(5.5, 7.5) * np.sqrt(np.clip(np.cos(angle * np.pi / 2.1), 0, 1))
    bend, fall = rng.uniform(0.01, 0.035), rng.uniform(0.05, 0.4)
    points = edge + steps * reach[:, None] * [0, -fall, -1 if back else 1]
    points[..., 1] -= bend * steps[..., 0] * points[..., 0] ** 2
    return points.reshape(-1, 3).astype(np.float32), np.array(grid(8, len(order)))


def _band(head: Head, rng: np.random.Generator, brow: float, rgb: F32, wide: bool) -> Mesh:
    """A ribbon around the head over the forehead, or a cloth from there to the crown."""
    skull, columns = ball(head), 96
    azimuth = np.arange(columns, dtype=np.float32) * np.float32(2 * np.pi / columns)
    low = brow + rng.uniform(1.0, 3.5)
    high = low + (rng.uniform(5, 8) if wide else rng.uniform(1.2, 4))
    slope = rng.uniform(0.1, 0.35)
    top, bottom = _below(skull, azimuth, min(high, 12.5), slope), _below(skull, azimuth, low, slope)
    v = np.linspace(0, 1, 8, dtype=np.float32)[:, None]
    polar = top * (1 - v) + bottom * v
    around = np.broadcast_to(azimuth, polar.shape)
    height = HAIR_UNDER_HAT + 0.1 + 0.15 * np.sin(np.pi * v) + 0.04 * ripple(rng, 4, 20, around, 8 * polar)
    points = skull.at(polar, around) + direction(polar, around) * height[..., None]
    tone = np.exp(rng.normal(0, 0.08, polar.shape))[..., None]
    return paint((points.reshape(-1, 3).astype(np.float32), grid(8, columns, True)), (rgb * tone).reshape(-1, 3))


def headphones(head: Head, rng: np.random.Generator) -> list[Mesh]:
    """Headphones: a bow over the head and a cup on each ear."""
    skull = ball(head)
    ears = head.vertices[anatomy().ear] + np.array([0, -1.6, -0.9])
    rgb, dark = cloth_colour(rng), np.full(3, rng.uniform(0.01, 0.05))
    turn = np.linspace(0, np.pi, 33, dtype=np.float32)[:, None]
    middle = ears.mean(axis=0)
    top = skull.at(np.zeros(1, np.float32), np.zeros(1, np.float32))[0, 1] + rng.uniform(0.9, 1.6)
    arc = middle + np.cos(turn) * (ears[0] - middle) * 1.18 + np.abs(np.sin(turn)) ** 0.8 * [0, top - middle[1], 0]
    bow = skull.outside(arc.astype(np.float32), 0.7)
    parts, pads = [tube(bow, (rng.uniform(0.7, 1.6), 0.35), 8, (0, 0.01, 1))], []
    size = rng.uniform(0.85, 1.1)
    for centre, side in zip(ears, (1.0, -1.0), strict=True):
        pads.append(egg(centre + np.array([0.5 * side, 0, 0]), size * np.array([1.1, 3.7, 3.2])))
        parts.append(egg(centre + np.array([1.5 * side, 0, 0]), size * np.array([1.2, 3.2, 2.8])))
    gloss = rng.uniform(0.2, 0.7)
    return [paint(join(parts), rgb, gloss=gloss), paint(join(pads), dark, gloss=0.15)]


# rims of a mask on the neutral's left half, from the middle to the side (x, y, z)
_MASK_TOP = ((0.0, 2.2, 11.9), (1.4, 1.0, 10.3), (3.4, 0.6, 9.2), (5.2, 0.5, 7.6), (6.6, 0.0, 5.6))
_MASK_BOTTOM = ((0.0, -8.4, 8.8), (2.0, -8.0, 8.6), (4.0, -6.9, 7.4), (5.5, -5.2, 6.2), (6.7, -3.4, 5.2))


def mask(head: Head, rng: np.random.Generator) -> list[Shell]:
    """A medical, cloth or respirator mask over nose, mouth and chin, with its ear loops.

    Returns:
        The mask, an occluder whose middle follows the chin and whose sides follow the cheeks, and its loops.
    """
    kind = ("medical", "cloth", "respirator")[rng.choice(3, p=(0.5, 0.35, 0.15))]
    rows, columns = 22, 33
    reach = angles(np.asarray(_MASK_TOP[-1], np.float32))[1]
    u, v = np.meshgrid(np.linspace(-1, 1, columns, dtype=np.float32), np.linspace(0, 1, rows, dtype=np.float32))
    azimuth = u * reach
    high, low = (_rim_polar(azimuth, points) for points in (_MASK_TOP, _MASK_BOTTOM))
    high = high + rng.uniform(-0.05, 0.1)
    polar = high * (1 - v) + low * v
    skull = ball(head)
    points = taut(skull.at(polar, azimuth), 14)
    bulge = np.sin(np.pi * np.clip(v, 0.02, 0.98)) * np.cos(0.5 * np.pi * u)
    gap = 0.15 + rng.uniform(0.25, 0.5) * smooth(2.2 * bulge) + (1.3 if kind == "respirator" else 0.6) * bulge
    gap = gap + 0.03 * ripple(rng, 3, 9, 3 * u, 4 * v)
    if kind == "medical":
        gap = gap + 0.05 * np.abs(np.sin(3.5 * np.pi * v)) * (1 - u**2)
    rest = (points + direction(polar, azimuth) * gap[..., None]).reshape(-1, 3).astype(np.float32)
    rgb = np.asarray([(0.3, 0.55, 0.7), (0.75, 0.77, 0.78), (0.02, 0.02, 0.02), (0.35, 0.6, 0.5)], np.float32)
    base = rgb[rng.choice(4, p=(0.45, 0.3, 0.2, 0.05))] if kind != "cloth" else cloth_colour(rng)
    tone = np.exp(rng.normal(0, 0.03, u.shape))
    if kind == "medical":
        tone = tone * (0.88 + 0.12 * (np.abs(np.sin(3.5 * np.pi * v)) > 0.25))
    colour = np.ones((rest.shape[0], 4), np.float32)
    colour[:, :3] = np.clip(base * tone.reshape(-1, 1), 0, 1)
    if kind == "cloth" and rng.random() < 0.4:
        colour[:, :3] = np.where(
            (ripple(rng, 6, 14, 3 * u, 4 * v) > 0).reshape(-1, 1), cloth_colour(rng), colour[:, :3]
        )
    # the chin pulls the middle along, the cheeks the sides; the bridge of the nose keeps the upper edge where it is
    aside = smooth((np.abs(u) - 0.25) / 0.4)
    own = (0.95 * aside).ravel()
    chin = ((1 - aside) * 0.85 * smooth((v - 0.3) / 0.5)).ravel()
    skin = anatomy().indices[0][_ray(polar, azimuth), 0].ravel()
    indices = np.stack(
        [skin, np.full_like(skin, anatomy().landmarks[8]), np.full_like(skin, anatomy().landmarks[8])], 1
    )
    weights = np.stack([own, chin, 0 * chin], axis=1).astype(np.float32)
    whole = np.ones(len(rest), np.float32)
    shell = shell_on(head, indices, weights, rest, whole, np.array(grid(rows, columns)), colour, True)
    return [shell, _loops(head, skull, rest.reshape(rows, columns, 3), skin.reshape(rows, columns), base)]


def _ray(polar: F32, azimuth: F32) -> I32:
    """The ball's ray nearest to each direction."""
    row = np.minimum(np.rint(polar * ((ROWS - 1) / POLAR_MAX)).astype(np.int32), ROWS - 1)
    column = np.rint(azimuth * (COLUMNS / (2 * np.pi))).astype(np.int32) % COLUMNS
    return np.asarray(row * COLUMNS + column, np.int32)


def _loops(head: Head, skull: Ball, rest: F32, skin: I32, rgb: F32) -> Shell:
    """Cords from the corners of a mask (rows, columns, 3) to the ears; they follow the corner, less towards the ear."""
    parts, anchor, follow = [], [], []
    t = np.linspace(0, 1, 7, dtype=np.float32)[:, None]
    for side, column in ((0, -1), (1, 0)):
        ear = head.vertices[anatomy().ear[side]]
        for row, drop in ((0, 0.2), (-1, -4.0)):
            edge = rest[row, column]
            path = edge + (ear + np.array([0, drop, -0.6], np.float32) - edge) * t
            parts.append(tube(skull.outside(path, 0.12), 0.1, 5))
            anchor.append(np.full(len(parts[-1][0]), skin[row, column]))
            follow.append(np.concatenate([np.repeat(1 - t[:, 0], 5), [1, 0]]))
    vertices, triangles = join(parts)
    indices = np.repeat(np.concatenate(anchor)[:, None], 3, axis=1).astype(np.int32)
    weights = np.full(indices.shape, 1 / 3, np.float32)
    colour = np.ones((len(vertices), 4), np.float32)
    colour[:, :3] = np.maximum(rgb, 0.1)
    return shell_on(head, indices, weights, vertices, np.concatenate(follow), triangles, colour, True)


def _rim_polar(azimuth: F32, points: tuple[tuple[float, float, float], ...]) -> F32:
    polar, around = angles(np.asarray(points, np.float32))
    return np.interp(np.abs(azimuth), around, polar).astype(np.float32)


def earrings(head: Head, rng: np.random.Generator) -> list[Mesh]:
    """A pair (sometimes one) of studs, hoops or drops at the lobes."""
    kind = rng.integers(3)
    rgb = np.asarray([(0.6, 0.6, 0.62), (0.65, 0.45, 0.15), (0.02, 0.02, 0.02)], np.float32)[rng.integers(3)]
    if kind == 2 and rng.random() < 0.5:
        rgb = cloth_colour(rng)
    size = rng.uniform(0.18, 0.35) if kind == 0 else rng.uniform(0.7, 2.4)
    parts = []
    for side, vertex in zip((1.0, -1.0), anatomy().lobe, strict=True):
        at = head.vertices[vertex] + np.array([0.15 * side, 0.1, 0.1], np.float32)
        turn = np.arange(24) * (2 * np.pi / 24)
        if kind == 0:
            parts.append(egg(at, np.full(3, size), 6, 8))
        elif kind == 1:
            circle = np.stack([0.25 * np.cos(turn), np.sin(turn), np.cos(turn)], axis=1)
            parts.append(ring(at - [0, size, 0] + size * circle, rng.uniform(0.05, 0.12), 5, (1, 0.1, 0.05)))
        else:
            parts.append(box((0.12, 2 * size, 0.35), 1.0))
            parts[-1] = ((parts[-1][0] + at - [0, size, 0]).astype(np.float32), parts[-1][1])
    if rng.random() < 0.15:
        parts = parts[:1]
    return [paint(join(parts), rgb, gloss=0.9, occluder=False)]
