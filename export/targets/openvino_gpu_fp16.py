"""OpenVINO on Intel GPUs, computed in half."""

from __future__ import annotations

from typing import ClassVar

from export.targets.base import Artifacts, Built, Target


class OpenVinoGpuFp16(Target):
    summary: ClassVar[str] = "OpenVINO, Intel GPU, float16"
    engine: ClassVar[str] = "openvino"
    device: ClassVar[str] = "GPU"
    precision: ClassVar[str] = "fp16"
    packages: ClassVar[dict[str, str]] = {"openvino": "openvino"}
    rank: ClassVar[int] = 30

    @classmethod
    def build(cls, artifacts: Artifacts) -> Built:
        blob, data = artifacts.float_blob()
        return Built({blob: data}, blob, artifacts.same_names(), options={"INFERENCE_PRECISION_HINT": "f16"})
