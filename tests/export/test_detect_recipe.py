"""The detect recipe: a checkpoint's network finds in a bundle what it finds in training."""

from __future__ import annotations

from pathlib import Path

import mien
import numpy as np
import torch

from export.recipes import detect
from training import checkpoint
from training.detection import find
from training.models.detect import COLUMNS, ROWS, DetectNetwork

from .conftest import made


def test_the_bundle_runs_as_the_training_saw_the_network(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = DetectNetwork().eval()
    picture = np.random.default_rng(0).integers(0, 255, (ROWS, COLUMNS, 3), np.uint8)
    with torch.no_grad():
        network.head[2].bias[0] = 3.0  # untrained, it finds nothing
    expected = find(network, picture[None])[0]
    checkpoint.write(tmp_path / "detect.pt", network, {})
    path = made(tmp_path / "detect.mien", detect.recipe(tmp_path / "detect.pt"))
    with mien.open(path, device="onnxruntime", max_faces=20) as pipeline:
        boxes = [face.box for face in pipeline.process_all(picture)]
    assert len(boxes) == min(len(expected), 20) > 0
    np.testing.assert_allclose(boxes[:3], expected[:3, 1:5], atol=0.1)
