"""A person's colours: skin over the whole human range, lips, brows, irises, lashes, make-up, stubble, moles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.performer.assets import VERTICES, facekit
from training.performer.fields import fields

F32 = npt.NDArray[np.float32]

# Linear RGB of skin from very light to very dark, about even steps of lightness.
_TONES = np.array(
    [
        [0.78, 0.57, 0.47],
        [0.68, 0.45, 0.35],
        [0.55, 0.33, 0.23],
        [0.40, 0.22, 0.135],
        [0.25, 0.125, 0.072],
        [0.13, 0.062, 0.037],
        [0.066, 0.033, 0.022],
    ],
    np.float32,
)
_HAIR = np.array(
    [
        [0.012, 0.009, 0.008],
        [0.03, 0.017, 0.01],
        [0.075, 0.04, 0.02],
        [0.17, 0.10, 0.05],
        [0.3, 0.2, 0.1],
        [0.3, 0.3, 0.3],
    ],
    np.float32,
)
_IRIS = np.array(
    [
        [0.035, 0.016, 0.008],
        [0.09, 0.045, 0.018],
        [0.13, 0.1, 0.035],
        [0.1, 0.16, 0.12],
        [0.12, 0.2, 0.33],
        [0.2, 0.22, 0.24],
    ],
    np.float32,
)


@dataclass(frozen=True, eq=False)
class Skin:
    """How a person is coloured; linear RGB 0..1 throughout.

    Attributes:
        albedo: (V, 4) colour and gloss per vertex. tone: (3,) the mean skin colour. hair: (3,) natural hair colour.
        lip, brow, iris, sclera, lash, tongue: (3,) colours. brow_shape: thickness (cm), arch, density, offset;
        brow_style: how far single hairs show, how ragged the rim, share of grey hairs, how far the brows meet.
        lash_line: 0..1 darkness of the lid's edge. lashes: length (cm) of the upper, of the lower, opacity, curl (rad).
        liner: eyeliner's thickness (cm), strength, wing 0..1, strength under the eye. lid_fold: the upper lid's crease:
        height above the edge (cm), depth, how far the lid hangs over it, the fold over the eye's inner corner.
        freckles, grain, stubble, wrinkles, age: 0..1 strengths; wrinkles come with expression, age's stay.
        teeth_drop: cm by which the upper row hangs lower than the model's.
        iris_scale: about 1; pupil: fraction of the iris' radius.
    """

    albedo: F32
    tone: F32
    hair: F32
    lip: F32
    brow: F32
    brow_shape: F32
    brow_style: F32
    iris: F32
    sclera: F32
    lash: F32
    lash_line: float
    lashes: F32
    liner: F32
    lid_fold: F32
    tongue: F32
    teeth_drop: float
    shadow: F32
    freckles: float
    grain: float
    stubble: float
    wrinkles: float
    age: float
    iris_scale: float
    pupil: float


def _between(table: F32, place: float) -> F32:
    """A point on the line through the rows of a table; place 0..1."""
    at = np.clip(place, 0, 1) * (len(table) - 1)
    low = min(int(at), len(table) - 2)
    return np.asarray(table[low] + (table[low + 1] - table[low]) * np.float32(at - low))


def _noise(points: F32, rng: np.random.Generator, scale: float, waves: int = 10) -> npt.NDArray[np.float64]:
    """A smooth random field over space, about N(0, 1): a sum of waves of one length."""
    directions = rng.standard_normal((3, waves)).astype(np.float32) * np.float32(scale)
    phases = rng.uniform(0, 6.28, waves).astype(np.float32)
    return np.asarray(np.cos(points @ directions + phases).sum(1) * np.sqrt(2 / waves))


def random_skin(rng: np.random.Generator) -> Skin:
    """A random person's colours."""
    f, kit = fields(), facekit()
    v = kit.neutral
    place = float(rng.beta(0.9, 0.9))
    tone = _between(_TONES, place)
    tone = tone * np.exp(rng.normal(0, [0.05, 0.05, 0.08])).astype(np.float32)
    dark = place
    albedo = np.tile(tone, (VERTICES, 1))
    redness = np.exp(np.outer(np.zeros(VERTICES), np.zeros(3))).astype(np.float32)
    flush = (rng.uniform(0, 0.35) * f.cheek + rng.uniform(0, 0.35) * f.nose + rng.uniform(0, 0.4) * f.ear) * (
        1 - 0.5 * dark
    )
    flush = flush + 0.06 * rng.uniform(0.3, 2) * _noise(v, rng, 0.5) + 0.035 * _noise(v, rng, 1.6)
    redness *= np.exp(flush[:, None] * np.array([0.15, -0.45, -0.4], np.float32))
    albedo *= redness
    light = 0.05 * rng.uniform(0.4, 2.2) * _noise(v, rng, 0.35) + 0.03 * rng.uniform(0.3, 2) * _noise(v, rng, 2.6)
    light -= rng.uniform(0, 0.35) * f.under_eye
    hair = _between(_HAIR, float(rng.beta(0.7, 1.6)) if rng.random() > 0.12 else 1.0)
    shaved = rng.uniform(0.1, 0.8) if rng.random() < 0.3 else 0.0
    shade = np.array([1.0, 0.95, 0.85], np.float32) * shaved * (1.1 - dark)
    albedo *= np.exp(light[:, None] - f.beard[:, None] * shade)
    for _ in range(int(rng.poisson(1.5))):  # moles
        at = v[rng.integers(0, 6000)]
        spot = np.exp(-((v - at) ** 2).sum(1) / rng.uniform(0.01, 0.05))
        albedo *= 1 - 0.6 * spot[:, None]
    made_up = rng.random() < 0.25
    shadow = np.array([0, 0, 0, 0], np.float32)
    if made_up and rng.random() < 0.7:
        shadow = np.append(rng.uniform(0.005, 0.35, 3), rng.uniform(0.2, 0.8)).astype(np.float32)
    lip = tone * np.array([0.85, 0.48, 0.52], np.float32) * np.float32(rng.uniform(0.65, 1.15))
    lip = lip * (1 - 0.1 * dark)
    if rng.random() < 0.25:  # lips hardly redder than the skin
        lip = tone * (1 - np.array([0.08, 0.28, 0.28], np.float32) * np.float32(rng.uniform(0.2, 1)))
    if made_up:
        stick = np.array([rng.uniform(0.15, 0.6), rng.uniform(0.01, 0.14), rng.uniform(0.02, 0.2)], np.float32)
        lip = lip + (stick - lip) * np.float32(rng.uniform(0.3, 0.95))
    gloss = np.full(VERTICES, rng.uniform(0.02, 0.3), np.float32) * (1 + 0.8 * f.nose + 0.3 * f.cheek)
    gloss = np.where(f.lip > 0, gloss + rng.uniform(0, 0.5), gloss)
    if made_up and rng.random() < 0.6:  # blush
        albedo *= np.exp(np.outer(f.cheek, [0.1, -0.5, -0.35]) * rng.uniform(0.1, 0.7)).astype(np.float32)
    flesh = _inner_parts(albedo, tone, rng)
    age = float(rng.beta(1.1, 1.7))
    brow = hair * np.float32(rng.uniform(0.4, 1.0)) if rng.random() > 0.15 else _HAIR[rng.integers(0, 3)]
    brow_shape, brow_style = _brows(rng, made_up, age)
    lash, lashes, liner = _lashes(rng, made_up, hair)
    return Skin(
        np.concatenate([np.clip(albedo, 0.004, 0.95), gloss[:, None]], 1).astype(np.float32),
        tone,
        hair,
        np.clip(lip, 0.01, 0.8),
        brow.astype(np.float32),
        brow_shape,
        brow_style,
        _between(_IRIS, float(rng.beta(0.6, 1.0))) * np.float32(rng.uniform(0.7, 1.4)),
        # Lids and lashes shade a real one; brighter than this it glows, in dark faces most.
        np.array([0.78, 0.74, 0.7], np.float32) * np.float32(rng.uniform(0.5, 0.85) * (1 - 0.25 * dark))
        + rng.normal(0, 0.02, 3).astype(np.float32),
        lash,
        float(rng.uniform(0.1, 0.6) if not made_up else rng.uniform(0.5, 1.0)),
        lashes,
        liner,
        _lid_fold(rng, age),
        flesh,
        float(np.clip(rng.normal(0.08, 0.16), -0.2, 0.4)),
        shadow,
        float(rng.uniform(0.3, 1) if rng.random() < 0.15 else rng.uniform(0, 0.1)),
        float(rng.uniform(0.1, 1)),
        float(shaved * rng.uniform(0.3, 1)),
        float(rng.beta(1.2, 1.6)),
        age,
        float(rng.uniform(0.9, 1.1)),
        float(rng.uniform(0.28, 0.6)),
    )


