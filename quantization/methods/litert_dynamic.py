"""ai-edge-quantizer without samples: int8 weights, ranges of activations taken anew in every run."""

from __future__ import annotations

from typing import Any, ClassVar

from quantization.methods._litert import LiteRtMethod, convolutions


class LiteRtDynamic(LiteRtMethod):
    """Dynamic ranges: slower than static ones, and hard to break."""

    summary: ClassVar[str] = "ai-edge-quantizer dynamic int8, for .tflite"

    def configure(self, work: Any, operation: Any) -> None:
        for kind in (*convolutions(operation), operation.FULLY_CONNECTED):
            work.add_dynamic_config(".*", kind, 8)
