"""The manifest of the `expression` bundle: that of `face`, and what the heads on top of it say."""

from __future__ import annotations

from typing import Any

from export.manifests.common import RENDERED, licence
from export.manifests.face import OUTPUTS, face_section, network_section
from training.models.expression import EMBEDDING, EMOTIONS, GRID, UNITS
from training.performer import labels

OWN: dict[str, tuple[int, ...]] = {
    "aus": (1, UNITS),
    "emotion": (1, EMOTIONS),
    "affect": (1, 2),
    "embedding": (1, EMBEDDING),
    "raw_embedding": (1, EMBEDDING),
    "unknown": (1, 1),
    "attention": (1, GRID, GRID),
}
NEUTRAL = {"neutral": (1, EMBEDDING)}


def manifest(size: int) -> dict[str, Any]:
    """What the `expression` bundle says of itself, for a network that looks at so many pixels."""
    return {
        "schema": 1,
        "name": "expression",
        "task": "expression",
        "licence": licence(),
        "training_data": RENDERED + " Action units, emotions, valence and arousal are labels made by rules.",
        "networks": {"face": network_section(size, OUTPUTS | OWN, NEUTRAL)},
        "detect": {"bundle": "detect"},
        "face": face_section(),
        "expression": {"aus": list(labels.ACTION_UNITS), "emotions": list(labels.EMOTIONS)},
    }
