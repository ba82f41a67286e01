"""Hair on the head: a shell over the scalp and ribbons that grow from it, combed, fall and lie on what is below.

From a `Head` and a generator to Meshes; the shell gives the depth, the ribbons the strands and the outline. Hair on the
face is in beard.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import numpy.typing as npt

from training.performer.anatomy import CENTRE, Ball, Head, angles, ball, direction
from training.performer.mesh import F32, Mesh
from training.performer.solids import egg, grid, join, paint, ripple, smooth, tube, unit

F = npt.NDArray[np.floating]

# linear RGB: black .. white, then dyed; the weights are a guess at a mixed crowd, not a census
_COLOURS = {
    "black": (0.010, 0.009, 0.008, 26),
    "dark brown": (0.030, 0.018, 0.011, 22),
    "brown": (0.075, 0.040, 0.022, 14),
    "light brown": (0.160, 0.095, 0.050, 8),
    "blond": (0.380, 0.250, 0.120, 8),
    "platinum": (0.640, 0.540, 0.400, 3),
    "red": (0.210, 0.060, 0.018, 4),
    "grey": (0.210, 0.205, 0.205, 8),
    "white": (0.620, 0.610, 0.590, 5),
}
# the hairline of the neutral head, left side from the forehead's middle to the nape's middle (x, y, z)
_HAIRLINE = (
    (0.0, 11.4, 8.2),
    (2.5, 11.5, 7.7),
    (4.6, 10.9, 6.6),
    (6.0, 9.3, 5.9),
    (7.0, 7.0, 5.4),
    (7.3, 4.6, 3.9),
    (7.4, 2.6, 3.1),
    (7.4, 3.6, 0.8),
    (7.3, 2.0, -1.6),
    (6.6, -1.5, -2.6),
    (5.4, -5.0, -3.4),
    (2.5, -6.2, -5.2),
    (0.0, -6.2, -5.7),
)


@dataclass(frozen=True)
class Style:
    """How one hairstyle grows; centimetres, ranges are drawn from uniformly.

    Attributes:
        weight: how often.
        volume: thickness over the scalp.
        length: of the ribbons.
        ribbons: how many; width: theirs.
        fall: pull of gravity per step against stiffness 1; curl: sideways noise per step.
        lift: how far a ribbon starts off the scalp's tangent, 0 combed flat .. 1 upright.
        comb: where it is combed to (back, forward, parting, whorl, up).
        fringe: chance of a fringe over the forehead.
        tied: "bun", "tail" or "".
        lumps: the shell's bumpiness, centimetres.
    """

    weight: float
    volume: tuple[float, float] = (0.3, 0.6)
    length: tuple[float, float] = (2.0, 4.0)
    ribbons: int = 0
    width: float = 0.3
    fall: float = 0.1
    curl: float = 0.15
    lift: float = 0.2
    comb: tuple[str, ...] = ("whorl",)
    fringe: float = 0.0
    tied: str = ""
    lumps: float = 0.1


STYLES = {
    "none": Style(8),
    "buzz": Style(9, volume=(0.08, 0.3), lumps=0.02),
    "short": Style(26, (0.5, 1.6), (2, 4.5), 420, 0.28, 0.1, 0.2, 0.35, ("back", "forward", "parting", "whorl"), 0.35),
    "spiky": Style(5, (0.5, 1.2), (2, 4), 420, 0.35, 0.0, 0.2, 0.9, ("up",), 0.1),
    "bob": Style(11, (0.7, 1.5), (13, 19), 440, 0.85, 0.45, 0.1, 0.1, ("parting",), 0.4),
    "long": Style(18, (0.6, 1.5), (24, 38), 460, 1.0, 0.45, 0.12, 0.1, ("parting", "parting", "back"), 0.35),
    "wavy": Style(8, (1.0, 2.0), (16, 30), 460, 0.9, 0.4, 0.3, 0.2, ("parting",), 0.3),
    "bun": Style(6, (0.25, 0.5), (3, 7), 260, 0.45, 0.05, 0.05, 0.02, ("back",), 0.3, "bun"),
    "tail": Style(6, (0.25, 0.5), (3, 7), 260, 0.45, 0.05, 0.05, 0.02, ("back",), 0.3, "tail"),
    "afro": Style(7, (1.8, 5.5), (1.5, 3), 500, 0.5, 0.0, 0.7, 0.9, ("up",), 0.0, "", 0.45),
    "curly": Style(7, (1.2, 2.8), (3, 8), 520, 0.5, 0.15, 1.1, 0.6, ("whorl", "parting"), 0.5, "", 0.35),
}
_UNDER_HAT = ("none", "buzz", "short", "bob", "long", "wavy")


def hair_colour(rng: np.random.Generator) -> F32:
    """A colour of hair, linear RGB (3,); 3 in 100 are dyed."""
    table = np.array(list(_COLOURS.values()))
    if rng.random() < 0.03:
        dyed = rng.dirichlet((0.5, 0.5, 0.5)) * rng.uniform(0.2, 0.6)
        return np.asarray(dyed, np.float32)
    base = table[rng.choice(len(table), p=table[:, 3] / table[:, 3].sum()), :3]
    return np.asarray(np.minimum(base * np.exp(rng.normal(0, 0.18) + rng.normal(0, 0.05, 3)), 0.9), np.float32)


def hair(
    head: Head,
    rng: np.random.Generator,
    colour: F32 | None = None,
    style: str | None = None,
    under_hat: bool = False,
) -> list[Mesh]:
    """Hair for one identity, drawn from `rng`.

    Args:
        colour: linear RGB (3,); drawn from `hair_colour` when None.
        style: a key of STYLES; drawn by weight when None.
        under_hat: flat enough (0.4 cm) to lie below `wear.hat`.

    Returns:
        0 to 4 meshes, opaque hair an occluder. Bald heads have none.
    """
    names = list(_UNDER_HAT if under_hat else STYLES)
    weights = np.array([STYLES[n].weight for n in names])
    name = style or names[rng.choice(len(names), p=weights / weights.sum())]
    rgb = hair_colour(rng) if colour is None else np.asarray(colour, np.float32)
    if name == "none":
        return []
    kind = STYLES[name]
    if under_hat:
        kind = replace(kind, volume=(0.12, 0.22), lift=0.0, curl=0.0, lumps=0.03, fringe=0.0)
    skull = ball(head)
    scalp = ball(head, ears=True) if name in ("bob", "long", "wavy") and rng.random() < 0.7 else skull
    rim = _rim(rng, receding=name in ("buzz", "short", "bun") and rng.random() < 0.25)
    grey = rng.uniform(0.1, 0.5) if rng.random() < 0.12 else 0.0
    volume = rng.uniform(*kind.volume)
    meshes = [_cap(skull, rng, rgb, rim, kind, volume, grey)]
    if kind.ribbons:
        meshes.append(_mane(head, scalp, rng, rgb, rim, kind, volume, grey, under_hat))
    if not under_hat and rng.random() < kind.fringe:
        meshes.append(_fringe(head, skull, rng, rgb, rim, kind, volume, grey))
    if kind.tied:
        meshes.append(_knot(scalp, rng, rgb, kind.tied))
    return meshes


@cache
def _hairline() -> tuple[F32, F32]:
    """Azimuths, ascending over the whole turn, and polar angles of the neutral's hairline."""
    left = np.array(_HAIRLINE, np.float32)
    polar, azimuth = angles(left)
    azimuth[-1] = np.pi
    return (
        np.concatenate([-azimuth[:0:-1], azimuth]).astype(np.float32),
        np.concatenate([polar[:0:-1], polar]).astype(np.float32),
    )


