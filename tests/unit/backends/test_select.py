"""mien.backends.select: the device string, what runs, and what was refused on the way."""

from __future__ import annotations

import logging
from importlib import metadata
from pathlib import Path
from typing import Any

import mien
import models
import numpy as np
import onnx
import pytest
from mien.backends.onnxruntime import OnnxRuntimeSession
from mien.errors import DeviceError, ModelError


def bundle_with(tmp_path: Path, *targets: dict[str, Any], blobs: bytes | None = None) -> Path:
    """The detector's bundle with other targets, all of which share its tensor names."""
    manifest = models.detect_manifest()
    network = manifest["networks"]["detector"]
    tensors = network["targets"][0]["tensors"]
    network["targets"] = [{**models.target("detector", tensors), **changes} for changes in targets]
    path = tmp_path / "a.mien"
    mien.Bundle.write(path, manifest, {"onnx/detector.onnx": blobs or models.detector_network()})
    return path


@pytest.mark.parametrize("device", ["auto", "cpu", "onnxruntime", "onnxruntime:CPU", "onnxruntime:cpu"])
def test_a_device_that_is_there_is_used_and_reported(device: str, detect_bundle: Path) -> None:
    with mien.open(detect_bundle, device=device) as pipeline:
        (choice,) = pipeline.report().networks
    assert (choice.network, choice.requested, choice.used) == ("detector", device, "onnxruntime:CPU")
    assert (choice.precision, choice.version) == ("fp32", metadata.version("onnxruntime"))
    assert choice.refused == []


@pytest.mark.parametrize("device", ["", "gpu", "onnx", "CPU", "cpu:0", "auto:CPU", "onnxruntime:", ":CPU", None, 0])
def test_a_device_string_that_means_nothing_is_refused(device: Any, detect_bundle: Path) -> None:
    with pytest.raises(DeviceError, match="executorch, litert, onnxruntime, openvino") as refused:
        mien.open(detect_bundle, device=device)
    assert refused.value.code == "device.unknown"


@pytest.mark.parametrize("strict", [True, False])
def test_an_unknown_engine_is_refused_strict_or_not(strict: bool, detect_bundle: Path) -> None:
    with pytest.raises(DeviceError) as refused:
        mien.open(detect_bundle, device="abacus:0", strict=strict)
    assert refused.value.code == "device.unknown"


@pytest.mark.parametrize("device", ["onnxruntime:Abacus", "litert"])
def test_a_named_device_that_cannot_run_it_raises_with_every_refusal(device: str, detect_bundle: Path) -> None:
    with pytest.raises(DeviceError, match="onnxruntime fp32") as refused:
        mien.open(detect_bundle, device=device)
    assert refused.value.code == "device.none"


@pytest.mark.parametrize("device", ["onnxruntime:Abacus", "litert"])
def test_without_strict_it_falls_back_loudly(
    device: str, detect_bundle: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "mien"), mien.open(detect_bundle, device=device, strict=False) as pipeline:
        (choice,) = pipeline.report().networks
        assert pipeline.process(models.blocks((1, 1))).found
    assert (choice.requested, choice.used) == (device, "onnxruntime:CPU")
    assert len(choice.refused) == 1
    assert f"asked for {device}, runs on onnxruntime:CPU" in caplog.text
    assert choice.refused[0] in str(pipeline.report())


def test_auto_goes_through_the_targets_in_the_order_of_the_bundle(tmp_path: Path) -> None:
    path = bundle_with(tmp_path, {"engine": "abacus"}, {"engine": "litert", "precision": "int8"}, {})
    with mien.open(path) as pipeline:
        (choice,) = pipeline.report().networks
    assert choice.used == "onnxruntime:CPU"
    assert [line.split(": ")[0] for line in choice.refused] == ["abacus fp32", "litert:CPU int8"]
    assert "abacus" in choice.refused[0]


def test_a_damaged_model_is_told_among_the_refusals(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match=r"model\.load") as refused:
        mien.open(bundle_with(tmp_path, {}, blobs=models.detector_network()[:200]))
    assert refused.value.code == "device.none"


