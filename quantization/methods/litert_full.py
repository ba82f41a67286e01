"""ai-edge-quantizer with every operator it knows in int8: for accelerators that have no float."""

from __future__ import annotations

from typing import ClassVar

from quantization.methods.litert_static import LiteRtStatic


class LiteRtFull(LiteRtStatic):
    """All supported operators in int8."""

    summary: ClassVar[str] = "ai-edge-quantizer static int8 for every operator, for .tflite"
    everything: ClassVar[bool] = True
