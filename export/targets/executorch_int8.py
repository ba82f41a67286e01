"""ExecuTorch on phones, int8: as few layers in float as the gate allows, small heads always."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import ClassVar

from mien.errors import MienError
from torch import nn

from export.running import runner
from export.targets.base import Artifacts, Built, Target
from export.targets.executorch_xnnpack import lowered, program, tensors_of
from quantization.methods.base import Scheme
from quantization.methods.pt2e import Pt2e
from quantization.mixed import fewest_in_float

_SMALL = 1 << 15  # weights


class ExecutorchInt8(Target):
    summary: ClassVar[str] = "ExecuTorch, XNNPACK, int8"
    engine: ClassVar[str] = "executorch"
    precision: ClassVar[str] = "int8"
    packages: ClassVar[dict[str, str]] = {"executorch": "executorch"}
    needs: ClassVar[str] = "torch"
    rank: ClassVar[int] = 46

    @classmethod
    def build(cls, artifacts: Artifacts) -> Built:
        blob = f"executorch/{artifacts.network}-int8.pte"

        def made(data: bytes) -> Built:
            return Built({blob: data}, blob, tensors_of(artifacts))

        def search(spared: Sequence[str]) -> bytes:
            exported, samples, layers = program(artifacts), artifacts.calibration, artifacts.layers()
            weights = {layer.node: layer.weight for layer in layers}

            def quantize(kept: Sequence[str]) -> bytes:
                scheme = Scheme(keep_float=(*spared, *(weights[node] for node in kept)))
                return lowered(Pt2e().quantize(exported, samples, scheme))

            return fewest_in_float(layers, quantize, lambda data: artifacts.good_enough(runner(cls, made(data))))[0]

        def anyhow() -> bytes:
            heads = artifacts.recipe.keep_float
            try:
                return search(heads)
            except MienError:  # XNNPACK does not run some networks in which a float convolution is fed by int8 ones
                return search(dense(artifacts.recipe.module, heads))

        return made(artifacts.kept(f"{artifacts.network}-int8.pte", anyhow))


def dense(module: nn.Module | None, heads: Collection[str]) -> list[str]:
    """The weights of those heads that are dense layers, and small: float32 takes four times the room, and a large one's
    ranges are taken anew in every run anyway. With its large heads in float `expression` shrank to 44 % only.
    """
    layers = dict(module.named_modules()) if module is not None else {}
    linear = {name: layer for name, layer in layers.items() if isinstance(layer, nn.Linear)}
    weights = [f"{name}.weight" for name, layer in linear.items() if layer.weight.numel() <= _SMALL]
    return [weight for weight in weights if any(part in weight for part in heads)]
