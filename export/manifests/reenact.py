"""The manifest of the `reenact` bundle: the network that refines a warped portrait, and the mesh that warps it."""

from __future__ import annotations

from typing import Any

from export.manifests.common import RENDERED, licence, ports
from training import reenact_mesh
from training.models.reenact import CELLS, DRIVE, HALF
from training.portraits import SPAN

INPUTS = {"cells": (1, CELLS, HALF, HALF), "drive": (1, DRIVE)}
OUTPUTS = {"keep": (1, 4, HALF, HALF), "change": (1, 12, HALF, HALF)}
MESH = "geometry/mesh.npz"


def reenact_section() -> dict[str, Any]:
    """The manifest's `reenact` section."""
    return {"network": "reenact", "mesh": MESH, "span_cm": SPAN, "face": "face"}


def members() -> dict[str, bytes]:
    """The bundle's members beside the network; needs the assets of training."""
    return {MESH: reenact_mesh.blob()}


def manifest() -> dict[str, Any]:
    """What the bundle says of itself, but for targets and metrics."""
    return {
        "schema": 1,
        "name": "reenact",
        "task": "reenact",
        "licence": licence(),
        "training_data": RENDERED,
        "networks": {"reenact": ports(INPUTS, OUTPUTS)},
        "reenact": reenact_section(),
    }
