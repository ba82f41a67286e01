"""ai-edge-quantizer without samples: int8 weights, ranges of activations taken anew in every run."""

from __future__ import annotations

from typing import ClassVar

from quantization.methods._tflite import prepared
from quantization.methods.base import Method, Scheme
from quantization.methods.litert_static import finished, tool
from quantization.samples import Samples


class LiteRtDynamic(Method):
    """Dynamic ranges: slower than static ones, and hard to break."""

    summary: ClassVar[str] = "ai-edge-quantizer dynamic int8, for .tflite"
    form: ClassVar[str] = "tflite"

    def quantize(self, model: bytes, samples: Samples, scheme: Scheme) -> bytes:
        quantizer, operation = tool()
        model = prepared(model)
        work = quantizer.Quantizer(model)
        for kind in (operation.CONV_2D, operation.DEPTHWISE_CONV_2D, operation.FULLY_CONNECTED):
            work.add_dynamic_config(".*", kind, 8)
        return finished(work, model, samples)
