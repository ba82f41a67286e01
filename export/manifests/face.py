"""The manifest of the `face` bundle: how to cut faces, what the network says of them, and what it cannot see."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import numpy.typing as npt
from mien.layouts import ARKIT52

from export.manifests.common import RENDERED, Shapes, licence, ports
from training.models.face import COEFFICIENTS, POINTS, REGIONS
from training.performer import landmarks
from training.performer.assets import facekit
from training.performer.coefficients import COEFFICIENTS as NAMES
from training.performer.coefficients import TONGUE
from training.performer.head import EYE_CENTRES

F32 = npt.NDArray[np.float32]

OUTPUTS: dict[str, tuple[int, ...]] = {
    "points": (1, POINTS, 2),
    "coefficients": (1, COEFFICIENTS),
    "rotation": (1, 3, 3),
    "gaze": (1, 2, 3),
    "visibility": (1, REGIONS),
    "presence": (1, 1),
}
# Which coefficients cannot be known when a region is hidden. One that two regions show is lost when both are hidden.
_NEEDS = {
    "eyeLeft": ("eye*Left",),
    "eyeRight": ("eye*Right",),
    "browLeft": ("browDownLeft", "browOuterUpLeft", "browInnerUp"),
    "browRight": ("browDownRight", "browOuterUpRight", "browInnerUp"),
    "nose": ("noseSneer*",),
    "mouth": ("mouth*", "tongue*", "cheekPuff", "jawOpen"),
    "cheekLeft": ("cheekSquintLeft",),
    "cheekRight": ("cheekSquintRight",),
    "jaw": ("jaw*",),
}
# One-Euro: still to the eye at rest, open when the face moves; chosen by `training.evaluate --parts temporal`.
# As still as the paper's with 0.05 Hz, 0.8 and 1 Hz; steps of all coefficients arrive sooner (docs/decisions.md).
COEFFICIENT_FILTER = {"min_cutoff": 0.01, "beta": 0.2, "derivative_cutoff": 2.0, "settle": True, "catch_up": True}
CROP_SLACK = 0.04  # a still face with noise moves its crop less
CROP_GRID = 1 / 512  # of the width: engines' landmarks differ by a millionth of it, so they nearly always crop alike
# A suit that the detector took for a face lies below; so do 0.4 % of held-out renders, hidden and dark ones among them.
MIN_PRESENCE = 0.98
# Of 240 rolled faces .067 are read wrong at .98 and more (training/results/face_framing.json).
REFINE, REST = 5, 0.03
CANONICAL = "geometry/canonical.f32"


def canonical() -> F32:
    """Float32 rows x, y, z (cm), weight of the average neutral head's first 68 landmarks; the jaw line weighs less."""
    points = facekit().neutral[facekit().landmarks]
    middle = EYE_CENTRES.mean(0)
    weight = np.ones((68, 1), np.float32)
    weight[:17] = 0.2
    weight[48:] = 0.5
    return np.concatenate([points - middle, weight], 1).astype(np.float32)


def face_section() -> dict[str, Any]:
    """The manifest's `face` section."""
    crop = {"scale": [landmarks.CROP] * 2, "square": True, "grid": CROP_GRID}
    return {
        "crop_from_detection": {**crop, "upright": [0, 1]},
        "crop_from_landmarks": {**crop, "upright": list(landmarks.UPRIGHT), "hull": "upright", "slack": CROP_SLACK},
        "refine": REFINE,
        "rest": REST,
        "landmarks": {"network": "face", "decode": "points", "count": POINTS, "dims": 2, "min_presence": MIN_PRESENCE},
        "coefficients": {"layout": ARKIT52.name, "extras": list(TONGUE)},
        "coefficient_filter": COEFFICIENT_FILTER,
        "visibility": {
            "regions": list(landmarks.REGIONS),
            "min": 0.35,
            "coefficients": {region: _matching(patterns) for region, patterns in _NEEDS.items()},
        },
        "gaze": {"eyes": [landmarks.IRIS[0].start, landmarks.IRIS[1].start]},
        "pose": {"kind": "network", "canonical": CANONICAL, "fov_y_degrees": 50},
    }


def _matching(patterns: Sequence[str]) -> list[str]:
    return [name for name in NAMES if any(fnmatchcase(name, pattern) for pattern in patterns)]


def network_section(size: int, outputs: Shapes, extra_inputs: Shapes) -> dict[str, Any]:
    """The manifest's description of a network that looks at an upright crop.

    Args:
        size: pixels of the crop's side. extra_inputs: what else it is given.
    """
    section = ports({"image": (1, 3, size, size), **extra_inputs}, outputs)
    section["inputs"]["image"]["image"] = {
        "layout": "nchw", "color": "rgb", "scale": [1 / 255] * 3, "bias": [0, 0, 0],
    }  # fmt: skip
    return section


def members() -> dict[str, bytes]:
    """The bundle's members beside the network; needs the assets of training."""
    return {CANONICAL: canonical().tobytes()}


def manifest(size: int) -> dict[str, Any]:
    """What the `face` bundle says of itself, for a network that looks at so many pixels."""
    return {
        "schema": 1,
        "name": "face",
        "task": "face",
        "licence": licence(),
        "training_data": RENDERED,
        "networks": {"face": network_section(size, OUTPUTS, {})},
        "detect": {"bundle": "detect"},
        "face": face_section(),
    }
