"""Task `expression`: all that `face` gives, and what the face expresses.

Action units, emotions, valence and arousal, an embedding, how unknown the expression is, and where the network looked:
further outputs of the same network, as the manifest's `expression` section names them.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from mien.errors import InputError
from mien.tasks._following import Followed
from mien.tasks.face import FaceTask
from mien.types import F32


class ExpressionTask(FaceTask):
    """Faces with their expression. Each output is optional: what the network does not give is None."""

    name: ClassVar[str] = "expression"

    def set_neutral(self, stream: Followed, neutral: F32 | None) -> None:
        held = stream.buffer("neutral")
        if held is None:
            super().set_neutral(stream, neutral)
            return
        buffer = held.reshape(-1)
        given = np.zeros_like(buffer) if neutral is None else np.asarray(neutral)
        if given.shape != buffer.shape or given.dtype.kind != "f" or not np.isfinite(given).all():
            raise InputError(
                "neutral.value",
                f"A neutral embedding is {buffer.size} finite numbers, not {given.dtype} of shape {given.shape}.",
                "Make one with mien.mean_embedding(states).",
            )
        buffer[:] = given
