"""A finished bundle can be gone on from: its weights come back with batch norms that can be trained."""

from __future__ import annotations

from pathlib import Path

import mien
import pytest
import torch

from training.errors import TrainingError
from training.models.face import FaceNetwork
from training.weights import begin_with, load_folded

MODELS = Path(mien.__file__).parent / "models"


def test_a_network_that_goes_on_from_a_bundle_answers_as_the_bundle_does_and_learns() -> None:
    torch.manual_seed(0)
    images = torch.rand(32, 3, 144, 144)
    network, finished = FaceNetwork(), load_folded(MODELS / "face.mien")
    begin_with(network, MODELS / "face.mien", images)
    with torch.no_grad():
        for ours, theirs in zip(network.eval()(images), finished(images), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-3)
        # In training the norms take their statistics from the batch: these very pictures, so little changes.
        ours, theirs = network.train()(images), finished(images)
    assert float((ours.points - theirs.points).abs().mean()) < 0.5
    network.train()(images).coefficients.sum().backward()
    assert all(p.grad is not None for name, p in network.named_parameters() if name.startswith(("stem", "mouth")))


def test_only_a_face_bundle_will_do() -> None:
    for name in ("expression", "detect"):
        with pytest.raises(TrainingError) as caught:
            begin_with(FaceNetwork(), MODELS / f"{name}.mien", torch.zeros(2, 3, 144, 144))
        assert caught.value.code == "training.weights"
