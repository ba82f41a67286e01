"""LiteRT on phones and headsets, int8: as much of it as the gate's limits allow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar

from mien.errors import MienError

from export.plugins import find
from export.running import runner
from export.targets.base import Artifacts, Built, Target
from export.targets.litert_cpu import float_tflite, operators, tensors_of
from quantization.methods.base import Method, Scheme

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
    def build(cls, artifacts: Artifacts) -> Built:
        source = float_tflite(artifacts)

        def made(method: str) -> Built:
            data = artifacts.kept(
                f"{artifacts.network}-{method}.tflite", partial(_quantized, artifacts, source, method)
            )
            return _as_built(artifacts, data, method)

        return first_good(artifacts, cls, _METHODS, made)


def _as_built(artifacts: Artifacts, data: bytes, method: str) -> Built:
    blob = f"litert/{artifacts.network}-int8.tflite"
    tensors = tensors_of(artifacts.recipe, data)
    return Built({blob: data}, blob, tensors, notes={"method": method}, operators=operators(data))


def _quantized(artifacts: Artifacts, source: bytes, method: str) -> bytes:
    made = find("quantization.methods", method, Method)().quantize(source, artifacts.calibration, Scheme())
    assert isinstance(made, bytes)
    return made


def first_good(
    artifacts: Artifacts, target: type[Target], methods: Sequence[str], made: Callable[[str], Built]
) -> Built:
    """What the first method gives that is good enough for the gate, else what the last one gives.

    Raises:
        MienError: the last method fails; before it, one that cannot handle the model, or whose result does not
            run, is passed over.
    """
    result: Built | None = None
    for method in methods:
        try:
            candidate = made(method)
            good = artifacts.good_enough(runner(target, candidate))
        except MienError:  # quantizers write files now and then that their engine does not run
            if method == methods[-1] and result is None:
                raise
            continue
        result = candidate
        if good:
            break
    assert result is not None
    return result
