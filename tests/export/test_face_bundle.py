"""Bundles of untrained networks: written, opened by the runtime beside a detector, run on a picture."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mien
import models
import numpy as np
import pytest
import torch
from mien.layouts import ARKIT52
from torch import Tensor, nn

from export.manifests import expression as expression_manifest
from export.manifests import face as face_manifest
from export.manifests.expression import NEUTRAL, OWN
from export.manifests.face import OUTPUTS, canonical, face_section, members
from export.named import Named
from export.recipe import Recipe
from export.recipes.face import WHOLE
from training.expressing import places
from training.models.blocks import fold
from training.models.expression import ExpressionNetwork, Heads
from training.models.face import POINTS, SIZE, FaceNetwork, FaceOutputs
from training.performer.coefficients import COEFFICIENTS as NAMES
from training.performer.coefficients import TONGUE
from training.performer.labels import ACTION_UNITS, EMOTIONS
from training.performer.landmarks import CROP

from .conftest import made

pytestmark = pytest.mark.shared


class Sure(nn.Module):
    """An untrained network, but for an upright face, in full view, that it finds in every crop."""

    points: Tensor

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(4)
        self.network = FaceNetwork()
        places = torch.rand(POINTS, 2) * 1.6 - 0.8  # in half crops
        places[:68] = torch.from_numpy(canonical()[:, :2] * np.float32([0.07, -0.07]))
        places[-2:] = (
            torch.tensor([[-1.0, -1], [1, 1]]) / CROP
        )  # the crop that the points ask for is the one they lie in
        self.register_buffer("points", (places + 1) * (SIZE / 2))

    def forward(self, image: Tensor) -> FaceOutputs:
        out: FaceOutputs = self.network(image)
        return out._replace(
            points=out.points * 0 + self.points,
            rotation=out.rotation * 0 + torch.eye(3),
            gaze=out.gaze * 0 + torch.tensor([0.0, 0, 1]),
            visibility=out.visibility * 0 + 6,
            presence=out.presence * 0 + 6,
        )


def untrained() -> Sure:
    return Sure().eval()


def bundled(network: nn.Module, manifest: dict[str, Any], outputs: Sequence[str], **more: Tensor) -> Recipe:
    """The recipe of a network that looks at a crop and is given what else there is."""
    torch.manual_seed(5)
    return Recipe(
        name=manifest["name"],
        module=Named(fold(network), len(outputs)),
        inputs={"image": torch.rand(1, 3, SIZE, SIZE), **more},
        outputs=outputs,
        manifest={**manifest, "metrics": {"pictures": 0}},
        network="face",
        blobs=members(),
        image="image",
        keep_whole=WHOLE,
        tolerance=5e-3,  # its weights were never rounded
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """face.mien beside the detector of `models`."""
    path = tmp_path_factory.mktemp("bundles")
    models.write_detect(path / "detect.mien")
    made(path / "face.mien", bundled(untrained(), face_manifest.manifest(SIZE), list(OUTPUTS)))
    return path


def test_the_face_bundle_finds_and_reads_a_face(folder: Path) -> None:
    with mien.open(folder / "face.mien") as face:
        state = face.process(models.blocks((3, 3)))
    assert state.layout.name == ARKIT52.name
    assert state.confidence > 0.99
    assert state.valid.all()
    assert 0 <= state.values.min() <= state.values.max() <= 1
    assert state.extras is not None
    assert tuple(state.extras) == TONGUE
    assert state.landmarks is not None
    assert len(state.landmarks) == 220
    assert state.visibility is not None
    assert min(state.visibility.values()) > 0.99
    assert state.gaze is not None
    np.testing.assert_allclose(state.gaze, [[0, 0, 1]] * 2, atol=1e-3)
    assert state.head is not None
    np.testing.assert_allclose(state.head.rotation, [0, 0, 0, 1], atol=1e-3)


def test_the_runtime_gives_what_torch_gives(folder: Path) -> None:
    """The same crop, white all over: a frame in which everything is a face."""
    frame = np.full((64, 64, 3), 255, np.uint8)
    with mien.open(folder / "face.mien") as face:
        state = face.process(frame)
    with torch.no_grad():
        expected = untrained()(torch.ones(1, 3, SIZE, SIZE)).coefficients[0, :52].clamp(0, 1)
    np.testing.assert_allclose(state.raw, expected.numpy(), atol=5e-3)


def test_the_manifest_says_how_well_and_on_what_it_was_trained(folder: Path) -> None:
    with zipfile.ZipFile(folder / "face.mien") as bundle:
        manifest = json.loads(bundle.read("manifest.json"))
    assert manifest["metrics"]["pictures"] == 0
    assert 0 <= manifest["metrics"]["export"]["targets"]["ort-cpu"]["parity"] < 5e-3
    assert "No photograph of a person was used" in manifest["training_data"]
    whole = (folder / "face.mien").read_bytes()
    assert str(Path.home()).encode() not in whole
    assert len(whole) < 12 << 20


def test_hidden_regions_take_known_coefficients_with_them() -> None:
    visibility = face_section()["visibility"]
    assert list(visibility["coefficients"]) == visibility["regions"]
    for region, names in visibility["coefficients"].items():
        assert names, region
        assert set(names) <= set(NAMES)
    assert "eyeBlinkLeft" in visibility["coefficients"]["eyeLeft"]
    assert "tongueOut" in visibility["coefficients"]["mouth"]


def test_the_canonical_head_is_symmetric_about_the_eyes() -> None:
    rows = canonical()
    assert rows.shape == (68, 4)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows[[36, 39], :2] * (-1, 1), rows[[45, 42], :2], atol=0.1)
    assert np.abs(rows[36:48, 1]).max() < 1
    assert rows[:17, 3].max() < rows[48:, 3].min() < rows[27, 3]


def test_coefficients_that_two_regions_show_are_listed_for_both() -> None:
    needs = face_section()["visibility"]["coefficients"]
    assert {region for region, names in needs.items() if "jawOpen" in names} == {"mouth", "jaw"}
    assert {region for region, names in needs.items() if "browInnerUp" in names} == {"browLeft", "browRight"}


def test_the_expression_bundle_tells_what_the_face_expresses(tmp_path: Path) -> None:
    models.write_detect(tmp_path / "detect.mien")
    network = ExpressionNetwork(untrained(), Heads(places()))
    manifest, outputs = expression_manifest.manifest(SIZE), list(OUTPUTS | OWN)
    neutral = torch.zeros(NEUTRAL["neutral"])
    made(tmp_path / "expression.mien", bundled(network.eval(), manifest, outputs, neutral=neutral))
    with mien.open(tmp_path / "expression.mien") as expression:
        state = expression.process(models.blocks((3, 3)))
    assert state.aus is not None
    assert tuple(state.aus) == ACTION_UNITS
    assert state.emotion is not None
    assert tuple(state.emotion) == EMOTIONS
    assert sum(state.emotion.values()) == pytest.approx(1, abs=1e-3)
    assert state.embedding is not None
    assert np.linalg.norm(state.embedding) == pytest.approx(1, abs=1e-3)
    assert state.attention is not None
    assert state.attention.shape == (14, 14)
    assert state.attention.sum() == pytest.approx(1, abs=1e-3)
    assert state.values.shape == (52,)
