"""Hair on the face: beards, moustaches, stubble and brows, as Shells that ride on the skin.

From a `Head`, a generator and a colour to Shells. The patches of skin on which they grow, finer than the ICT mesh, are
cut once per process from the neutral.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from training.performer.anatomy import Head, Shell, anatomy, normals, shell_on
from training.performer.hair import hair_colour
from training.performer.mesh import F32, I32
from training.performer.solids import ripple, smooth

_LIP = np.array(  # the outer rim of the neutral's lips, right corner first, upper then lower (x, y)
    [
        (-2.53, -3.52),
        (-1.7, -2.78),
        (-0.73, -2.42),
        (0.0, -2.48),
        (0.73, -2.42),
        (1.7, -2.78),
        (2.53, -3.52),
        (1.8, -4.06),
        (1.03, -4.3),
        (0.0, -4.38),
        (-1.03, -4.3),
        (-1.8, -4.06),
    ],
    np.float32,
)
_BROW = np.array([(1.0, 5.75), (2.41, 6.15), (3.79, 6.22), (4.93, 5.9), (5.95, 5.1)], np.float32)  # left brow (x, y)
# weights and extents of the styles: stubble, moustache, goatee, chin, full
_STYLES = ("stubble", "moustache", "goatee", "circle", "full")
_WEIGHTS = (0.3, 0.17, 0.1, 0.13, 0.3)


@dataclass(frozen=True, eq=False)
class _Patch:
    """Skin on which hair may grow, subdivided.

    Attributes:
        indices, weights: (V, 3), its vertices as means of head vertices.
        triangles: (T, 3).
        place: float32 (V, 3), on the neutral.
        lip: float32 (V,), distance from the rim of the lips in the picture plane, negative on the lips (centimetres).
        along, across: float32 (V,), on brows only: 0 at the inner end .. 1 at the outer, and centimetres above it.
    """

    indices: I32
    weights: F32
    triangles: I32
    place: F32
    lip: F32
    along: F32
    across: F32


def beard(head: Head, rng: np.random.Generator, colour: F32 | None = None, style: str | None = None) -> list[Shell]:
    """Facial hair for one identity; the caller decides who has some.

    Args:
        colour: linear RGB (3,), usually that of the hair; drawn from `hair_colour` when None.
        style: stubble, moustache, goatee, circle or full; drawn when None.

    Returns:
        One Shell in a list. It is no occluder: what lies under it is still the face.
    """
    name = style or _STYLES[rng.choice(5, p=_WEIGHTS)]
    rgb = hair_colour(rng) if colour is None else np.asarray(colour, np.float32)
    patch = _beard_patch()
    x, y, z = np.abs(patch.place[:, 0]), patch.place[:, 1], patch.place[:, 2]
    noise = ripple(rng, 2, 5, patch.place[:, 0], y, z)

    def soft(t: npt.NDArray[np.floating], width: float = 0.5) -> F32:
        return smooth(0.5 + (t + 0.15 * noise) / width)

    rim = rng.uniform(0.06, 0.3)  # shaved so far from the lips, or up to their line
    lips = smooth(patch.lip / rim)
    above = soft(y + 3.5)
    # an oblique band under the nose that ends beside the mouth
    spread = rng.uniform(2.4, 3.5)
    bow = rng.uniform(0.0, 0.35)
    moustache = above * soft(-1.35 - 0.25 * x - y, 0.4) * soft(spread - x) * soft(z - 8.5)
    moustache = moustache * (1 - bow * np.exp(-((x / 0.35) ** 2)))
    chin_width = rng.uniform(1.3, 2.6)
    chin = soft(-4.75 - y + 0.1 * x) * soft(chin_width - x) * soft(z - rng.uniform(6.5, 8.0), 1.5)
    soul = soft(0.9 - x) * soft(-4.2 - y) * soft(y + 6)
    beside = soft(0.9 - np.abs(x - 3.1), 0.6) * soft(-2.0 - y) * soft(z - 6)
    cheek_line = np.interp(x, (2.8, 4.5, 6.3, 7.2), np.array([-2.6, -2.4, -0.4, 3.0]) + rng.normal(0, 0.5))
    full = (
        soft(cheek_line - y, 0.8)
        * soft(y + rng.uniform(7.5, 10.5) + 0.0 * z, 1.2)
        * soft(z - 1.5 - 0.3 * (y < -6), 1.5)
    )
    full = full * np.where(y > -4.3, smooth((x - 2.2) / 0.8), 1)
    zone = {
        "stubble": np.maximum(moustache, full),
        "moustache": moustache,
        "goatee": np.maximum(chin, soul),
        "circle": np.maximum.reduce([moustache, chin, soul, beside]),
        "full": np.maximum.reduce([moustache, full, soul * rng.uniform(0.3, 1)]),
    }[name]
    stubble = name == "stubble" or rng.random() < 0.2
    thick = rng.uniform(0.02, 0.06) if stubble else rng.uniform(0.12, 0.8)
    hang = 0.0 if stubble else max(0.0, rng.uniform(-0.35, 0.55))  # how far a moustache hangs over the upper lip
    over = above * (name != "goatee") * hang
    zone = zone * np.maximum(lips, smooth((patch.lip + over) / rim) * (over > 0.05))
    grain = np.exp(rng.normal(0, 0.35, len(x)))
    opacity = (
        zone * (rng.uniform(0.15, 0.6) if stubble else rng.uniform(0.75, 1.0)) * np.clip(0.75 + 0.3 * grain, 0, 1.05)
    )
    rest, normal = _rest(head, patch)
    lift = 0.02 + thick * smooth(zone) * (0.75 + 0.12 * noise + rng.normal(0, 0.05, len(x)))
    lift = np.maximum(lift, np.where(over > 0.05, 0.25 * zone, 0.0))
    down: npt.NDArray[np.floating] = np.zeros(3)
    if not stubble and name in ("full", "goatee", "circle") and rng.random() < 0.35:
        length = rng.uniform(0.8, 5.0)
        tip = smooth((-5.2 - y) / 2.5) * smooth((chin_width + 2.8 - x) / 3) * zone
        down = (length * tip * (0.9 + 0.12 * noise))[:, None] * np.array([0, -1, 0.15], np.float32)
    shade = rgb * grain[:, None] * (0.75 + 0.35 * smooth(lift / max(thick, 0.05)))[:, None]
    return [_grown(head, patch, np.asarray(rest + normal * lift[:, None] + down, np.float32), shade, opacity)]


def brows(head: Head, rng: np.random.Generator, colour: F32 | None = None) -> list[Shell]:
    """Both brows in one Shell: thickness, arch, length, density and colour vary; one Shell in a list."""
    rgb = hair_colour(rng) if colour is None else np.asarray(colour, np.float32)
    rgb = np.minimum(rgb, 0.25) * np.float32(rng.uniform(0.5, 0.95))
    patch = _brow_patch()
    t, d, side = patch.along, patch.across, np.sign(patch.place[:, 0])
    arch, inner = rng.normal(0.1, 0.18), rng.normal(0, 0.12)
    tilt = rng.normal(0, 0.03) * side  # no two brows are alike
    middle = inner + arch * np.sin(np.pi * np.clip((t - 0.1) / 0.9, 0, 1)) - inner * t + tilt
    start, end = rng.uniform(-0.06, 0.14), rng.uniform(0.88, 1.08)
    half = rng.uniform(0.16, 0.48) * (1 - 0.6 * smooth((t - 0.45) / 0.6))
    half = half + 0.04 * ripple(rng, 8, 20, 6 * t, side)
    body = smooth(0.5 + (half - np.abs(d - middle)) / 0.22) * smooth((t - start) / 0.14) * smooth((end - t) / 0.2)
    hairs = 0.7 + 0.45 * np.sin(rng.uniform(60, 110) * t + rng.uniform(4, 10) * d + 1.5 * ripple(rng, 4, 12, 6 * t, d))
    opacity = body * rng.uniform(0.45, 1.0) * np.clip(hairs + rng.normal(0, 0.15, len(t)), 0.2, 1)
    rest, normal = _rest(head, patch)
    shade = rgb * np.exp(rng.normal(0, 0.25, len(t)))[:, None]
    lift = 0.03 + rng.uniform(0, 0.12) * body
    return [_grown(head, patch, np.asarray(rest + normal * lift[:, None], np.float32), shade, opacity)]


def _rest(head: Head, patch: _Patch) -> tuple[F32, F32]:
    """Places and unit normals of a patch on a neutral head."""
    place: F32 = np.einsum("vk,vkc->vc", patch.weights, head.vertices[patch.indices])
    return place, normals(place, patch.triangles)


def _grown(head: Head, patch: _Patch, rest: F32, rgb: F32, opacity: npt.NDArray[np.floating]) -> Shell:
    """The patch at `rest`, without the triangles on which nothing grows."""
    opacity = np.clip(opacity, 0, 1).astype(np.float32)
    kept = patch.triangles[(opacity[patch.triangles] > 0.03).any(axis=1)]
    used = np.zeros(len(opacity), bool)
    used[kept] = True
    number = np.cumsum(used, dtype=np.int32) - 1
    colour = np.concatenate([np.clip(rgb, 0, 1), opacity[:, None]], axis=1)[used]
    return shell_on(
        head,
        patch.indices[used],
        patch.weights[used],
        rest[used],
        np.ones(int(used.sum()), np.float32),
        number[kept],
        colour,
        occluder=False,
    )


@cache
def _beard_patch() -> _Patch:
    place = anatomy().neutral
    face = anatomy().face
    x, y, z = place[face].mean(axis=1).T
    low = (y < np.where(np.abs(x) > 5.5, 4.0, -0.9)) & (y > -11.5) & (z > 1.0)
    nose = (np.abs(x) < 1.7) & (y > -1.3)
    ear = (np.abs(x) > 7.0) & (z < 3.0)
    inner_mouth = (np.abs(x) < 2.6) & (np.abs(y + 3.4) < 0.5) & (z < 10.0)
    return _cut(face[low & ~nose & ~ear & ~inner_mouth], 1)


@cache
def _brow_patch() -> _Patch:
    place = anatomy().neutral
    face = anatomy().face
    x, y, z = place[face].mean(axis=1).T
    return _cut(face[(y > 4.4) & (y < 7.8) & (z > 6.0) & (np.abs(x) > 0.35)], 2)


def _cut(triangles: I32, levels: int) -> _Patch:
    """A patch of the neutral's triangles, each split into four `levels` times."""
    corners = np.eye(3, dtype=np.float32)[None].repeat(len(triangles), axis=0)  # (T, corner, weight)
    owner = triangles
    for _ in range(levels):
        a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
        ab, bc, ca = (a + b) / 2, (b + c) / 2, (c + a) / 2
        corners = np.concatenate([np.stack(t, axis=1) for t in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))])
        owner = np.concatenate([owner] * 4)
    weights = corners.reshape(-1, 3)
    indices = owner.repeat(3, axis=0)
    place = np.einsum("vk,vkc->vc", weights, anatomy().neutral[indices])
    # neighbours share the vertices on their common edge
    _, first, inverse = np.unique(np.rint(place * 1e3).astype(np.int64), axis=0, return_index=True, return_inverse=True)
    place = place[first].astype(np.float32)
    along, across = _along_brow(place)
    return _Patch(
        indices[first].astype(np.int32),
        weights[first],
        inverse.reshape(-1, 3).astype(np.int32),
        place,
        _from_lips(place),
        along,
        across,
    )


