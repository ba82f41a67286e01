"""mien.importers.onnx_toml: ONNX files described by a TOML file."""

from __future__ import annotations

from pathlib import Path

import mien
import models
import pytest
from mien.bundle import Bundle
from mien.errors import BundleError
from mien.importers.select import import_model

IMAGE = 'layout = "nchw", color = "rgb", scale = [0.00392, 0.00392, 0.00392], bias = [0, 0, 0]'
GOOD = f"""
name = "cross"
task = "face"
training_data = "none"
[licence]
spdx = "CC0-1.0"
source = "here"
[networks.landmarks]
file = "nets/landmarks.onnx"
inputs.image = {{ tensor = "image", shape = [1, 3, 16, 16], image = {{ {IMAGE} }} }}
outputs.points = {{ tensor = "points_out", shape = [1, 5, 2] }}
outputs.presence = {{ tensor = "presence_out", shape = [1, 1, 1, 1] }}
[face]
crop_from_landmarks = {{ scale = [2, 2], square = true }}
landmarks = {{ network = "landmarks", decode = "points", count = 5, dims = 2 }}
"""


def described(tmp_path: Path, text: str = GOOD, licence: bool = False) -> Path:
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets/landmarks.onnx").write_bytes(models.landmark_network(presence=10))
    if licence:
        (tmp_path / "nets/LICENSE").write_text("do what you like")
    (tmp_path / "cross.toml").write_text(text)
    return tmp_path / "cross.toml"


def imported(tmp_path: Path, text: str = GOOD, licence: bool = False) -> Path:
    return import_model(described(tmp_path, text, licence), tmp_path / "a.mien")


def test_a_described_model_runs(tmp_path: Path) -> None:
    with mien.open(imported(tmp_path)) as pipeline:
        state = pipeline.process(models.blocks((3, 3)))
    assert state.found
    assert state.landmarks is not None
    assert len(state.landmarks) == 5


def test_everything_described_is_in_the_manifest(tmp_path: Path) -> None:
    with Bundle.open(imported(tmp_path)) as bundle:
        manifest = bundle.manifest
        assert (manifest.name, manifest.task, manifest.licence, manifest.source) == ("cross", "face", "CC0-1.0", "here")
        assert manifest.training_data == "none"
        (target,) = manifest.networks["landmarks"].targets
        assert (target.engine, target.precision) == ("onnxruntime", "fp32")
        assert target.tensors == {"image": "image", "points": "points_out", "presence": "presence_out"}
        assert bundle.names() == ["onnx/landmarks.onnx"]


def test_a_licence_beside_the_model_is_carried_over(tmp_path: Path) -> None:
    with Bundle.open(imported(tmp_path, licence=True)) as bundle:
        (member,) = bundle.manifest.root.section("licence").texts("texts")
        assert bytes(bundle.blob(member)) == b"do what you like"
        assert bundle.manifest.licence == "CC0-1.0"


@pytest.mark.parametrize("licence", [True, False])
@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "cross"', "", "manifest.name"),
        ('task = "face"', "task = 3", "manifest.task"),
        ('[licence]\nspdx = "CC0-1.0"\nsource = "here"', "", "licence"),
        ('[licence]\nspdx = "CC0-1.0"\nsource = "here"', 'licence = "CC0-1.0"', "licence"),
        ('file = "nets/landmarks.onnx"', "", "networks.landmarks.file"),
        ('file = "nets', 'precison = "fp16"\nfile = "nets', "networks.landmarks.precison means nothing"),
        ('tensor = "image", ', "", "networks.landmarks.inputs.image.tensor"),
        ("shape = [1, 5, 2]", "size = 5", "networks.landmarks.outputs.points.shape"),
        ("[1, 3, 16, 16]", "[1, 16, 16, 3]", "networks.landmarks.inputs.image"),
        ('color = "rgb"', 'color = "xyz"', "image.color"),
        ("bias = [0, 0, 0]", "bias = [0, nan, 0]", "JSON"),
        ('name = "cross"', 'name = "cross"\nmade = 2024-05-01', "JSON"),
        ("[networks.landmarks]", '[networks."../x"]', "not a plain relative path"),
    ],
)
def test_a_wrong_description_names_the_field(old: str, new: str, message: str, licence: bool, tmp_path: Path) -> None:
    assert old in GOOD
    with pytest.raises(BundleError, match=message):
        imported(tmp_path, GOOD.replace(old, new), licence)
    assert not (tmp_path / "a.mien").exists()


@pytest.mark.parametrize("text", ["name = ", "= 3", "\0", "[a]\n[a]\n", 'name = "x'])
def test_what_is_no_toml_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(BundleError) as refused:
        imported(tmp_path, text)
    assert refused.value.code == "import.toml"


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BundleError) as refused:
        import_model(tmp_path / "a.toml", tmp_path / "a.mien")
    assert refused.value.code == "import.toml"


@pytest.mark.parametrize("file", ["nets/absent.onnx", "nets"])
def test_a_model_that_is_not_there_is_refused(file: str, tmp_path: Path) -> None:
    with pytest.raises(BundleError) as refused:
        imported(tmp_path, GOOD.replace("nets/landmarks.onnx", file))
    assert refused.value.code == "import.missing"
