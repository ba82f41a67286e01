"""LiteRT on phones and headsets, int8: as much of it as the gate's limits allow."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from export.plugins import find
from export.running import first_good
from export.targets.base import Built, Target
from export.targets.litert_cpu import float_tflite, operators, tensors_of
from quantization.methods.base import Method, Scheme

if TYPE_CHECKING:
    from export.build import Build

_METHODS = ("litert-full", "litert-static", "litert-dynamic", "litert-weights")  # from all in int8 to the most faithful


class LiteRtInt8(Target):
    summary: ClassVar[str] = "LiteRT, CPU and NNAPI, int8"
    engine: ClassVar[str] = "litert"
    precision: ClassVar[str] = "int8"
    packages: ClassVar[dict[str, str]] = {
        "litert_torch": "litert-torch",
        "ai_edge_litert": "ai-edge-litert",
        "ai_edge_quantizer": "ai-edge-quantizer",
    }
    table: ClassVar[str] = "nnapi"
    needs: ClassVar[str] = "any"
    rank: ClassVar[int] = 26

    @classmethod
    def build(cls, build: Build) -> Built:
        source = float_tflite(build)

        def made(method: str) -> Built:
            data = build.kept(f"{build.network}-{method}.tflite", partial(_quantized, build, source, method))
            return _as_built(build, data, method)

        return first_good(build, cls, _METHODS, made)


def _as_built(build: Build, data: bytes, method: str) -> Built:
    blob = f"litert/{build.network}-int8.tflite"
    tensors = tensors_of(build.recipe, data)
    return Built({blob: data}, blob, tensors, notes={"method": method}, operators=operators(data))


def _quantized(build: Build, source: bytes, method: str) -> bytes:
    made = find("quantization.methods", method, Method)().quantize(source, build.calibration, Scheme())
    assert isinstance(made, bytes)
    return made
