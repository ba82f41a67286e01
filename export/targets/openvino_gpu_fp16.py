"""OpenVINO on Intel GPUs, computed in half."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from export.targets.base import Built, Target
from export.targets.openvino_cpu import intermediate

if TYPE_CHECKING:
    from export.build import Build


class OpenVinoGpuFp16(Target):
    summary: ClassVar[str] = "OpenVINO, Intel GPU, float16"
    engine: ClassVar[str] = "openvino"
    device: ClassVar[str] = "GPU"
    precision: ClassVar[str] = "fp16"
    packages: ClassVar[dict[str, str]] = {"openvino": "openvino"}
    rank: ClassVar[int] = 30

    @classmethod
    def build(cls, build: Build) -> Built:
        options = {"INFERENCE_PRECISION_HINT": "f16"}
        return intermediate(build, build.float_blob()[1], f"openvino/{build.network}", options)
