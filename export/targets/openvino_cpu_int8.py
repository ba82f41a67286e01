"""OpenVINO, int8: the QuantizeLinear/DequantizeLinear graph that ONNX Runtime reads. Other devices may have it."""

from __future__ import annotations

from typing import ClassVar

from export.targets.base import Artifacts, Built, Target


class OpenVinoCpuInt8(Target):
    summary: ClassVar[str] = "OpenVINO, CPU, int8 convolutions"
    engine: ClassVar[str] = "openvino"
    precision: ClassVar[str] = "int8"
    packages: ClassVar[dict[str, str]] = {"openvino": "openvino"}
    rank: ClassVar[int] = 19

    @classmethod
    def build(cls, artifacts: Artifacts) -> Built:
        blob, data = artifacts.int8_blob()
        return Built({blob: data}, blob, artifacts.same_names())
