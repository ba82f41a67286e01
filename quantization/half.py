"""Float .tflite with its weights in half: half of the file, computed in float32 as before."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from mien.errors import MissingExtraError

from quantization.errors import QuantizationError
from quantization.methods._litert import convolutions
from quantization.methods._tflite import prepared, weighted


def halved(model: bytes) -> bytes:
    """Weights that half precision holds exactly are stored so; the others stay as they are, and so do the answers.

    Raises:
        MissingExtraError: ai-edge-quantizer is not installed. QuantizationError: it refuses the model.
    """
    try:
        from ai_edge_quantizer import quantizer
        from ai_edge_quantizer.qtyping import TFLOperationName as Operation
    except ImportError as error:
        raise MissingExtraError("export", "ai-edge-quantizer", "Storing .tflite weights in half") from error
    model = prepared(model)
    whole = [re.escape(name) for name, weights in weighted(model) if not _exact(weights)]
    work = quantizer.Quantizer(model)
    for kind in (*convolutions(Operation), Operation.FULLY_CONNECTED):
        work.add_weight_only_config(".*", kind, 16, algorithm_key="float_casting")
        for name in whole:
            work.update_quantization_recipe(name, kind, algorithm_key="no_quantize")
    try:
        return bytes(work.quantize(None, enable_progress_bar=False, enable_progress_report=False).quantized_model)
    except Exception as error:
        raise QuantizationError("quantization.failed", f"ai-edge-quantizer cannot store halves: {error}", "") from error


def _exact(weights: np.ndarray[Any, np.dtype[np.float32]]) -> bool:
    with np.errstate(over="ignore"):
        return bool((weights.astype(np.float16).astype(np.float32) == weights).all())