def _brows(rng: np.random.Generator, made_up: bool, age: float) -> tuple[F32, F32]:
    """Shape and style of the brows: natural, bushy, sparse, plucked, painted, or hardly any."""
    kind = rng.choice(5, p=(0.45, 0.2, 0.17, 0.1, 0.08) if not made_up else (0.25, 0.05, 0.1, 0.25, 0.35))
    low, high = ((0.3, 0.55), (0.5, 0.85), (0.25, 0.5), (0.14, 0.26), (0.25, 0.5))[kind]
    thickness = rng.uniform(low, high) if rng.random() > 0.03 else 0.03
    density = rng.uniform(*((0.6, 0.9), (0.75, 1.0), (0.25, 0.5), (0.6, 0.9), (0.85, 1.0))[kind])
    strands = rng.uniform(0.1, 0.4) if kind == 4 else rng.uniform(0.6, 1.0)
    ragged = (0.45, 0.8, 0.6, 0.25, 0.1)[kind] * rng.uniform(0.6, 1.3)
    grey = rng.uniform(0.1, 0.9) if age > 0.55 and rng.random() < 0.5 else 0.0
    meet = rng.uniform(0.15, 0.8) if kind < 2 and rng.random() < 0.2 else 0.0
    shape = [thickness, rng.uniform(-0.1, 0.3), density, rng.normal(-0.1, 0.1)]
    return np.array(shape, np.float32), np.array([strands, ragged, grey, meet], np.float32)


