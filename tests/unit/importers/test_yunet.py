"""mien.importers.yunet: YuNet's .onnx becomes a detector's bundle."""

from __future__ import annotations

from pathlib import Path

import mien
import pytest
from mien.bundle import Bundle
from mien.errors import BundleError, DeviceError
from mien.importers.select import import_model

FIXED, DYNAMIC = "oracles/yunet/yunet_n_320_320.onnx", "oracles/yunet/yunet_n_dynamic.onnx"


def copied(shared: Path, tmp_path: Path, name: str, source: str = DYNAMIC) -> Path:
    (tmp_path / name).write_bytes((shared / source).read_bytes())
    return tmp_path / name


@pytest.mark.parametrize(
    ("name", "size"),
    [("yunet_n_480_640.onnx", (480, 640)), ("YuNet.onnx", (320, 320)), ("yunet_2023.onnx", (320, 320))],
)
def test_the_size_is_that_of_the_file_s_name(name: str, size: tuple[int, int], shared: Path, tmp_path: Path) -> None:
    with Bundle.open(import_model(copied(shared, tmp_path, name), tmp_path / "a.mien")) as bundle:
        assert bundle.manifest.networks["detector"].inputs["image"].shape == (1, 3, *size)


def test_a_dynamic_model_runs_at_the_size_of_its_name(shared: Path, tmp_path: Path, astronaut: Path) -> None:
    path = import_model(copied(shared, tmp_path, "yunet_640_640.onnx"), tmp_path / "a.mien")
    with mien.open(path) as pipeline:
        (state,) = pipeline.stream(str(astronaut))
    assert state.found


def test_the_licence_is_carried_over(shared: Path, yunet_bundle: Path) -> None:
    with Bundle.open(yunet_bundle) as bundle:
        assert bundle.manifest.licence == "Apache-2.0"
        assert bytes(bundle.blob("licence/LICENSE")) == (shared / FIXED).with_name("LICENSE").read_bytes()
        assert "WIDER" in bundle.manifest.training_data


@pytest.mark.parametrize("content", [b"", b"no model"])
def test_a_file_that_is_no_yunet_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "yunet.onnx").write_bytes(content)
    with pytest.raises(BundleError) as refused:
        import_model(tmp_path / "yunet.onnx", tmp_path / "a.mien")
    assert refused.value.code == "import.content"


def test_a_damaged_model_is_refused_when_opened(shared: Path, tmp_path: Path) -> None:
    path = copied(shared, tmp_path, "yunet_320_320.onnx", FIXED)
    data = bytearray(path.read_bytes())
    data[100:200] = bytes(100)
    path.write_bytes(data)
    with pytest.raises((DeviceError, mien.ModelError)):
        mien.open(import_model(path, tmp_path / "a.mien"))


def test_a_name_that_lies_about_the_size_is_refused_when_opened(shared: Path, tmp_path: Path) -> None:
    path = copied(shared, tmp_path, "yunet_640_640.onnx", FIXED)
    with pytest.raises(mien.ModelError) as refused:
        mien.open(import_model(path, tmp_path / "a.mien"))
    assert refused.value.code == "model.tensors"
