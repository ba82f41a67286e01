"""OpenVINO on CPUs, float. IR with weights in half; computed in float32."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from export.targets.base import Built, Target

if TYPE_CHECKING:
    from export.build import Build


class OpenVinoCpu(Target):
    summary: ClassVar[str] = "OpenVINO, CPU, float32"
    engine: ClassVar[str] = "openvino"
    device: ClassVar[str] = "CPU"
    precision: ClassVar[str] = "fp32"
    packages: ClassVar[dict[str, str]] = {"openvino": "openvino"}
    rank: ClassVar[int] = 20

    @classmethod
    def build(cls, build: Build) -> Built:
        return intermediate(build, build.float_blob()[1], f"openvino/{build.network}", {})


def intermediate(build: Build, data: bytes, stem: str, options: dict[str, str]) -> Built:
    """ONNX as OpenVINO's IR: what OpenVINO's tools and its C API like to read."""
    import openvino

    model = openvino.Core().read_model(data)
    with tempfile.TemporaryDirectory(prefix="mien-") as folder:
        path = Path(folder) / "model.xml"
        openvino.save_model(model, path, compress_to_fp16=False)  # halved already, but for what must stay whole
        blobs = {f"{stem}.xml": path.read_bytes(), f"{stem}.bin": path.with_suffix(".bin").read_bytes()}
    return Built(blobs, f"{stem}.xml", build.same_names(), f"{stem}.bin", options, operators=operators(model))


def operators(model: Any) -> dict[str, list[str]]:
    """Operator -> names of the nodes, of an OpenVINO model."""
    found: dict[str, list[str]] = {}
    for node in model.get_ordered_ops():
        found.setdefault(node.get_type_name(), []).append(node.get_friendly_name())
    return found
