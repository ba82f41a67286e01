"""OpenVINO, float: the ONNX that ONNX Runtime reads, so a bundle holds its weights once. Other devices may have it."""

from __future__ import annotations

from typing import ClassVar

from export.targets.base import Artifacts, Built, Target


class OpenVinoCpu(Target):
    summary: ClassVar[str] = "OpenVINO, CPU, float32"
    engine: ClassVar[str] = "openvino"
    precision: ClassVar[str] = "fp32"
    packages: ClassVar[dict[str, str]] = {"openvino": "openvino"}
    rank: ClassVar[int] = 20

    @classmethod
    def build(cls, artifacts: Artifacts) -> Built:
        blob, data = artifacts.float_blob()
        return Built({blob: data}, blob, artifacts.same_names())
