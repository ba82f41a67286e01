"""ai-edge-quantizer as a packer: float .tflite with the weights in half, computed in float32 as before."""

from __future__ import annotations

import re
from typing import Any, ClassVar

import numpy as np

from quantization.methods._litert import LiteRtMethod, convolutions
from quantization.methods._tflite import weighted
from quantization.methods.base import Scheme
from quantization.samples import Samples


class LiteRtHalf(LiteRtMethod):
    """Weights that half precision holds exactly are stored so; the others stay as they are, and so do the answers."""

    summary: ClassVar[str] = "ai-edge-quantizer, weights in half where that is exact, for .tflite"

    def quantize(self, model: bytes, samples: Samples, scheme: Scheme) -> bytes:
        self._whole = [name for name, weights in weighted(model) if not _exact(weights)]
        return super().quantize(model, samples, scheme)

    def configure(self, work: Any, operation: Any) -> None:
        for kind in (*convolutions(operation), operation.FULLY_CONNECTED):
            work.add_weight_only_config(".*", kind, 16, algorithm_key="float_casting")
            for name in self._whole:
                work.update_quantization_recipe(re.escape(name), kind, algorithm_key="no_quantize")


def _exact(weights: np.ndarray[Any, np.dtype[np.float32]]) -> bool:
    return bool((weights.astype(np.float16).astype(np.float32) == weights).all())
