"""The `face` and `expression` bundles: a trained network as ONNX, and the manifest that says how to use it."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from mien.bundle import Bundle
from mien.layouts import ARKIT52
from torch import Tensor, nn

from training.bundling import licence, targets, to_onnx
from training.errors import TrainingError
from training.models.blocks import fold
from training.models.face import COEFFICIENTS, POINTS, REGIONS, SIZE
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
# Which coefficients cannot be known when a region is hidden.
_NEEDS = {
    "eyeLeft": ("eye*Left",),
    "eyeRight": ("eye*Right",),
    "browLeft": ("browDownLeft", "browOuterUpLeft"),
    "browRight": ("browDownRight", "browOuterUpRight"),
    "nose": ("noseSneer*",),
    "mouth": ("mouth*", "tongue*", "cheekPuff"),
    "cheekLeft": ("cheekSquintLeft",),
    "cheekRight": ("cheekSquintRight",),
    "jaw": ("jawForward", "jawLeft", "jawRight"),
}
# One-Euro: still to the eye at rest, open when the face moves; chosen by `training.evaluate --parts temporal`.
# As still as the paper's with 0.05 Hz, 0.8 and 1 Hz; steps of all coefficients arrive sooner (docs/decisions.md).
COEFFICIENT_FILTER = {"min_cutoff": 0.01, "beta": 0.2, "derivative_cutoff": 2.0, "settle": True, "catch_up": True}
CROP_SLACK = 0.04  # a still face with noise moves its crop less
CROP_GRID = 1 / 512  # of the width: engines' landmarks differ by a millionth of it, so they nearly always crop alike
# A suit that the detector took for a face lies below; so do 0.4 % of held-out renders, hidden and dark ones among them.
MIN_PRESENCE = 0.98
TRAINING_DATA = (
    "Renders of mien's own synthetic performer (ICT-FaceKit geometry, MIT; expression curves from recorded Live Link "
    "Face takes, MIT, and from rules). No photograph of a person was used."
)
WHOLE = ("geometry.weight",)
BLOB = "onnx/face.onnx"
_TOLERANCE = 5e-3  # weights are stored in half precision


class Named(nn.Module):
    """The network with a plain tuple of its first `count` outputs, as exporters want it."""

    def __init__(self, network: nn.Module, count: int) -> None:
        super().__init__()
        self.network, self.count = network, count

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.network(*inputs)[: self.count])


def export(
    network: nn.Module, outputs: Sequence[str], extra_inputs: Mapping[str, tuple[int, ...]]
) -> tuple[bytes, float]:
    """ONNX of a face or expression network, and its difference from torch; the network itself is left alone."""
    folded = fold(copy.deepcopy(network).eval().cpu())
    generator = torch.Generator().manual_seed(0)
    examples = [torch.rand(1, 3, SIZE, SIZE, generator=generator)]
    examples += [torch.randn(shape, generator=generator) * 0.1 for shape in extra_inputs.values()]
    return to_onnx(Named(folded, len(outputs)), examples, ["image", *extra_inputs], outputs, _TOLERANCE, WHOLE)


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
        "refine": 1,
        "landmarks": {"network": "face", "decode": "points", "count": POINTS, "dims": 2, "min_presence": MIN_PRESENCE},
        "coefficients": {"layout": ARKIT52.name, "extras": list(TONGUE)},
        "coefficient_filter": COEFFICIENT_FILTER,
        "visibility": {
            "regions": list(landmarks.REGIONS),
            "min": 0.35,
            "coefficients": {region: _matching(patterns) for region, patterns in _NEEDS.items()},
        },
        "gaze": {"eyes": [landmarks.IRIS[0].start, landmarks.IRIS[1].start]},
        "pose": {"kind": "network", "canonical": "geometry/canonical.f32", "fov_y_degrees": 50},
    }


def _matching(patterns: Sequence[str]) -> list[str]:
    from fnmatch import fnmatchcase

    return [name for name in NAMES if any(fnmatchcase(name, pattern) for pattern in patterns)]


def network_section(
    outputs: Mapping[str, tuple[int, ...]], extra_inputs: Mapping[str, tuple[int, ...]]
) -> dict[str, Any]:
    """The manifest's description of the network."""
    image = {"layout": "nchw", "color": "rgb", "scale": [1 / 255] * 3, "bias": [0, 0, 0]}
    inputs: dict[str, Any] = {"image": {"shape": [1, 3, SIZE, SIZE], "image": image}}
    inputs |= {name: {"shape": list(shape)} for name, shape in extra_inputs.items()}
    return {
        "inputs": inputs,
        "outputs": {name: {"shape": list(shape)} for name, shape in outputs.items()},
    }


def with_target(description: Mapping[str, Any], metrics: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest of a bundle that holds its one network as ONNX in float, as training writes it."""
    ((name, network),) = description["networks"].items()
    run = {**network, "targets": targets(BLOB, [*network["inputs"], *network["outputs"]])}
    return {**description, "networks": {name: run}, "metrics": dict(metrics)}


def blobs() -> dict[str, bytes]:
    """The bundle's members beside the network."""
    return {"geometry/canonical.f32": canonical().tobytes()}


def manifest() -> dict[str, Any]:
    """What the `face` bundle says of itself, but for targets and metrics."""
    return {
        "schema": 1,
        "name": "face",
        "task": "face",
        "licence": licence(),
        "training_data": TRAINING_DATA,
        "networks": {"face": network_section(OUTPUTS, {})},
        "detect": {"bundle": "detect"},
        "face": face_section(),
    }


def write(path: Path, network: nn.Module, metrics: Mapping[str, Any]) -> None:
    """Writes the `face` bundle."""
    onnx, parity = export(network, list(OUTPUTS), {})
    described = with_target(manifest(), {**metrics, "parity_with_torch": parity})
    path.parent.mkdir(parents=True, exist_ok=True)
    Bundle.write(path, described, {BLOB: onnx, **blobs()})


def load_weights(network: nn.Module, path: Path) -> None:
    """Begins with the averaged weights of a checkpoint.

    Raises:
        TrainingError: it is missing, damaged, or of another network.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        network.load_state_dict(state["average"])
    except Exception as error:  # torch raises half a dozen kinds
        raise TrainingError(
            "training.checkpoint", f"{path} does not hold this network's weights ({error}).", "Give its checkpoint.pt."
        ) from error
