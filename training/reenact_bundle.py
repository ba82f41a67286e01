"""The `reenact` bundle: a trained network as ONNX, the face's mesh, and the manifest that says how to use them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mien.bundle import Bundle

from training import reenact_mesh
from training.bundling import licence, targets, to_onnx
from training.face_bundle import Named
from training.models.blocks import fold
from training.models.reenact import CELLS, DRIVE, HALF, ReenactNetwork
from training.portraits import SPAN

INPUTS = {"cells": (1, CELLS, HALF, HALF), "drive": (1, DRIVE)}
OUTPUTS = {"keep": (1, 4, HALF, HALF), "change": (1, 12, HALF, HALF)}
BLOB, MESH = "onnx/reenact.onnx", "geometry/mesh.npz"
TRAINING_DATA = (
    "Renders of mien's own synthetic performer (ICT-FaceKit geometry, MIT; expression curves from recorded Live Link "
    "Face takes, MIT, and from rules). No photograph of a person was used."
)
_TOLERANCE = 5e-3  # weights are stored in half precision


def reenact_section() -> dict[str, Any]:
    """The manifest's `reenact` section."""
    return {"network": "reenact", "mesh": MESH, "span_cm": SPAN, "face": "face"}


def manifest() -> dict[str, Any]:
    """What the bundle says of itself, but for targets and metrics."""
    network = {
        "inputs": {name: {"shape": list(shape)} for name, shape in INPUTS.items()},
        "outputs": {name: {"shape": list(shape)} for name, shape in OUTPUTS.items()},
    }
    return {
        "schema": 1,
        "name": "reenact",
        "task": "reenact",
        "licence": licence(),
        "training_data": TRAINING_DATA,
        "networks": {"reenact": network},
        "reenact": reenact_section(),
    }


def export(network: ReenactNetwork) -> tuple[bytes, float]:
    """ONNX of the folded network, and its difference from torch; the network itself is left alone."""
    generator = torch.Generator().manual_seed(0)
    examples = [torch.rand(shape, generator=generator) for shape in INPUTS.values()]
    module = Named(fold(copy.deepcopy(network).eval().cpu()), len(OUTPUTS))
    return to_onnx(module, examples, list(INPUTS), list(OUTPUTS), _TOLERANCE)


def write(path: Path, network: ReenactNetwork, metrics: Mapping[str, Any]) -> None:
    """Writes the bundle with its one network as ONNX in float."""
    onnx, parity = export(network)
    described = manifest()
    described["networks"]["reenact"]["targets"] = targets(BLOB, [*INPUTS, *OUTPUTS])
    described["metrics"] = {**metrics, "parity_with_torch": parity}
    path.parent.mkdir(parents=True, exist_ok=True)
    Bundle.write(path, described, {BLOB: onnx, MESH: reenact_mesh.blob()})
