"""Bundles whose one network gives everything about a face, as the default `face` and `expression` bundles do.

As in `models`, white blocks on black are faces. What the network says of a face is constant, but for presence, which is
the crop's brightness, and the embedding, from which the `neutral` input is taken off.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import models
import numpy as np
import numpy.typing as npt
from mien.bundle import Bundle
from mien.layouts import ARKIT52
from models import CROP, CROSS, node

EXTRAS = ("tongueUp", "tongueDown")
REGIONS = ("eyeLeft", "mouth")
AUS = ("AU01", "AU12", "AU26")
EMOTIONS = ("neutral", "happy")
CANONICAL = np.float32(  # centimetres and weight; seen from the front it is the cross of `models`
    [[-4, 0, 0, 1], [4, 0, 0, 1], [0, 4, 0, 1], [0, -4, 0, 1], [0, 0, 2, 1]]
)

Array = npt.NDArray[Any]

FACE: dict[str, Array] = {
    "points": np.float32(CROSS)[None],
    "coefficients": np.linspace(-0.5, 1.5, 54, dtype=np.float32)[None],
    "rotation": np.eye(3, dtype=np.float32)[None],
    "gaze": np.float32([[[0, 0, 1], [0.6, 0, 0.8]]]),
    "visibility": np.float32([[4, 4]]),
}
EXPRESSION: dict[str, Array] = {
    "aus": np.float32([[-0.1, 0.5, 1.1]]),
    "emotion": np.float32([[0.25, 0.75]]),
    "affect": np.float32([[0.5, -2]]),
    "raw_embedding": np.float32([[3, 4, 0, 0]]),
    "unknown": np.float32([[0.125]]),
    "attention": np.full((1, 14, 14), 1 / 196, np.float32),
}


def direct_network(**constants: Array) -> bytes:
    """Gives the constants, `presence`, and with a `raw_embedding` also `embedding` = it - `neutral`, normalised."""
    held = {**constants, "gain": np.float32([20]), "offset": np.float32([10]), "one": np.int64([1, 1])}
    nodes = [node("Identity", [name], [f"{name}_out"]) for name in constants]
    nodes += [
        node("ReduceMean", ["image"], ["bright"], axes=[1, 2, 3], keepdims=1),
        node("Mul", ["bright", "gain"], ["scaled"]),
        node("Sub", ["scaled", "offset"], ["logit"]),
        node("Reshape", ["logit", "one"], ["presence_out"]),
    ]
    inputs: dict[str, Any] = {"image": (1, 3, CROP, CROP)}
    outputs: dict[str, Any] = {f"{name}_out": value.shape for name, value in constants.items()}
    outputs["presence_out"] = (1, 1)
    if "raw_embedding" in constants:
        inputs["neutral"] = outputs["embedding_out"] = constants["raw_embedding"].shape
        nodes += [
            node("Sub", ["raw_embedding", "neutral"], ["moved"]),
            node("LpNormalization", ["moved"], ["embedding_out"], axis=1, p=2),
        ]
    return models.network(nodes, inputs, outputs, held)


def direct_manifest(task: str, constants: dict[str, Array]) -> dict[str, Any]:
    """The manifest of a bundle with that network, and the detector of `models`."""
    base = models.detect_manifest()
    shapes = {name: list(value.shape) for name, value in constants.items()} | {"presence": [1, 1]}
    inputs: dict[str, Any] = {"image": models.image_port(CROP)}
    if "raw_embedding" in constants:
        shapes["embedding"] = shapes["raw_embedding"]
        inputs["neutral"] = {"shape": shapes["raw_embedding"]}
    tensors = {name: name for name in inputs} | {name: f"{name}_out" for name in shapes}
    network = {
        "inputs": inputs,
        "outputs": {name: {"shape": shape} for name, shape in shapes.items()},
        "targets": [models.target("face", tensors)],
    }
    face = {
        "crop_from_detection": {"scale": [1.0, 1.0], "square": True, "upright": [0, 1]},
        "crop_from_landmarks": {"scale": [2.0, 2.0], "square": True, "upright": [0, 1], "hull": "upright"},
        "landmarks": {"network": "face", "decode": "points", "count": constants["points"].shape[1], "dims": 2},
        "coefficients": {"layout": "arkit52", "extras": list(EXTRAS)},
        "visibility": {
            "regions": list(REGIONS),
            "min": 0.5,
            "coefficients": {
                "eyeLeft": [name for name in ARKIT52.names if name.startswith("eye") and name.endswith("Left")],
                "mouth": ["jawOpen", "tongueOut", *EXTRAS],
            },
        },
        "gaze": {"eyes": [1, 0]},
        "pose": {"kind": "network", "canonical": "geometry/canonical.f32"},
    }
    whole = {**base, "name": task, "task": task, "networks": {**base["networks"], "face": network}, "face": face}
    return {**whole, "expression": {"aus": list(AUS), "emotions": list(EMOTIONS)}} if task == "expression" else whole


def write_direct(
    path: Path,
    task: str = "face",
    change: Callable[[dict[str, Any]], object] = lambda manifest: None,
    **constants: Array,
) -> Path:
    """Writes a bundle; `constants` replace outputs of its network, `change` edits its manifest."""
    held = {**FACE, **(EXPRESSION if task == "expression" else {}), **constants}
    manifest = direct_manifest(task, held)
    change(manifest)
    blobs = {"onnx/face.onnx": direct_network(**held), "geometry/canonical.f32": CANONICAL.tobytes()}
    if "detector" in manifest["networks"]:
        blobs["onnx/detector.onnx"] = models.detector_network()
    Bundle.write(path, manifest, blobs)
    return path


def drop_outputs(manifest: dict[str, Any], *names: str) -> None:
    """Takes outputs of the network out of a manifest."""
    network = manifest["networks"]["face"]
    for name in names:
        del network["outputs"][name], network["targets"][0]["tensors"][name]
