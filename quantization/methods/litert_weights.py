"""ai-edge-quantizer with int8 weights alone: a quarter of the room, sums in float. The most faithful of them."""

from __future__ import annotations

from typing import Any, ClassVar

from quantization.methods._litert import LiteRtMethod, convolutions


class LiteRtWeights(LiteRtMethod):
    """Weights of convolutions and dense layers."""

    summary: ClassVar[str] = "ai-edge-quantizer int8 weights, float sums, for .tflite"

    def configure(self, work: Any, operation: Any) -> None:
        for kind in (*convolutions(operation), operation.FULLY_CONNECTED):
            work.add_weight_only_config(".*", kind, 8)
