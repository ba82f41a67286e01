"""TensorRT on Jetson, computed in half: the float graph, and what to tell ONNX Runtime's provider and trtexec."""

from __future__ import annotations

from typing import Any, ClassVar

from export.targets.base import Artifacts, Built, Target


class JetsonTrtFp16(Target):
    summary: ClassVar[str] = "ONNX Runtime with TensorRT, Jetson, float16"
    engine: ClassVar[str] = "onnxruntime"
    device: ClassVar[str] = "Tensorrt"
    precision: ClassVar[str] = "fp16"
    table: ClassVar[str] = "tensorrt"
    rank: ClassVar[int] = 5

    @classmethod
    def build(cls, artifacts: Artifacts) -> Built:
        blob, data = artifacts.float_blob()
        return tensorrt(artifacts, blob, data, artifacts.operators(), {"trt_fp16_enable": "1"}, ["--fp16"])


def tensorrt(
    artifacts: Artifacts,
    blob: str,
    data: bytes,
    operators: dict[str, list[str]],
    options: dict[str, str],
    flags: list[str],
) -> Built:
    """A target for TensorRT. The provider's options are those of ONNX Runtime's documentation of it.

    `trtexec` builds an engine from the extracted member without ONNX Runtime.
    """
    engine = blob.rsplit("/", 1)[-1].replace(".onnx", ".engine")
    notes: dict[str, Any] = {
        "trtexec": " ".join(["trtexec", f"--onnx={blob}", *flags, f"--saveEngine={engine}"]),
        "plugins": "none",
    }
    caching = {"trt_engine_cache_enable": "1", "trt_timing_cache_enable": "1"}
    return Built(
        {blob: data}, blob, artifacts.same_names(), options={**options, **caching}, notes=notes, operators=operators
    )
