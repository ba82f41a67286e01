"""ai-edge-quantizer with every operator it knows in int8: for accelerators that have no float."""

from __future__ import annotations

from typing import Any, ClassVar

from quantization.methods._litert import LiteRtMethod


class LiteRtFull(LiteRtMethod):
    """All supported operators in int8."""

    summary: ClassVar[str] = "ai-edge-quantizer static int8 for every operator, for .tflite"

    def configure(self, work: Any, operation: Any) -> None:
        work.add_static_config(".*", operation.ALL_SUPPORTED, 8, 8)
        for end in (operation.INPUT, operation.OUTPUT):  # callers speak float
            work.update_quantization_recipe(".*", end, algorithm_key="no_quantize")
