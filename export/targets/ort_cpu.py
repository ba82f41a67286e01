"""ONNX Runtime on CPUs, float: the engine of the core install. Weights are stored in half."""

from __future__ import annotations

from typing import ClassVar

from export.targets.base import Artifacts, Built, Target


class OrtCpu(Target):
    summary: ClassVar[str] = "ONNX Runtime, CPU, float32"
    engine: ClassVar[str] = "onnxruntime"
    precision: ClassVar[str] = "fp32"
    rank: ClassVar[int] = 10

    @classmethod
    def build(cls, artifacts: Artifacts) -> Built:
        blob, data = artifacts.float_blob()
        return Built({blob: data}, blob, artifacts.same_names())
