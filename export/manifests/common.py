"""What the manifests of the default bundles share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

RENDERED = (
    "Renders of mien's own synthetic performer (ICT-FaceKit geometry, MIT; expression curves from recorded Live Link "
    "Face takes, MIT, and from rules). No photograph of a person was used."
)

Shapes = Mapping[str, tuple[int, ...]]


def licence() -> dict[str, Any]:
    """The licence section of a default bundle's manifest."""
    return {"spdx": "Apache-2.0", "source": "trained by this project on its own renders"}


def ports(inputs: Shapes, outputs: Shapes) -> dict[str, Any]:
    """A network's section without targets: shapes by logical name. No pixels go in; see `face.network_section`."""
    return {
        "inputs": {name: {"shape": list(shape)} for name, shape in inputs.items()},
        "outputs": {name: {"shape": list(shape)} for name, shape in outputs.items()},
    }
