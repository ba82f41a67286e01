"""Creases: where skin folds, and which coefficient folds it, each side by its own side's.

Four layers of lines lie over the face, one more of pebbles. A layer is a phase (a line wherever it is a multiple of
2 pi; in the layer of folds a signed distance) and a depth that the coefficients drive. Layers may overlap, what shares
a layer lies apart. They are smooth per-vertex numbers; the shader cuts the lines out of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from mien.layouts import ARKIT52

from training.performer.assets import facekit

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

LAYERS = 5  # across, upright, folds, around the eyes, pebbles
_ACROSS, _UPRIGHT, _FOLDS, _EYES, _PEBBLES = range(LAYERS)
# What drives them: the coefficients, then how hard each eye is squeezed shut (shapes add up, but a blink with squint
# bunches skin that neither does alone), then the fold over the eyes' inner corners, which some have at rest.
# (The geometry takes squint from a shut eye, so its neighbours speak for it.)
_SQUEEZE = {"eyeSquint": 1.0, "cheekSquint": 1.0, "noseSneer": 0.9, "browDown": 0.8, "mouthSmile": 0.6}
DRIVERS = (*ARKIT52.names, "squeezeLeft", "squeezeRight", "epicanthus")


@dataclass(frozen=True, eq=False)
class Creases:
    """Per vertex of the whole mesh (V = 26 719), of which the face's own (F = 9 409) come first.

    Attributes:
        phase: float32 (V, 4), radians across the lines of a layer; of the folds the distance from the fold in
            centimetres, positive on the side that bulges.
        gain: float32 (len(DRIVERS), F, LAYERS), depth per unit of each driver. age: float32 (F, LAYERS), depth at rest
            in an old face.
    """

    phase: F32
    gain: F32
    age: F32

    def depth(self, weights: F32, lively: float, old: float, epicanthus: float) -> F32:
        """How deep the creases are, float32 (V, LAYERS), 0..1.3.

        Args:
            weights: (52,) of the expression. lively: 0..1, how readily this skin folds. old: 0..1, what stays at rest.
            epicanthus: 0..1, of the fold over the inner corners.
        """
        squeeze = [
            min(1.0, float(weights[ARKIT52.index(f"eyeBlink{side}")]))
            * max(share * float(weights[ARKIT52.index(name + side)]) for name, share in _SQUEEZE.items())
            for side in ("Left", "Right")
        ]
        drive = np.clip(np.concatenate([weights[:52], squeeze, [epicanthus]]), 0, 1).astype(np.float32)
        active = np.flatnonzero(drive)
        moved = np.tensordot(drive[active], self.gain[active], 1) if len(active) else np.zeros_like(self.age)
        out = np.zeros((len(self.phase), LAYERS), np.float32)
        out[: len(moved)] = np.clip(moved * np.float32(0.55 + 0.6 * lively) + self.age * np.float32(old), 0, 1.3)
        return out


@dataclass(frozen=True, eq=False)
class _Zone:
    """Lines of one kind on both halves of the face: layer, weight (V,), phase (V,), what deepens them, depth with age.

    A name that ends in * stands for a pair; each side then folds its own half.
    """

    layer: int
    weight: F64
    phase: F64
    gains: dict[str, float]
    age: float


def _line(points: list[tuple[float, float]], x: F64, y: F64) -> tuple[F64, F64]:
    """Signed distance in x and y from a polyline (positive to the left of its way), and place along it 0..1."""
    best, signed, along = np.full(len(x), np.inf), np.zeros(len(x)), np.zeros(len(x))
    for k, ((ax, ay), (bx, by)) in enumerate(pairwise(points)):
        dx, dy = bx - ax, by - ay
        t = np.clip(((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy), 0, 1)
        away = np.hypot(x - ax - t * dx, y - ay - t * dy)
        near = away < best
        best[near] = away[near]
        signed[near] = (np.sign(dx * (y - ay) - dy * (x - ax)) * away)[near]
        along[near] = ((k + t) / (len(points) - 1))[near]
    return signed, along


def _bell(value: F64, centre: float, width: float) -> F64:
    return np.asarray(np.exp(-(((value - centre) / width) ** 2)))


def _step(value: F64, low: float, high: float) -> F64:
    """Smooth from 0 at `low` to 1 at `high`, which may lie below it."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def _zones(x: F64, y: F64, z: F64, lid: F64) -> list[_Zone]:
    """All of them, over |x|; `lid` is the distance to the nearer lid edge."""
    turn = 2 * np.pi
    front = _step(z, 2.0, 5.0)
    forehead = _step(y, 6.4, 7.1) * _step(y, 10.6, 9.4) * front
    wavy = turn * (y - 6.95 + 0.018 * x**2) / 0.68
    middle, aside = _bell(x, 0, 2.3) * forehead, _bell(x, 3.9, 2.0) * _step(x, 0.2, 1.6) * forehead
    corner = (4.1, 3.45)
    radius, angle = np.hypot(x - corner[0], y - corner[1]), np.arctan2(y - corner[1], x - corner[0])
    fan = _bell(radius, 1.45, 0.75) * _step(radius, 0.5, 0.9) * _bell(angle, 0.0, 0.75) * _step(x, 4.2, 4.7)
    below = _step(y, 3.5, 3.1) * _step(x, 1.5, 2.1) * _step(x, 5.2, 4.4) * _step(lid, 1.5, 0.7)
    above = _step(y, 3.55, 3.9) * _step(x, 1.5, 2.1) * _step(x, 5.0, 4.4) * _step(lid, 1.2, 0.6)
    nasolabial, down = _line([(1.62, -0.1), (2.25, -1.05), (2.85, -2.2), (3.2, -3.3), (3.25, -4.3)], x, y)
    nasolabial_weight = _step(down, 0.0, 0.12) * _step(down, 1.0, 0.72) * _bell(nasolabial, 0.2, 1.0) * front
    corner_fold, _ = _line([(3.0, -2.7), (3.25, -3.3), (3.15, -3.95)], x, y)
    corner_weight = _bell(x, 3.15, 0.75) * _bell(y, -3.35, 0.85) * front
    marionette, _ = _line([(2.75, -4.0), (3.0, -5.0), (2.95, -6.2)], x, y)
    inner, _ = _line([(1.85, 3.85), (1.6, 3.4), (1.75, 2.95)], x, y)
    single = turn / 1.4
    return [
        _Zone(_ACROSS, middle, wavy, {"browInnerUp": 1.0}, 0.6),
        _Zone(_ACROSS, aside, wavy, {"browOuterUp*": 1.0, "browInnerUp": 0.2}, 0.5),
        _Zone(
            _ACROSS,
            _bell(x, 0, 0.95) * _bell(y, 4.45, 0.75) * front,
            turn * (y - 4.35 + 0.12 * x) / 0.55,
            {"noseSneer*": 0.9, "browDown*": 0.4},
            0.25,
        ),
        _Zone(
            _UPRIGHT,
            _bell(y, 6.1, 1.0) * _step(x, 1.25, 0.85) * _step(x, 0.02, 0.25) * front,
            turn * (x - 0.5 - 0.1 * (y - 5.9)) / 1.15,
            {"browDown*": 1.1, "noseSneer*": 0.3},
            0.45,
        ),
        _Zone(
            _UPRIGHT,
            _bell(x, 1.05, 0.55) * _bell(y, 2.6, 0.95) * front,
            turn * (0.75 * (x - 1.0) + 0.66 * (y - 2.7)) / 0.5,
            {"noseSneer*": 0.9, "squeeze*": 0.6},
            0.1,
        ),
        _Zone(
            _UPRIGHT,
            fan,
            turn * angle / 0.42,
            {"eyeSquint*": 0.6, "cheekSquint*": 0.7, "mouthSmile*": 0.4, "squeeze*": 0.9},
            0.6,
        ),
        _Zone(
            _UPRIGHT,
            _bell(x, 0.0, 1.5) * _bell(y, -1.95, 0.5) * _step(z, 9, 10),
            turn * x / 0.42,
            {"mouthPucker": 0.7, "mouthFunnel": 0.2},
            0.3,
        ),
        _Zone(
            _UPRIGHT,
            _bell(marionette, 0, 0.6) * _step(y, -4.0, -4.5) * _step(y, -6.5, -5.6) * front,
            single * marionette,
            {"mouthFrown*": 0.9, "mouthStretch*": 0.3, "mouthPress*": 0.25},
            0.55,
        ),
        _Zone(
            _FOLDS,
            nasolabial_weight,
            nasolabial,
            {"mouthSmile*": 1.0, "mouthUpperUp*": 0.8, "noseSneer*": 0.8, "cheekSquint*": 0.4, "mouthStretch*": 0.25},
            0.75,
        ),
        _Zone(
            _FOLDS,
            _bell(x, 0.0, 1.7) * _bell(y, -5.15, 0.6) * _step(z, 8, 9.5),
            -(y + 5.0 + 0.08 * x**2),
            {"mouthShrugLower": 1.0, "mouthFrown*": 0.35, "mouthPucker": 0.25, "mouthRollLower": 0.3},
            0.35,
        ),
        _Zone(
            _EYES,
            below,
            turn * (lid - 0.36) / 0.5,
            {"eyeSquint*": 0.8, "cheekSquint*": 0.8, "mouthSmile*": 0.25, "squeeze*": 0.6},
            0.55,
        ),
        _Zone(_EYES, above, turn * (lid - 0.3) / 0.36, {"squeeze*": 0.7}, 0.1),
        _Zone(
            _EYES,
            corner_weight,
            single * corner_fold,
            {"mouthDimple*": 1.2, "mouthSmile*": 0.35, "mouthStretch*": 0.45, "mouthPress*": 0.4},
            0.15,
        ),
        _Zone(_EYES, _bell(inner, 0, 0.35) * _bell(y, 3.4, 0.45) * front, single * inner, {"epicanthus": 1.6}, 0.0),
        _Zone(
            _PEBBLES,
            _bell(x, 0.0, 1.5) * _bell(y, -6.6, 0.85) * _step(z, 7, 8.5),
            np.zeros(len(x)),
            {"mouthShrugLower": 1.0, "mouthFrown*": 0.35, "mouthPucker": 0.2, "mouthPress*": 0.2},
            0.1,
        ),
    ]


