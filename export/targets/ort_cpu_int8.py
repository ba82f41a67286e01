"""ONNX Runtime on CPUs, int8."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from export.targets.base import Built, Target

if TYPE_CHECKING:
    from export.build import Build


class OrtCpuInt8(Target):
    summary: ClassVar[str] = "ONNX Runtime, CPU, int8 convolutions"
    engine: ClassVar[str] = "onnxruntime"
    precision: ClassVar[str] = "int8"
    rank: ClassVar[int] = 11

    @classmethod
    def build(cls, build: Build) -> Built:
        blob, data = build.int8_blob()
        return Built({blob: data}, blob, build.same_names())