@dataclass(frozen=True, eq=False)
class _Rim:
    """One person's hairline: polar angle at which the hair ends, over azimuth."""

    table: F32

    def at(self, azimuth: F32) -> F32:
        turn = np.linspace(-np.pi, np.pi, len(self.table))
        return np.asarray(np.interp((azimuth + np.pi) % (2 * np.pi) - np.pi, turn, self.table), np.float32)


def _rim(rng: np.random.Generator, receding: bool) -> _Rim:
    turn = np.linspace(-np.pi, np.pi, 241).astype(np.float32)
    known, polar = _hairline()
    rim = np.interp(turn, known, polar)
    front = np.exp(-((turn / 0.75) ** 2))
    rim = rim * (1 + front * rng.normal(0, 0.05)) + 0.012 * ripple(rng, 4, 30, turn)
    if receding:
        corners = np.exp(-(((np.abs(turn) - 0.6) / 0.3) ** 2))
        rim = rim - rng.uniform(0.1, 0.45) * corners - rng.uniform(0, 0.4) * front
    return _Rim(rim.astype(np.float32))


def _shade(rng: np.random.Generator, rgb: F32, shape: tuple[int, ...], grey: float, spread: float = 0.3) -> F32:
    """Colours (*shape, 3) of single strands: lighter, darker, some grey."""
    light = np.exp(rng.normal(0, spread, shape))[..., None] * rgb
    share = np.clip(rng.normal(grey, 0.6 * grey, shape), 0, 1)[..., None]
    return np.asarray(light * (1 - share) + share * np.array([0.42, 0.41, 0.40]), np.float32)


