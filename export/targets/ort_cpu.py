"""ONNX Runtime on CPUs, float: the engine of the core install. Weights are stored in half."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from export.targets.base import Built, Target

if TYPE_CHECKING:
    from export.build import Build


class OrtCpu(Target):
    summary: ClassVar[str] = "ONNX Runtime, CPU, float32"
    engine: ClassVar[str] = "onnxruntime"
    precision: ClassVar[str] = "fp32"
    rank: ClassVar[int] = 10

    @classmethod
    def build(cls, build: Build) -> Built:
        blob, data = build.float_blob()
        return Built({blob: data}, blob, build.same_names())
