"""OpenVINO on Intel NPUs, int8: static shapes, small heads in float.

The graph is the one that the CPU reads, so a bundle holds it once. IR would hold the same weights and twice the text:
0.56 MB for the detector's 0.32.
"""

from __future__ import annotations

from typing import Any, ClassVar

from export.targets.base import Artifacts, Built, Target


class IntelNpuInt8(Target):
    summary: ClassVar[str] = "OpenVINO, Intel NPU, int8"
    engine: ClassVar[str] = "openvino"
    device: ClassVar[str] = "NPU"
    precision: ClassVar[str] = "int8"
    packages: ClassVar[dict[str, str]] = {"openvino": "openvino"}
    table: ClassVar[str] = "openvino_npu"
    rank: ClassVar[int] = 31

    @classmethod
    def build(cls, artifacts: Artifacts) -> Built:
        import openvino

        blob, data = artifacts.int8_blob()
        found = operators(openvino.Core().read_model(data))
        return Built({blob: data}, blob, artifacts.same_names(), operators=found)


def operators(model: Any) -> dict[str, list[str]]:
    """Operator -> names of the nodes, of an OpenVINO model."""
    found: dict[str, list[str]] = {}
    for node in model.get_ordered_ops():
        found.setdefault(node.get_type_name(), []).append(node.get_friendly_name())
    return found
