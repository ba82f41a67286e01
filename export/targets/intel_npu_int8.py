"""OpenVINO on Intel NPUs, int8: IR with static shapes, symmetric activations, small heads in float."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from export.targets.base import Built, Target
from export.targets.openvino_cpu import intermediate

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
        return intermediate(build, build.int8_blob()[1], f"openvino/{build.network}-int8", {})
