"""Public .tflite files come without a signature and with weights in half; the quantizer gets what it wants."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mien.backends.litert import LiteRtSession
from mien.bundle import Bundle

from quantization.methods._tflite import prepared


@pytest.fixture(scope="module")
def model(mediapipe_bundle: Path) -> bytes:
    """MediaPipe's landmark network."""
    with Bundle.open(mediapipe_bundle) as bundle:
        (target,) = bundle.manifest.networks["landmarks"].targets
        return bytes(bundle.blob(target.blob))


def test_a_prepared_file_is_the_same_function(model: bytes) -> None:
    before, after = (LiteRtSession(memoryview(data), device="CPU", threads=1) for data in (model, prepared(model)))
    assert before.inputs == after.inputs
    assert before.outputs == after.outputs
    rng = np.random.default_rng(0)
    feeds = {name: rng.random(shape).astype(np.float32) for name, shape in before.inputs.items()}
    names = list(before.outputs)
    for a, b in zip(before.run(feeds, names), after.run(feeds, names), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-3)


def test_a_file_that_needs_nothing_comes_back_as_it_is(model: bytes) -> None:
    once = prepared(model)
    assert once != model
    assert prepared(once) == once