def _from_lips(place: F32) -> F32:
    """Signed distance (V,) in x and y from the rim of the lips, negative inside."""
    p = place[:, None, :2]
    a, b = _LIP, np.roll(_LIP, -1, axis=0)
    edge = b - a
    t = np.clip(((p - a) * edge).sum(axis=2) / (edge**2).sum(axis=1), 0, 1)
    distance = np.linalg.norm(p - a - t[..., None] * edge, axis=2).min(axis=1)
    crosses = (a[:, 1] > p[..., 1]) != (b[:, 1] > p[..., 1])
    at = a[:, 0] + (p[..., 1] - a[:, 1]) * edge[:, 0] / np.where(edge[:, 1] == 0, 1e-9, edge[:, 1])
    inside = (crosses & (p[..., 0] < at)).sum(axis=1) % 2 == 1
    return np.asarray(np.where(inside, -distance, distance), np.float32)


def _along_brow(place: F32) -> tuple[F32, F32]:
    """Position along the brow, 0 inner .. 1 outer end (beyond both outside of it), and centimetres above its middle."""
    x, y = np.abs(place[:, 0]), place[:, 1]
    slope = np.gradient(_BROW[:, 1], _BROW[:, 0])
    fine = np.linspace(0.2, 6.6, 129, dtype=np.float32)
    line = np.interp(fine, _BROW[:, 0], _BROW[:, 1])
    line = np.where(fine < _BROW[0, 0], _BROW[0, 1] + (fine - _BROW[0, 0]) * slope[0], line)
    line = np.where(fine > _BROW[-1, 0], _BROW[-1, 1] + (fine - _BROW[-1, 0]) * slope[-1], line)
    curve = np.stack([fine, line], axis=1)
    away = np.linalg.norm(np.stack([x, y], axis=1)[:, None] - curve, axis=2)
    nearest = away.argmin(axis=1)
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])
    start, end = np.interp(_BROW[[0, -1], 0], fine, length)
    side = np.where(y >= curve[nearest, 1], 1, -1)
    return ((length[nearest] - start) / (end - start)).astype(np.float32), (
        away[np.arange(len(x)), nearest] * side
    ).astype(np.float32)
