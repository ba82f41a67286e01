"""mien.backends.select: the device string, what runs, and what was refused on the way."""

from __future__ import annotations

import logging
from importlib import metadata
from pathlib import Path
from typing import Any, ClassVar

import mien
import models
import numpy as np
import onnx
import pytest
from mien import registry
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


@pytest.mark.parametrize("asked", [{"device": "litert"}, {"device": "litert:CPU"}, {"precision": "int8"}])
def test_what_a_bundle_does_not_have_is_said_with_what_it_has(asked: dict[str, str], tmp_path: Path) -> None:
    path = bundle_with(tmp_path, {}, {"engine": "openvino", "precision": "fp16", "device": "GPU"})
    with pytest.raises(DeviceError) as refused:
        mien.open(path, **asked)  # type: ignore[arg-type]
    text = str(refused.value)
    assert refused.value.code == "device.none"
    assert "made for onnxruntime fp32, openvino fp16 for GPU" in text
    assert "docs/export.md" in text
    assert "nstall" not in text


def test_only_what_is_not_installed_is_to_be_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mien.backends.litert import LiteRtSession

    path = bundle_with(tmp_path, {"engine": "litert"}, {})
    with pytest.raises(DeviceError) as damaged:
        mien.open(path, device="litert")  # the member is ONNX, which LiteRT does not read
    assert "nstall" not in str(damaged.value)
    monkeypatch.setattr(LiteRtSession, "version", classmethod(lambda _: None))
    with pytest.raises(DeviceError, match=r"Install what is missing") as missing:
        mien.open(path, device="litert")
    assert "pip install 'mien[litert]'" in str(missing.value)


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


def test_a_target_made_for_the_device_goes_before_one_for_any(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OnnxRuntimeSession, "devices", classmethod(lambda _: ["CPU", "Tensorrt"]))
    monkeypatch.setattr(OnnxRuntimeSession, "takes", classmethod(lambda _, place: place == "Tensorrt"))
    path = bundle_with(tmp_path, {}, {"device": "Tensorrt", "precision": "fp16"}, blobs=b"no model")
    with pytest.raises(DeviceError) as refused:
        mien.open(path, device="onnxruntime:Tensorrt")
    first, second = (str(refused.value).index(f"Tensorrt {precision}: ") for precision in ("fp16", "fp32"))
    assert first < second


def test_a_targets_options_reach_its_engine(tmp_path: Path) -> None:
    path = bundle_with(tmp_path, {"engine": "openvino", "options": {"NO_SUCH_THING": "1"}}, {"engine": "openvino"})
    with mien.open(path) as pipeline:
        (choice,) = pipeline.report().networks
    assert choice.used == "openvino:CPU"
    (refused,) = choice.refused
    assert "NO_SUCH_THING" in refused


@pytest.mark.parametrize(
    ("device", "place", "advice"),
    [
        ("jetson", "Tensorrt", "JetPack"),
        ("ort:TensorRT", "TensorRT", "onnxruntime-gpu"),
        ("onnxruntime:CUDA", "CUDA", "onnxruntime-gpu"),
        ("intel-npu", "NPU", "linux-npu-driver"),
        ("openvino:GPU", "GPU", "intel-opencl-icd"),
    ],
)
def test_a_device_that_this_machine_lacks_is_refused_with_the_reason_and_the_fix(
    device: str, place: str, advice: str
) -> None:
    with pytest.raises(DeviceError, match=f"no '{place}'") as refused:
        mien.open("detect", device=device)
    assert advice in str(refused.value)


@pytest.mark.parametrize(("device", "used"), [("ort", "onnxruntime:CPU"), ("openvino", "openvino:CPU")])
def test_the_shipped_bundles_run_on_both_engines(device: str, used: str) -> None:
    with mien.open("face", device=device) as pipeline:
        assert {choice.used for choice in pipeline.report().networks} == {used}


def test_a_short_name_tries_its_list_in_order(tmp_path: Path) -> None:
    path = bundle_with(tmp_path, {"engine": "openvino"}, {"device": "CPU"}, {})
    with mien.open(path, device="ort") as pipeline:
        assert pipeline.report().networks[0].used == "onnxruntime:CPU"
    with pytest.raises(DeviceError, match="XNNPACK"):
        mien.open(path, device="mobile")


def test_only_the_asked_for_precision_runs(tmp_path: Path) -> None:
    path = bundle_with(tmp_path, {"precision": "int8"}, {})
    for precision in ("fp32", "int8"):
        with mien.open(path, precision=precision) as pipeline:
            assert pipeline.report().networks[0].precision == precision
    with mien.open(path, precision="float") as pipeline:  # whichever floating point there is
        assert pipeline.report().networks[0].precision == "fp32"
    with pytest.raises(DeviceError, match=r"nothing for auto in int4"):
        mien.open(path, precision="int4")
    with pytest.raises(mien.InputError) as wrong:
        mien.open(path, precision=8)  # type: ignore[arg-type]
    assert wrong.value.code == "open.precision"


class Recorded(OnnxRuntimeSession):
    """Stands for a wheel that sees TensorRT: what it is asked for, without the device."""

    asked: ClassVar[list[dict[str, str]]] = []

    @classmethod
    def devices(cls) -> tuple[str, ...]:
        return ("Tensorrt", "CUDA", "CPU")

    def __init__(self, model: memoryview, *, device: str, threads: int, **more: Any) -> None:
        Recorded.asked.append({"device": device, **more.get("options", {})})
        super().__init__(model, device="CPU", threads=threads)


@pytest.fixture
def tensorrt(monkeypatch: pytest.MonkeyPatch) -> type[Recorded]:
    real = registry.find
    Recorded.asked = []
    monkeypatch.setattr(registry, "find", lambda *args: Recorded if args[1] == "onnxruntime" else real(*args))
    monkeypatch.setattr(OnnxRuntimeSession, "devices", classmethod(lambda _: ("CPU",)))
    return Recorded


def test_tensorrt_keeps_its_engines_and_timings_in_the_cache(
    tmp_path: Path, tensorrt: type[Recorded], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "cache"))
    path = bundle_with(tmp_path, {"device": "Tensorrt", "options": {"trt_fp16_enable": "1"}})
    mien.open(path, device="jetson").close()
    (asked,) = tensorrt.asked
    assert asked["device"] == "Tensorrt"
    assert asked["trt_fp16_enable"] == asked["trt_engine_cache_enable"] == asked["trt_timing_cache_enable"] == "1"
    assert asked["trt_engine_cache_path"] == asked["trt_timing_cache_path"] == str(tmp_path / "cache" / "tensorrt")
    assert (tmp_path / "cache" / "tensorrt").is_dir()


def test_without_a_cache_folder_tensorrt_runs_all_the_same(
    tmp_path: Path, tensorrt: type[Recorded], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "file" / "cache"))
    mien.open(bundle_with(tmp_path, {"device": "Tensorrt"}), device="jetson").close()
    assert tensorrt.asked == [{"device": "Tensorrt"}]


def test_a_bundle_for_no_device_in_particular_runs_on_the_cpu(tmp_path: Path, tensorrt: type[Recorded]) -> None:
    """A TensorRT that is there must not cost minutes of compilation that nobody asked for."""
    mien.open(bundle_with(tmp_path, {})).close()
    assert tensorrt.asked == [{"device": "CPU"}]