@lru_cache(maxsize=1)
def creases() -> Creases:
    """The creases of the shared face model."""
    kit = facekit()
    v = kit.neutral.astype(np.float64)
    x, y, z = np.abs(v[:, 0]), v[:, 1], v[:, 2]
    lid = np.full(len(v), np.inf)
    for eye in (kit.landmarks[36:42], kit.landmarks[42:48]):
        ring = v[np.append(eye, eye[0])]
        for a, b in pairwise(ring):
            t = np.clip((v - a) @ (b - a) / ((b - a) @ (b - a)), 0, 1)
            lid = np.minimum(lid, np.linalg.norm(v - a - t[:, None] * (b - a), axis=1))
    on_face = kit.region == kit.region_names.index("face")
    # The middle line belongs to neither side: each fades in over 3 mm.
    sides = {side: _step(s * v[:, 0], 0.0, 0.3) for side, s in (("Left", 1.0), ("Right", -1.0))}
    phase = np.zeros((len(v), LAYERS - 1))
    strongest = np.zeros((len(v), LAYERS))
    gain = np.zeros((len(DRIVERS), len(v), LAYERS), np.float32)
    age = np.zeros((len(v), LAYERS), np.float32)
    for zone in _zones(x, y, z, lid):
        weight = np.where(zone.weight > 0.02, zone.weight, 0) * on_face
        if zone.layer != _PEBBLES:
            here = weight > strongest[:, zone.layer]
            phase[here, zone.layer] = zone.phase[here]
            strongest[:, zone.layer] = np.maximum(strongest[:, zone.layer], weight)
        age[:, zone.layer] += (weight * zone.age).astype(np.float32)
        for name, depth in zone.gains.items():
            for side, own in sides.items() if name.endswith("*") else [("", np.ones(len(v)))]:
                driver = DRIVERS.index(name.removesuffix("*") + side)
                gain[driver, :, zone.layer] += (depth * weight * own).astype(np.float32)
    face = int(on_face.sum())
    return Creases(phase.astype(np.float32), np.ascontiguousarray(gain[:, :face]), age[:face])
