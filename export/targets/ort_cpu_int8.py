"""ONNX Runtime on CPUs, int8."""

from __future__ import annotations

from typing import ClassVar

from export.targets.base import Artifacts, Built, Target


class OrtCpuInt8(Target):
    summary: ClassVar[str] = "ONNX Runtime, CPU, int8 convolutions"
    engine: ClassVar[str] = "onnxruntime"
    precision: ClassVar[str] = "int8"
    rank: ClassVar[int] = 11

    @classmethod
    def build(cls, artifacts: Artifacts) -> Built:
        blob, data = artifacts.int8_blob()
        return Built({blob: data}, blob, artifacts.same_names())
