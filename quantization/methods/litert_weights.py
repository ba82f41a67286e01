"""ai-edge-quantizer with int8 weights alone: a quarter of the room, sums in float. The most faithful of them."""

from __future__ import annotations

from typing import ClassVar

from quantization.methods._tflite import prepared
from quantization.methods.base import Method, Scheme
from quantization.methods.litert_static import finished, tool
from quantization.samples import Samples


class LiteRtWeights(Method):
    """Weights of convolutions and dense layers."""

    summary: ClassVar[str] = "ai-edge-quantizer int8 weights, float sums, for .tflite"
    form: ClassVar[str] = "tflite"

    def quantize(self, model: bytes, samples: Samples, scheme: Scheme) -> bytes:
        quantizer, operation = tool()
        model = prepared(model)
        work = quantizer.Quantizer(model)
        for kind in (operation.CONV_2D, operation.DEPTHWISE_CONV_2D, operation.FULLY_CONNECTED):
            work.add_weight_only_config(".*", kind, 8)
        return finished(work, model, samples)
