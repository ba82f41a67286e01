"""Cloth with folds and patterns that fill a picture: negatives without a thing in the middle."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from training.performer.backgrounds import fractal
from training.props.relief import Relief, smooth

F32 = npt.NDArray[np.float32]


def cloth(rng: np.random.Generator, canvas: F32) -> None:
    """Folded, hanging or crumpled cloth, plain or printed, over all of linear RGB float32 (H, W, 3)."""
    stage = Relief((canvas.shape[0], canvas.shape[1]), (0.5, 0.5), min(canvas.shape[:2]) / 2)
    rows, columns = stage.z.shape
    x, y = stage.x, stage.y
    z = np.zeros((rows, columns), np.float32)
    for _ in range(rng.integers(2, 6)):
        angle, turns = rng.uniform(0, math.pi), math.exp(rng.uniform(math.log(1), math.log(9)))
        bent = smooth(fractal(rng, rows, columns), 0.15 * stage.unit) * rng.uniform(0.2, 2.5)
        phase = turns * (math.cos(angle) * x + math.sin(angle) * y + bent) + rng.uniform(0, 7)
        sharp = rng.uniform(1, 4)
        z += rng.uniform(0.1, 0.6) / turns * (1 - np.abs(np.sin(phase))) ** sharp
    crumpled = rng.uniform(0.01, 0.1) * stage.unit
    z = smooth(z + rng.uniform(0, 0.6) * smooth(fractal(rng, rows, columns), crumpled), 0.01 * stage.unit)
    colour = np.broadcast_to(_paint(rng), (rows, columns, 3)).astype(np.float32)
    if rng.random() < 0.5:
        print_of = _motif(rng, rows, columns, x + 0.3 * z, y + 0.3 * z)
        colour = colour + print_of[..., None] * (_paint(rng) - colour)
    stage.sheet(z.astype(np.float32), colour.astype(np.float32), float(rng.uniform(0, 0.15)))
    stage.grain(rng, rng.uniform(0, 0.15))
    stage.onto(canvas, rng)


def patterned(rng: np.random.Generator, canvas: F32) -> None:
    """A pattern over all of linear RGB float32 (H, W, 3), printed, tiled or seen from an angle."""
    rows, columns = canvas.shape[:2]
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32) / (min(rows, columns) / 2) - 1
    if rng.random() < 0.4:  # from an angle
        lean = rng.uniform(-0.4, 0.4, 2)
        deep = 1 + lean[0] * x + lean[1] * y
        x, y = x / deep, y / deep
    c, s = math.cos(angle := rng.normal(0, 0.4)), math.sin(angle)
    x, y = c * x + s * y, c * y - s * x
    canvas[:] = _paint(rng)
    for _ in range(rng.integers(1, 4)):
        amount = _motif(rng, rows, columns, x, y) * rng.uniform(0.5, 1)
        canvas += amount[..., None] * (_paint(rng) - canvas)
    if rng.random() < 0.6:
        canvas *= (0.6 + 0.8 * fractal(rng, rows, columns))[..., None]


def _paint(rng: np.random.Generator) -> F32:
    value = math.exp(rng.uniform(math.log(0.02), math.log(0.9)))
    return np.clip(value * np.exp(rng.gamma(1.5, 0.3) * rng.normal(0, 1, 3)), 0, 1.2).astype(np.float32)


def _motif(rng: np.random.Generator, rows: int, columns: int, x: F32, y: F32) -> F32:
    """How much ink lies where, 0..1, for coordinates float32 (rows, columns), about -1..1."""
    pitch = math.exp(rng.uniform(math.log(0.06), math.log(0.8)))
    kind = rng.choice(["dots", "checks", "bricks", "faces", "leopard", "stripes", "rings", "keys"])
    u, v = x / pitch, y / pitch
    shift = 0.5 * (np.floor(v) % 2) if kind in ("dots", "bricks", "faces") and rng.random() < 0.6 else 0.0
    a, b = (u + shift) % 1 - 0.5, v % 1 - 0.5
    if kind == "dots":
        made = _edge(rng.uniform(0.15, 0.4) - np.hypot(a, b), pitch)
    elif kind == "checks":
        made = ((np.floor(u) + np.floor(v)) % 2).astype(np.float32)
    elif kind == "bricks":
        made = _edge(np.minimum(0.47 - np.abs(a), 0.42 - np.abs(b)), pitch)
    elif kind == "faces":  # two dots and a stroke, as sockets, flowers and letters have them
        size = rng.uniform(0.05, 0.12)
        eyes = size - np.hypot(np.abs(a) - rng.uniform(0.12, 0.22), b + 0.15)
        below = size * rng.uniform(0.4, 1) - np.hypot(np.maximum(np.abs(a) - 0.12, 0), b - rng.uniform(0.1, 0.25))
        around = rng.uniform(0.02, 0.05) - np.abs(np.hypot(a, b) - 0.42)
        made = _edge(np.maximum(np.maximum(eyes, below), around), pitch)
    elif kind == "leopard":
        made = _edge(0.12 - np.abs(fractal(rng, rows, columns) - rng.uniform(0.4, 0.6)), 0.3)
    elif kind == "stripes":
        made = _edge(0.25 - np.abs(a), pitch)
    elif kind == "rings":
        made = _edge(0.25 - np.abs(np.hypot(u, v) % 1 - 0.5), pitch)
    else:
        made = _edge(0.42 - np.maximum(np.abs(a), np.abs(b)), pitch)
        ink = cv2.resize(
            (rng.random((64, 64)) < 0.5).astype(np.float32), (columns, rows), interpolation=cv2.INTER_NEAREST
        )
        made = made * (1 - 0.8 * ink * (np.hypot(a, b) < 0.25))
    return np.asarray(made, np.float32)


def _edge(inside: npt.NDArray[np.floating], pitch: float) -> npt.NDArray[np.floating]:
    """0 outside, 1 inside, with an edge a hundredth of the picture wide."""
    return np.asarray(np.clip(0.5 + inside * pitch / 0.02, 0, 1))
