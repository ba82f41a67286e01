"""A user's neutral face as one embedding, to be told to bundles that take it off (see `Pipeline.set_neutral`)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from mien.errors import InputError
from mien.types import F32, FaceState


def mean_embedding(states: Iterable[FaceState]) -> F32:
    """The mean of the raw embeddings of some frames in which the user was at rest; frames without a face are left out.

    Returns:
        float32 (D,), for `Pipeline.set_neutral`.

    Raises:
        InputError: no state has a raw embedding.
    """
    rows = [state.raw_embedding for state in states if state.found and state.raw_embedding is not None]
    if not rows:
        raise InputError(
            "neutral.empty",
            "None of the states has a raw embedding.",
            "Take states with a face from a bundle that gives embeddings, such as `expression`.",
        )
    mean: F32 = np.stack(rows).mean(axis=0, dtype=np.float64).astype(np.float32)
    return mean
