"""ExecuTorch on phones, int8 convolutions."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from export.plugins import find
from export.running import first_good
from export.targets.base import Built, Target
from export.targets.executorch_xnnpack import lowered, program, tensors_of
from quantization.methods.base import Method, Scheme

if TYPE_CHECKING:
    from export.build import Build

_METHODS = ("pt2e", "pt2e-convolutions")  # from all in int8 to the most faithful


class ExecutorchInt8(Target):
    summary: ClassVar[str] = "ExecuTorch, XNNPACK, int8 convolutions"
    engine: ClassVar[str] = "executorch"
    precision: ClassVar[str] = "int8"
    packages: ClassVar[dict[str, str]] = {"executorch": "executorch"}
    needs: ClassVar[str] = "torch"
    rank: ClassVar[int] = 46

    @classmethod
    def build(cls, build: Build) -> Built:
        blob = f"executorch/{build.network}-int8.pte"

        def made(method: str) -> Built:
            data = build.kept(f"{build.network}-{method}.pte", partial(_quantized, build, method))
            return Built({blob: data}, blob, tensors_of(build), notes={"method": method})

        return first_good(build, cls, _METHODS, made)


def _quantized(build: Build, method: str) -> bytes:
    return lowered(find("quantization.methods", method, Method)().quantize(program(build), build.calibration, Scheme()))
