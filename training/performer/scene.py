"""Scene: where the camera and the lights are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Scene:
    """One picture's surroundings; camera axes: x right, y up, z towards the viewer.

    Attributes:
        rotation: (3, 3) head -> camera. distance: cm from the camera to the head's middle.
        light_way: (3, 3) unit rows towards key, fill and rim light; light_colour: (3, 3) linear RGB.
        ambient: (4, 3) spherical harmonics of order 0 and 1.
        shadow: 0 (no shadow map) .. 1; softness: 0 (a point) .. 0.6 (a window).
        eye_glow: brightness of the pupils, for infrared light near the lens.
        infrared: the picture is one channel of near-infrared.
    """

    rotation: F32
    distance: float
    light_way: F32
    light_colour: F32
    ambient: F32
    shadow: float
    softness: float
    eye_glow: float
    infrared: bool


@dataclass(frozen=True, eq=False)
class Camera:
    """A lens that stays where it is while a head moves before it, instead of one that frames each picture by its face.

    Attributes:
        focal: pixels per unit of x / depth. centre: (2,) where the optical axis is, pixels from the picture's middle, x
            right, y down.
        shift: (3,) camera centimetres by which the head's middle lies off its place before the camera.
    """

    focal: float
    centre: F32
    shift: F32


def rotation(yaw: float, pitch: float, roll: float) -> F32:
    """Head -> camera from angles in radians: yaw towards the picture's right, pitch up, roll clockwise on screen.

    The order is roll after yaw after pitch, as a neck moves.
    """
    cy, sy, cp, sp, cr, sr = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch), np.cos(roll), np.sin(roll)
    turn = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    tilt = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    lean = np.array([[cr, sr, 0], [-sr, cr, 0], [0, 0, 1]])
    return np.asarray(lean @ turn @ tilt, np.float32)


def random_pose(rng: np.random.Generator) -> F32:
    """Mostly towards the camera, with wide tails: yaw to 70 degrees, pitch to 45, roll to 30."""
    wide = 1.0 if rng.random() < 0.6 else 2.2
    yaw = np.clip(rng.normal(0, 16 * wide), -70, 70)
    pitch = np.clip(rng.normal(-2, 9 * wide), -45, 45)
    roll = np.clip(rng.normal(0, 6), -30, 30)
    return rotation(*np.radians([yaw, pitch, roll]))


def _colour(rng: np.random.Generator, spread: float) -> F32:
    """White of some temperature and tint, mean 1."""
    warm = rng.normal(0, spread)
    colour = np.exp([warm, rng.normal(0, spread * 0.25), -warm])
    return np.asarray(colour / colour.mean(), np.float32)


def _way(azimuth: float, height: float) -> list[float]:
    """Unit vector: azimuth 0 is the camera, positive to the picture's right; radians."""
    return [np.sin(azimuth) * np.cos(height), np.sin(height), np.cos(azimuth) * np.cos(height)]


def random_scene(rng: np.random.Generator, pose: F32 | None = None) -> Scene:
    """Lamps, windows, sky, a monitor's glow, flat rooms, hard sun, light from above, faces in the dark, infrared."""
    kinds = ("room", "window", "sun", "flat", "screen", "contrast", "above")
    kind = rng.choice(kinds, p=(0.27, 0.18, 0.11, 0.18, 0.08, 0.1, 0.08))
    azimuth, height = rng.normal(0, 0.9), rng.uniform(0.0, 1.1)
    strength, fill, rim, around = (
        rng.uniform(0.5, 1.1),
        rng.uniform(0, 0.35),
        rng.uniform(0, 0.4),
        rng.uniform(0.25, 0.6),
    )
    softness, shadow = rng.uniform(0.1, 0.5), rng.uniform(0.4, 1.0)
    if kind == "sun":
        strength, around, softness, shadow = rng.uniform(1.2, 2.2), rng.uniform(0.2, 0.5), 0.0, 1.0
    elif kind == "flat":
        strength, around, shadow = rng.uniform(0.0, 0.3), rng.uniform(0.4, 0.9), 0.0
    elif kind == "window":
        azimuth, height, softness = rng.choice([-1, 1]) * rng.uniform(0.7, 1.7), rng.uniform(0, 0.5), 0.5
    elif kind == "screen":
        azimuth, height, strength, around = rng.normal(0, 0.3), rng.uniform(-0.6, 0), rng.uniform(0.3, 0.8), 0.12
    elif kind == "contrast":
        azimuth, around, fill = rng.choice([-1, 1]) * rng.uniform(0.9, 2.0), rng.uniform(0.05, 0.2), rng.uniform(0, 0.1)
    elif kind == "above":  # the eyes lie in the brows' shadow
        height, strength, around, fill = rng.uniform(1.1, 1.5), rng.uniform(0.6, 1.3), rng.uniform(0.06, 0.25), 0.03
    if rng.random() < 0.35 and kind != "above":  # a shadow map costs a third of a picture; large soft lamps need none
        shadow = 0.0
    infrared = bool(rng.random() < 0.05)
    if infrared:
        azimuth, height, strength, around = rng.normal(0, 0.15), rng.normal(0, 0.2), rng.uniform(0.7, 1.4), 0.1
    elif rng.random() < 0.12:  # a person in the dark, before a background that may be bright
        dim = np.exp(rng.uniform(np.log(0.12), np.log(0.5)))
        strength, fill, rim, around = strength * dim, fill * dim, rim * dim, around * dim
    spread = 0.03 if infrared else 0.16
    ways = [
        _way(azimuth, height),
        _way(-azimuth + rng.normal(0, 0.4), rng.uniform(-0.3, 0.6)),
        _way(rng.choice([-1, 1]) * rng.uniform(2.0, 2.8), rng.uniform(-0.2, 0.9)),
    ]
    colours = [strength * _colour(rng, spread), fill * _colour(rng, spread), rim * _colour(rng, spread)]
    base = around * _colour(rng, spread)
    slopes = [rng.normal(0, 0.25), rng.uniform(-0.1, 0.45), rng.normal(0, 0.2)]
    ambient = [base, *(base * s * _colour(rng, spread * 0.7) for s in slopes)]
    return Scene(
        random_pose(rng) if pose is None else pose,
        float(np.exp(rng.uniform(np.log(28), np.log(160)))),
        np.array(ways, np.float32),
        np.array(colours, np.float32),
        np.array(ambient, np.float32),
        float(shadow),
        float(softness),
        float(rng.uniform(0.2, 0.9)) if infrared and rng.random() < 0.5 else 0.0,
        infrared,
    )