def _cap(scalp: Ball, rng: np.random.Generator, rgb: F32, rim: _Rim, kind: Style, volume: float, grey: float) -> Mesh:
    """The shell over the scalp: rows from the whorl to just beyond the rim, where it thins out."""
    rows, columns = 24, 168
    u, azimuth = np.meshgrid(
        1.08 * np.linspace(0.02, 1, rows, dtype=np.float32) ** 0.8,
        np.arange(columns, dtype=np.float32) * np.float32(2 * np.pi / columns),
        indexing="ij",
    )
    polar = u * rim.at(azimuth)
    height = volume * smooth((1.06 - u) / 0.3) * (1 + 0.1 * ripple(rng, 1, 3, azimuth, 3 * polar))
    height += kind.lumps * ripple(rng, 5, 14, azimuth, 6 * polar) * smooth((1.02 - u) / 0.2)
    depth = 0.75 if kind.ribbons else 1.0  # ribbons lie over a shell that is lower and darker
    points = scalp.at(polar, azimuth) + direction(polar, azimuth) * np.maximum(height * depth, 0.04)[..., None]
    streak = _shade(rng, rgb, (columns,), grey)[None] * np.exp(rng.normal(0, 0.15, (rows, columns, 1)))
    if kind.ribbons:
        streak = streak * 0.65
    edge = 1 + 0.035 * ripple(rng, 25, 80, azimuth, 20 * polar) + 0.03 * rng.normal(size=u.shape)
    opacity = smooth((edge - u) / (0.12 if kind.ribbons else 0.2))
    if not kind.ribbons:
        opacity = opacity * np.clip(0.5 + 1.8 * volume, 0, 0.97)
    part = (points.reshape(-1, 3).astype(np.float32), grid(rows, columns, True))
    return paint(part, streak.reshape(-1, 3), opacity.ravel(), gloss=0.15)


def _mane(
    head: Head,
    scalp: Ball,
    rng: np.random.Generator,
    rgb: F32,
    rim: _Rim,
    kind: Style,
    volume: float,
    grey: float,
    under_hat: bool,
) -> Mesh:
    """Ribbons from all over the scalp."""
    count = kind.ribbons
    azimuth = rng.uniform(-np.pi, np.pi, count).astype(np.float32)
    u = np.sqrt(rng.uniform(0.0, 0.98, count)).astype(np.float32)
    comb = kind.comb[rng.integers(len(kind.comb))]
    long = kind.length[1] > 10
    if long:  # the lower ones would only hide below the others
        u = (0.9 * u).astype(np.float32)
        front = rng.random(count) < 0.22  # and those before the ears frame the face
        azimuth = np.where(front, rng.choice([-1, 1], count) * rng.uniform(0.35, 1.35, count), azimuth).astype(
            np.float32
        )
        u = np.where(front, rng.uniform(0.7, 0.97, count), u).astype(np.float32)
    polar = u * rim.at(azimuth)
    root, out = scalp.at(polar, azimuth), direction(polar, azimuth)
    parting = rng.uniform(-4, 4)
    flow = _flow(comb, root, out, parting)
    length = rng.uniform(*kind.length) * rng.uniform(0.75, 1.05, count)
    if not long:
        length = length * (1 - 0.55 * smooth((np.abs(u) - 0.6) / 0.4) * (comb != "up"))
        if comb == "forward":
            length *= np.where(root[:, 2] > 3, 0.6, 1)
    gap = volume * rng.uniform(0.55, 1.1, count) * smooth((1.1 - u) / 0.35)
    brow, hairline = head.landmarks[17:27, 1].max(), head.landmarks[17:27, 1].max() + 5.0
    opening = np.where(root[:, 0] > parting, rng.uniform(3.5, 7.8), rng.uniform(3.5, 7.8)) * rng.uniform(
        0.95, 1.1, count
    )

    def part_curtain(p: F32) -> F32:
        wide = opening * smooth((hairline - p[:, 1]) / (hairline - brow)) * (p[:, 2] > 2)
        side = np.where(root[:, 0] > parting, 1, -1)
        p[:, 0] = np.where(side * p[:, 0] < wide, side * wide, p[:, 0])
        return p

    path = _grow(
        scalp,
        rng,
        root,
        unit(flow * (1 - kind.lift) + out * kind.lift),
        length,
        gap,
        kind,
        rim,
        13 if long else 6,
        part_curtain if long else None,
    )
    if under_hat and not long:
        path = path[:, :3]
    return _ribbons(rng, path, kind.width * rng.uniform(0.6, 1.3, count), _shade(rng, rgb, (count,), grey), kind)


