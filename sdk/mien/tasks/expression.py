"""Task `expression`: all that `face` gives, and what the face expresses.

Action units, emotions, valence and arousal, an embedding, how unknown the expression is, and where the network looked:
further outputs of the same network, as the manifest's `expression` section names them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from mien.bundle import Bundle
from mien.errors import BundleError, InputError
from mien.manifest import Section
from mien.tasks._landmarks import Found
from mien.tasks._loader import Loader
from mien.tasks.face import FaceStream, FaceTask
from mien.types import F32, FaceState, Frame

_Reading = tuple[str, Callable[[F32], dict[str, Any]]]  # an output, and the FaceState fields that it makes


class ExpressionTask(FaceTask):
    """Faces with their expression. Each output is optional: what the network does not give is None."""

    name: ClassVar[str] = "expression"

    def __init__(
        self, bundle: Bundle, load: Loader, *, max_faces: int = 1, tracking: bool = True, smoothing: bool = True
    ) -> None:
        super().__init__(bundle, load, max_faces=max_faces, tracking=tracking, smoothing=smoothing)
        section = bundle.manifest.root.section("expression")
        self._readings = [*self._named(section), *self._plain()]
        if not self._readings:
            raise BundleError("manifest.field", f"{section.path}: the network has no output for it.", "")
        neutral = self._landmarks.loaded.network.inputs.get("neutral")
        self._neutral_size = math.prod(neutral.shape) if neutral else 0

    def _named(self, section: Section) -> list[_Reading]:
        """The outputs whose values the manifest names."""
        readings: list[_Reading] = []
        for output, field, source in (("aus", "aus", "aus"), ("emotion", "emotion", "emotions")):
            if source in section:
                names = tuple(section.texts(source))
                self._landmarks.expect(output, len(names))
                readings.append((output, _by_name(field, names)))
        return readings

    def _plain(self) -> list[_Reading]:
        """The outputs that need no names."""
        outputs = self._landmarks.loaded.network.outputs
        for output, size in (("affect", 2), ("unknown", 1)):
            if output in outputs:
                self._landmarks.expect(output, size)
        if "attention" in outputs and len(outputs["attention"].shape) != 3:
            raise BundleError("manifest.field", "Output attention has to have the shape (1, H, W).", "")
        known: dict[str, Callable[[F32], dict[str, Any]]] = {
            "affect": _affect,
            "embedding": lambda value: {"embedding": value.reshape(-1)},
            "raw_embedding": lambda value: {"raw_embedding": value.reshape(-1)},
            "unknown": lambda value: {"unknown": min(1.0, max(0.0, float(value.reshape(-1)[0])))},
            "attention": lambda value: {"attention": value[0]},
        }
        return [(output, read) for output, read in known.items() if output in outputs]

    def set_neutral(self, stream: FaceStream, neutral: F32 | None) -> None:
        if not self._neutral_size:
            super().set_neutral(stream, neutral)
            return
        buffer = stream.landmarks.buffer("neutral").reshape(-1)
        given = np.zeros_like(buffer) if neutral is None else np.asarray(neutral)
        if given.shape != buffer.shape or given.dtype.kind != "f" or not np.isfinite(given).all():
            raise InputError(
                "neutral.value",
                f"A neutral embedding is {buffer.size} finite numbers, not {given.dtype} of shape {given.shape}.",
                "Make one with mien.mean_embedding(states).",
            )
        buffer[:] = given

    def _state(self, face: Found, identity: int, frame: Frame) -> FaceState:
        fields: dict[str, Any] = {}
        for output, read in self._readings:
            fields |= read(face.outputs[output])
        return replace(super()._state(face, identity, frame), **fields)


def _by_name(field: str, names: tuple[str, ...]) -> Callable[[F32], dict[str, Any]]:
    def read(value: F32) -> dict[str, Any]:
        clamped = np.minimum(np.maximum(value.reshape(-1), 0.0), 1.0)
        return {field: dict(zip(names, clamped.tolist(), strict=True))}

    return read


def _affect(value: F32) -> dict[str, Any]:
    valence, arousal = np.minimum(np.maximum(value.reshape(-1), -1.0), 1.0).tolist()
    return {"valence": valence, "arousal": arousal}
