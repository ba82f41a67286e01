"""OpenVINO on CPUs, float. IR with weights in half; computed in float32."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from export.targets.base import Built, Target

if TYPE_CHECKING:
    from export.build import Build

_HEAD = 8  # bytes


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
    """ONNX as OpenVINO's IR: what OpenVINO's tools and its C API like to read.

    It is written once and kept: OpenVINO numbers what has no name anew in each process, so that no two files are equal.
    """
    import openvino

    packed = build.kept(f"{stem.replace('/', '-')}.ir", lambda: _packed(data))
    size = int.from_bytes(packed[:_HEAD], "little")
    blobs = {f"{stem}.xml": packed[_HEAD : _HEAD + size], f"{stem}.bin": packed[_HEAD + size :]}
    found = operators(openvino.Core().read_model(data))
    return Built(blobs, f"{stem}.xml", build.same_names(), f"{stem}.bin", options, operators=found)


def _packed(data: bytes) -> bytes:
    """The two files of an IR in one: the length of the first, the first, the second."""
    import openvino

    with tempfile.TemporaryDirectory(prefix="mien-") as folder:
        path = Path(folder) / "model.xml"
        # halved already, but for what must stay whole
        openvino.save_model(openvino.Core().read_model(data), path, compress_to_fp16=False)
        xml = path.read_bytes()
        return len(xml).to_bytes(_HEAD, "little") + xml + path.with_suffix(".bin").read_bytes()


def operators(model: Any) -> dict[str, list[str]]:
    """Operator -> names of the nodes, of an OpenVINO model."""
    found: dict[str, list[str]] = {}
    for node in model.get_ordered_ops():
        found.setdefault(node.get_type_name(), []).append(node.get_friendly_name())
    return found