def _flow(comb: str, root: F32, out: F32, parting: float) -> F32:
    """Directions (N, 3) along the scalp at the roots."""
    side = np.tanh((root[:, 0] - parting) / 0.8)
    zero, one = np.zeros_like(side), np.ones_like(side)
    wish = {
        "back": np.stack([0.1 * root[:, 0], -0.2 * one, -one], axis=1),
        "forward": np.stack([zero, -0.3 * one, np.where(root[:, 2] > -3, 1.0, -0.5)], axis=1),
        "parting": np.stack([side, -0.4 * one, np.where(root[:, 2] > 5, 0.25, -0.3)], axis=1),
        "whorl": np.stack([0.25 * one, -one, zero], axis=1) + out * [[1.0, 0.0, 1.0]],
        "up": np.stack([zero, one, 0.3 * one], axis=1),
    }[comb]
    return unit(wish - (wish * out).sum(axis=1, keepdims=True) * out)


def _grow(
    scalp: Ball,
    rng: np.random.Generator,
    root: F32,
    heading: F,
    length: F,
    gap: F,
    kind: Style,
    rim: _Rim,
    steps: int,
    shape: Callable[[F32], F32] | None,
) -> F32:
    """Paths (N, steps + 1, 3): straight on, pulled down, kept out of head and shoulders."""
    path = [root]
    point, step = root, (length / steps)[:, None].astype(np.float32)
    curl = rng.normal(0, 1, (2, *root.shape)).astype(np.float32)
    phase = rng.uniform(0, 6.28, len(root)).astype(np.float32)
    slack = 0.05 + 4 * kind.lift**2 + 0.3 * kind.curl
    for k in range(1, steps + 1):
        edge = rim.at(angles(point)[1])
        wave = np.sin(phase + 1.4 * k)[:, None] * curl[0] + np.cos(phase + 1.4 * k)[:, None] * curl[1]
        heading = unit(heading + kind.curl * wave + [0, -kind.fall, 0])
        moved = point + heading * step
        if shape is not None:
            moved = shape(moved)
        # over the scalp hair lies on hair; beyond the hairline it hangs free
        free = np.where(angles(moved)[0] < edge, slack, np.inf)
        moved = scalp.outside(moved, 0.06 + gap * min(1.0, 0.3 + 0.7 * k / 3), free)
        moved = _off_shoulders(moved)
        heading, point = unit(moved - point), moved
        path.append(point)
    return np.stack(path, axis=1)


def _off_shoulders(points: F32) -> F32:
    """Points moved out of an ellipsoid that stands for neck base and shoulders."""
    centre, radii = np.array([0, -24, -1], np.float32), np.array([14.5, 11.5, 8], np.float32)
    local = (points - centre) / radii
    size = np.linalg.norm(local, axis=1, keepdims=True)
    return np.where(size < 1, centre + local / np.maximum(size, 1e-3) * radii, points).astype(np.float32)


