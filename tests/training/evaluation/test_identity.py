"""What embeddings say of whom a picture shows."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from training.errors import TrainingError
from training.evaluation.identity import Recogniser, figures


def people(count: int) -> np.ndarray:
    """Embeddings of strangers, 1.4 apart."""
    return np.eye(count, 128, dtype=np.float32)


def test_outputs_that_show_their_portraits_people_are_recognised() -> None:
    portraits, drivers = people(20), np.roll(people(40)[20:], 3, axis=0)
    noise = np.random.default_rng(1).normal(0, 0.02, portraits.shape).astype(np.float32)
    found = figures(portraits, portraits + noise, portraits, drivers)
    assert found["same_person"] == found["first_of_all"] == found["nearer_to_portrait_than_to_driver"] == 1
    assert found["to_portrait"] < 0.4
    assert found["strangers"] == pytest.approx(2**0.5)


def test_outputs_that_show_the_driver_are_not() -> None:
    portraits, drivers = people(20), people(40)[20:]
    found = figures(portraits, drivers, portraits, drivers)
    assert found["same_person"] == found["nearer_to_portrait_than_to_driver"] == found["to_driver"] == 0
    assert found["first_of_all"] <= 0.05
    assert found["truth_first_of_all"] == 1


@pytest.mark.skipif(find_spec("dlib") is not None, reason="dlib is installed")
def test_without_the_recogniser_the_command_that_brings_it_is_named() -> None:
    with pytest.raises(TrainingError, match=r"mien\[evaluate\]") as refused:
        Recogniser()
    assert refused.value.code == "evaluation.missing"