def test_an_engine_that_is_not_installed_is_refused_with_the_pip_command(
    detect_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OnnxRuntimeSession, "version", classmethod(lambda _: None))
    with pytest.raises(DeviceError, match="pip install onnxruntime"):
        mien.open(detect_bundle)


def test_an_extra_that_is_not_installed_is_refused_with_the_pip_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mien.backends.litert import LiteRtSession

    monkeypatch.setattr(LiteRtSession, "version", classmethod(lambda _: None))
    with mien.open(bundle_with(tmp_path, {"engine": "litert"}, {})) as pipeline:
        assert "pip install 'mien[litert]'" in pipeline.report().networks[0].refused[0]


@pytest.mark.parametrize("tensor", ["image", "cls_out"])
def test_a_tensor_that_the_model_lacks_is_a_model_error(tensor: str, tmp_path: Path) -> None:
    model = onnx.load_from_string(models.detector_network())
    for port in (*model.graph.input, *model.graph.output):
        port.name = port.name.replace(tensor, "renamed")
    for step in model.graph.node:
        for names in (step.input, step.output):
            names[:] = [name.replace(tensor, "renamed") for name in names]
    with pytest.raises(ModelError, match="renamed") as refused:
        mien.open(bundle_with(tmp_path, {}, blobs=model.SerializeToString()))
    assert refused.value.code == "model.tensors"


def test_a_tensor_of_another_shape_is_a_model_error(tmp_path: Path) -> None:
    small = models.network(
        [models.node("Identity", [name], [f"{name}_out"]) for name in ("cls", "obj", "box", "points")],
        {"image": (1, 3, models.SIDE, models.SIDE)},
        {"cls_out": (1, 16, 1), "obj_out": (1, 16, 1), "box_out": (1, 16, 4), "points_out": (1, 16, 4)},
        {name: np.zeros((1, 16, w), np.float32) for name, w in (("cls", 1), ("obj", 1), ("box", 4), ("points", 4))},
    )
    with pytest.raises(ModelError, match=r"\(1, 16, 1\)") as refused:
        mien.open(bundle_with(tmp_path, {}, blobs=small))
    assert refused.value.code == "model.tensors"


def test_an_input_that_the_manifest_does_not_describe_is_a_model_error(tmp_path: Path) -> None:
    model = onnx.load_from_string(models.detector_network())
    model.graph.input.append(onnx.helper.make_tensor_value_info("mood", onnx.TensorProto.FLOAT, [1]))
    with pytest.raises(ModelError, match="mood") as refused:
        mien.open(bundle_with(tmp_path, {}, blobs=model.SerializeToString()))
    assert refused.value.code == "model.tensors"


def test_a_target_made_for_one_device_runs_nowhere_else(tmp_path: Path) -> None:
    """`auto` skips it with the reason; the plain one behind it is used."""
    path = bundle_with(tmp_path, {"device": "Tensorrt", "precision": "fp16"}, {})
    with mien.open(path) as pipeline:
        (choice,) = pipeline.report().networks
    assert (choice.used, choice.precision) == ("onnxruntime:CPU", "fp32")
    (refused,) = choice.refused
    assert "fp16" in refused
    assert "no 'Tensorrt'" in refused
    with mien.open(path, device="onnxruntime:CPU") as pipeline:
        (choice,) = pipeline.report().networks
    assert choice.refused == ["onnxruntime fp16: made for Tensorrt, not for CPU"]
    with pytest.raises(DeviceError) as none:
        mien.open(path, device="onnxruntime:Tensorrt")
    assert none.value.code == "device.none"


def test_a_targets_options_reach_its_engine(tmp_path: Path) -> None:
    path = bundle_with(tmp_path, {"engine": "openvino", "options": {"NO_SUCH_THING": "1"}}, {"engine": "openvino"})
    with mien.open(path) as pipeline:
        (choice,) = pipeline.report().networks
    assert choice.used == "openvino:CPU"
    (refused,) = choice.refused
    assert "NO_SUCH_THING" in refused
