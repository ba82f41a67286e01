"""ExecuTorch on phones, int8: as few layers in float as the gate allows, small heads always."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from export.running import runner
from export.targets.base import Built, Target
from export.targets.executorch_xnnpack import lowered, program, tensors_of
from quantization.methods.base import Scheme
from quantization.methods.pt2e import Pt2e
from quantization.mixed import fewest_in_float

if TYPE_CHECKING:
    from export.build import Build


class ExecutorchInt8(Target):
    summary: ClassVar[str] = "ExecuTorch, XNNPACK, int8"
    engine: ClassVar[str] = "executorch"
    precision: ClassVar[str] = "int8"
    packages: ClassVar[dict[str, str]] = {"executorch": "executorch"}
    needs: ClassVar[str] = "torch"
    rank: ClassVar[int] = 46

    @classmethod
    def build(cls, build: Build) -> Built:
        blob = f"executorch/{build.network}-int8.pte"

        def made(data: bytes) -> Built:
            return Built({blob: data}, blob, tensors_of(build))

        def search() -> bytes:
            exported, samples, heads = program(build), build.calibration, build.recipe.keep_float
            weights = {layer.node: layer.weight for layer in build.layers()}

            def quantize(kept: Sequence[str]) -> bytes:
                scheme = Scheme(keep_float=(*heads, *(weights[node] for node in kept)))
                return lowered(Pt2e().quantize(exported, samples, scheme))

            return fewest_in_float(
                build.layers(), quantize, lambda data: build.good_enough(runner(cls, made(data)))
            )[0]  # fmt: skip

        return made(build.kept(f"{build.network}-int8.pte", search))
