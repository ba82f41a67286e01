"""ai-edge-quantizer: int8 .tflite with ranges from samples. Convolutions are computed in int8, the rest in float."""

from __future__ import annotations

from typing import Any, ClassVar

from quantization.methods._litert import LiteRtMethod, convolutions


class LiteRtStatic(LiteRtMethod):
    """Convolutions in int8; dense layers keep float sums and store int8 weights."""

    summary: ClassVar[str] = "ai-edge-quantizer static int8, for .tflite"

    def configure(self, work: Any, operation: Any) -> None:
        for kind in convolutions(operation):
            work.add_static_config(".*", kind, 8, 8)
        work.add_weight_only_config(".*", operation.FULLY_CONNECTED, 8)
