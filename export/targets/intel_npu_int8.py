"""OpenVINO on Intel NPUs, int8: static shapes, small heads in float.

The graph is the one that the CPU reads, so a bundle holds it once. IR would hold the same weights and twice the text:
0.56 MB for the detector's 0.32.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from export.targets.base import Built, Target
from export.targets.openvino_cpu import operators

if TYPE_CHECKING:
    from export.build import Build


class IntelNpuInt8(Target):
    summary: ClassVar[str] = "OpenVINO, Intel NPU, int8"
    engine: ClassVar[str] = "openvino"
    device: ClassVar[str] = "NPU"
    precision: ClassVar[str] = "int8"
    packages: ClassVar[dict[str, str]] = {"openvino": "openvino"}
    table: ClassVar[str] = "openvino_npu"
    rank: ClassVar[int] = 31

    @classmethod
    def build(cls, build: Build) -> Built:
        import openvino

        blob, data = build.int8_blob()
        found = operators(openvino.Core().read_model(data))
        return Built({blob: data}, blob, build.same_names(), operators=found)
