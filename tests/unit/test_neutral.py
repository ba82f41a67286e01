"""mien.neutral: the mean embedding of a user at rest."""

from __future__ import annotations

from dataclasses import replace

import mien
import numpy as np
import pytest
from mien.errors import InputError
from mien.layouts import ARKIT52
from mien.types import FaceState, no_face


def state(*embedding: float) -> FaceState:
    return replace(no_face(0, ARKIT52), id=0, raw_embedding=np.float32(embedding))


def test_the_mean_of_raw_embeddings_leaves_out_frames_without_a_face() -> None:
    mean = mien.mean_embedding([state(1, 2), no_face(1, ARKIT52), state(3, 6)])
    assert mean.dtype == np.float32
    assert mean.tolist() == [2, 4]


@pytest.mark.parametrize("states", [[], [no_face(0, ARKIT52)]])
def test_without_any_embedding_there_is_no_mean(states: list[FaceState]) -> None:
    with pytest.raises(InputError) as refused:
        mien.mean_embedding(states)
    assert refused.value.code == "neutral.empty"
