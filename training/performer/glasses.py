"""Spectacles and sunglasses, fitted to the eyes, the nose and the ears of a head."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from training.performer.anatomy import Ball, Head, anatomy, ball
from training.performer.mesh import F32, Mesh
from training.performer.solids import Part, grid, join, paint, ring, rotation, smooth, tube

_SHAPES = ("round", "oval", "rectangle", "square", "aviator", "cat")
_POINTS = 40  # of a rim


def glasses(head: Head, rng: np.random.Generator, dark: bool | None = None) -> list[Mesh]:
    """A pair of glasses on one head.

    Args:
        dark: sunglasses; one pair in four when None.

    Returns:
        [frame, lenses]. The frame is an occluder; lenses only where they hide the eyes (opacity over 0.8).
    """
    dark = bool(rng.random() < 0.25) if dark is None else dark
    shape = _SHAPES[rng.integers(len(_SHAPES))]
    eyes = np.stack([head.landmarks[42:48].mean(axis=0), head.landmarks[36:42].mean(axis=0)])
    half, tall = _size(rng, shape, dark)
    slip = rng.uniform(0, 1) ** 2 * rng.uniform(0, 1.6)  # down the nose
    apart = max(float(np.ptp(eyes[:, 0])) / 2 * rng.uniform(0.97, 1.08), half + 0.75)
    middle = eyes.mean(axis=0)
    centre = np.array([middle[0], middle[1] - 0.25 - slip, 0])
    # in front of the brows and the lids; further out as they slip down the nose
    centre[2] = max(head.landmarks[19:25, 2].max() + 0.15, eyes[:, 2].max() + 1.3) + 0.35 * slip
    outline = _outline(shape, half, tall)
    lean, wrap = rng.uniform(0.05, 0.17), rng.uniform(0.006, 0.02) * (1.6 if dark else 1)

    def bent(x: npt.ArrayLike, y: npt.ArrayLike) -> F32:
        x, y = np.asarray(x, np.float32), np.asarray(y, np.float32)
        z = lean * (y - 0.4 * tall) - wrap * x**2
        return np.asarray(np.stack([x, y, z], axis=-1) + centre, np.float32)

    metal = bool(rng.random() < 0.4)
    bar = rng.uniform(0.05, 0.1) if metal else rng.uniform(0.12, 0.32)
    rimless, half_rim = metal and rng.random() < 0.25, rng.random() < 0.15
    skull = ball(head)
    parts: list[Part] = []
    lenses: list[Part] = []
    for side in (1.0, -1.0):
        x, y = side * (apart + outline[:, 0]), outline[:, 1]
        # seen from the front both rims run the same way round, so that their triangles do
        path = bent(x, y) if side > 0 else bent(x, y)[::-1]
        if half_rim:
            upper = path[: _POINTS // 2 + 1] if side > 0 else path[_POINTS // 2 - 1 :]
            parts.append(tube(upper, (0.6 * bar, bar), 6, (0, 0, 1)))
        elif not rimless:
            parts.append(ring(path, np.array([bar, 0.75 * bar]), 6))
        lenses.append(_lens(path))
        parts.append(
            _temple(head, skull, bent(np.float32(side * (apart + half)), np.float32(0.35 * tall)), side, bar, metal)
        )
    inner, height = apart - half, rng.uniform(0.1, 0.5) * tall
    t = np.linspace(-1, 1, 9)
    bridge = bent(inner * 1.05 * t, np.full(9, height) + 0.25 * (1 - t**2)) + np.outer(1 - t**2, [0, 0, 0.15])
    parts.append(tube(bridge, (0.8 * bar, bar), 6, (0, 0, 1)))
    if shape == "aviator":
        parts.append(tube(bridge + np.array([0, 0.75 * tall - height, 0]), 0.8 * bar, 6, (0, 0, 1)))
    roll = rotation((rng.normal(0, 0.02), rng.normal(0, 0.02), 1), rng.normal(0, 0.02))
    pivot = eyes.mean(axis=0)

    def turned(part: Part) -> Part:
        return ((part[0] - pivot) @ roll.T + pivot).astype(np.float32), part[1]

    frame = paint(turned(join(parts)), _frame_colour(rng, metal), gloss=0.8 if metal else 0.45)
    return [frame, _glass(rng, turned(join(lenses)), dark)]


def _size(rng: np.random.Generator, shape: str, dark: bool) -> tuple[float, float]:
    """Half width and half height of a lens, centimetres."""
    half = rng.uniform(2.2, 2.75) + (0.3 if dark else 0)
    ratio = {"round": 0.97, "oval": 0.72, "rectangle": 0.58, "square": 0.82, "aviator": 0.88, "cat": 0.72}[shape]
    return half, half * ratio * rng.uniform(0.93, 1.07)


def _outline(shape: str, half: float, tall: float) -> F32:
    """The rim of the left lens, counter-clockwise from outside, (POINTS, 2) around its centre; +x outer side."""
    turn = np.arange(_POINTS) * (2 * np.pi / _POINTS)
    power = {"round": 2.0, "oval": 2.2, "rectangle": 5.0, "square": 4.0, "aviator": 2.6, "cat": 3.0}[shape]
    radius = (np.abs(np.cos(turn)) ** power + np.abs(np.sin(turn)) ** power) ** (-1 / power)
    x, y = half * radius * np.cos(turn), tall * radius * np.sin(turn)
    if shape == "aviator":  # a drop towards the nose and the cheek
        y = np.where(y < 0, y * 1.15, y)
        x = x * (1 + 0.18 * y / tall) + 0.1 * half * (y < 0) * y / tall
    if shape == "cat":
        y = y + 0.35 * tall * smooth(x / half) * (y > 0)
    return np.stack([x, y], axis=1).astype(np.float32)


def _lens(path: F32) -> Part:
    """A slightly domed pane within a rim."""
    centre = path.mean(axis=0)
    rows = np.linspace(0.02, 1, 4)[:, None, None]
    points = centre + (path - centre) * rows
    points[..., 2] += 0.18 * (1 - rows[..., 0] ** 2)
    return points.reshape(-1, 3).astype(np.float32), np.array(grid(4, len(path), True))


def _temple(head: Head, skull: Ball, hinge: F32, side: float, bar: float, metal: bool) -> Part:
    """The arm from the hinge over the ear and down behind it."""
    ear = head.vertices[anatomy().ear[0 if side > 0 else 1]]
    out = np.array([side, 0, 0])
    corner = hinge + 0.25 * out + [0, 0, -0.5]
    over = ear + 0.15 * out + [0, 0.25, 0]
    t = np.linspace(0, 1, 8)[:, None]
    arm = corner + (over - corner) * t
    arm = skull.outside(arm.astype(np.float32), 0.15 + bar / 2)
    behind = ear + np.array([[0, 0.0, -1.2], [-0.3 * side, -1.0, -2.0], [-0.5 * side, -2.0, -2.4]])
    path = np.concatenate([hinge[None], arm, behind])
    return tube(path, (0.6 * bar, bar if metal else 1.5 * bar), 6, (0, 1, 0.01))


def _frame_colour(rng: np.random.Generator, metal: bool) -> F32:
    choices = (
        [(0.5, 0.5, 0.52), (0.55, 0.4, 0.16), (0.03, 0.03, 0.03), (0.5, 0.28, 0.2), (0.2, 0.2, 0.22)]
        if metal
        else [(0.01, 0.01, 0.01)] * 3
        + [(0.09, 0.04, 0.015), (0.03, 0.05, 0.12), (0.6, 0.58, 0.52), tuple(rng.uniform(0, 0.7, 3))]
    )
    return np.asarray(choices[rng.integers(len(choices))], np.float32) * np.float32(rng.uniform(0.8, 1.2))


def _glass(rng: np.random.Generator, part: Part, dark: bool) -> Mesh:
    tint = np.asarray([(0.01, 0.01, 0.012), (0.05, 0.025, 0.01), (0.02, 0.04, 0.02), tuple(rng.uniform(0.02, 0.4, 3))])
    if not dark:
        clear = rng.uniform(0.1, 0.35, 3)
        return paint(part, clear, rng.uniform(0.01, 0.06), gloss=1.0, occluder=False)
    opacity = rng.uniform(0.65, 1.0)
    y = part[0][:, 1]
    fade = rng.uniform(0, 0.5) * (rng.random() < 0.4) * smooth((y.max() - y) / np.ptp(y))
    return paint(
        part, tint[rng.integers(4)], opacity * (1 - fade), gloss=1.0, occluder=bool(opacity > 0.8 and fade.max() < 0.2)
    )