def _ribbons(rng: np.random.Generator, path: F32, width: F, colour: F32, kind: Style) -> Mesh:
    """Flat ribbons along paths (N, K, 3), facing away from the head, narrower to the tip, darker at the root."""
    count, steps = path.shape[:2]
    tangent = unit(np.gradient(path, axis=1))
    away = unit(path - CENTRE) * [1, 0.6, 1]
    turn = 0.5 * kind.curl + 0.25
    side = unit(np.cross(tangent, away) + turn * rng.normal(0, 0.4, (count, 1, 3)))
    along = np.linspace(0, 1, steps, dtype=np.float32)
    half = 0.5 * width[:, None] * (1 - 0.75 * along**2)
    vertices = np.stack([path + side * half[..., None], path - side * half[..., None]], axis=2)
    tone = np.exp(rng.normal(0, 0.12, (count, steps, 2, 1))) * (0.7 + 0.4 * along)[None, :, None, None]
    opacity = np.broadcast_to(smooth((1.1 - along) / 0.35)[None, :, None], (count, steps, 2))
    one = grid(steps, 2)
    triangles = (one[None] + (np.arange(count) * 2 * steps)[:, None, None]).reshape(-1, 3)
    part = (vertices.reshape(-1, 3).astype(np.float32), triangles.astype(np.int32))
    return paint(part, (colour[:, None, None] * tone).reshape(-1, 3), opacity.ravel(), gloss=0.25)


def _fringe(
    head: Head, scalp: Ball, rng: np.random.Generator, rgb: F32, rim: _Rim, kind: Style, volume: float, grey: float
) -> Mesh:
    """Ribbons from the front hairline over the forehead, straight or swept to a side."""
    count = 110
    azimuth = rng.uniform(-0.75, 0.75, count).astype(np.float32)
    polar = rim.at(azimuth) * rng.uniform(0.7, 0.99, count).astype(np.float32)
    root, out = scalp.at(polar, azimuth), direction(polar, azimuth)
    sweep = rng.uniform(-0.9, 0.9)
    wish = np.array([sweep, -0.3, 1.0]) + 0.1 * rng.normal(size=(count, 3))
    flow = unit(wish - (wish * out).sum(axis=1, keepdims=True) * out)
    # down to between the middle of the forehead and the eyes
    goal = head.landmarks[17:27, 1].max() + rng.uniform(-1.2, 3.0)
    length = np.maximum((root[:, 1] - goal) * rng.uniform(0.9, 1.15, count) * np.hypot(1, 0.7 * sweep) * 1.1, 1.0)
    gap = rng.uniform(0.3, 0.6, count) * max(volume, 0.4)
    flat = replace(kind, fall=0.25, curl=min(kind.curl, 0.6))
    path = _grow(
        scalp, rng, np.asarray(root + 0.6 * gap[:, None] * out, np.float32), flow, length, gap, flat, rim, 7, None
    )
    return _ribbons(
        rng, path, np.full(count, 0.4) * rng.uniform(0.6, 1.3, count), _shade(rng, rgb, (count,), grey), flat
    )


def _knot(scalp: Ball, rng: np.random.Generator, rgb: F32, tied: str) -> Mesh:
    """What tied hair ends in: a bun, or a tail that falls from the back of the head."""
    polar = np.float32(rng.uniform(-0.35, 0.8))
    at = scalp.at(np.abs(polar)[None], np.array([np.pi if polar > 0 else 0.0], np.float32))[0]
    out = unit(at - CENTRE)
    if tied == "bun":
        size = rng.uniform(2.0, 3.6)
        vertices, triangles = egg(at + out * size * 0.7, size * np.array([1, 0.9, 1]), 14, 24)
        local = vertices - vertices.mean(axis=0)
        swirl = ripple(rng, 3, 6, local[:, 0], local[:, 1], local[:, 2])
        vertices = vertices + unit(local) * (0.12 * swirl)[:, None]
        part = (vertices.astype(np.float32), triangles)
    else:
        t = np.linspace(0, 1, 12, dtype=np.float32)[:, None]
        end = np.array([rng.normal(0, 1.5), -rng.uniform(10, 22), -3.0])
        path = at + out * 1.2 * np.sin(np.pi * np.minimum(t * 2, 1) / 2) * 2.2 + end * t**1.5
        path = scalp.outside(path.astype(np.float32), 1.4)
        part = tube(path, rng.uniform(1.1, 1.8) * (0.75 + 0.9 * t - 1.5 * t**3), 14, (1, 0.1, 0))
    shade = _shade(rng, rgb, (len(part[0]),), 0.0, 0.35)
    return paint(join([part]), shade, gloss=0.2)