def _lashes(rng: np.random.Generator, made_up: bool, hair: F32) -> tuple[F32, F32, F32]:
    """Colour, size and paint of the lashes: hardly any, as they grow, or long and black with mascara."""
    colour = (np.minimum(hair, 0.12) * np.float32(rng.uniform(0.15, 0.7)) + 0.003).astype(np.float32)
    liner = np.zeros(4, np.float32)
    size, opacity = rng.uniform(0.45, 1.0), rng.uniform(0.6, 0.95)
    draw = rng.random()
    if (made_up and draw < 0.75) or draw < 0.06:
        colour = np.full(3, rng.uniform(0.002, 0.012), np.float32)
        size, opacity = rng.uniform(0.85, 1.4), rng.uniform(0.9, 1.0)
    elif draw > 0.85:
        size, opacity = rng.uniform(0.15, 0.45), rng.uniform(0.1, 0.4)
    if made_up and rng.random() < 0.55:
        wing = rng.uniform(0.4, 1.0) if rng.random() < 0.5 else 0.0
        under = rng.uniform(0.2, 0.9) if rng.random() < 0.4 else 0.0
        liner = np.array([rng.uniform(0.08, 0.22), rng.uniform(0.6, 1.0), wing, under], np.float32)
    low = size * rng.uniform(0.25, 0.55)
    return colour, np.array([size, low, opacity, rng.uniform(0.2, 1.3)], np.float32), liner


def _lid_fold(rng: np.random.Generator, age: float) -> F32:
    """The upper lid: with a crease high or low, hooded (oftener with age), or none but a fold at the inner corner."""
    kind = rng.choice(3, p=(0.5, 0.28, 0.22))
    if kind == 2:
        return np.array([0.25, rng.uniform(0, 0.2), rng.uniform(0.1, 0.5), rng.uniform(0.4, 1.0)], np.float32)
    hood = rng.uniform(0.4, 1.0) if kind == 1 or rng.random() < 0.5 * age else 0.0
    height = rng.uniform(0.16, 0.28) if kind == 1 else rng.uniform(0.26, 0.5)
    return np.array([height, rng.uniform(0.35, 1.0), hood, 0.0], np.float32)


def _inner_parts(albedo: F32, tone: F32, rng: np.random.Generator) -> F32:
    """Teeth, gums and the mouth's walls, in place; returns the tongue's colour, at times that of the gums."""
    kit = facekit()
    yellow = np.array([0.0, -0.06, -0.28], np.float32) * np.float32(rng.beta(1, 1.5))
    teeth = np.array([0.62, 0.58, 0.5], np.float32) * np.exp(yellow) * np.float32(rng.uniform(0.5, 1.15))
    gums = np.array([0.4, 0.12, 0.12], np.float32) * np.float32(rng.uniform(0.5, 1.1))
    for names, colour in ((("teeth",), teeth), (("gums_tongue",), gums), (("mouth_socket",), gums * 0.35)):
        albedo[kit.vertices_of(*names)] = colour
    for name in ("eye_socket_L", "eye_socket_R"):
        albedo[kit.vertices_of(name)] = tone * np.array([0.9, 0.55, 0.5], np.float32)
    pale = rng.normal(0, 0.1) + np.array([0, 1, 1]) * rng.normal(0, 0.2)
    flesh = (np.array([0.42, 0.14, 0.15]) * np.exp(pale)).astype(np.float32)
    mixed = flesh + (gums - flesh) * np.float32(rng.uniform(0, 1))
    return np.asarray(mixed * np.clip(0.6 + 0.4 * tone.mean() / 0.35, 0.5, 1.1), np.float32)
