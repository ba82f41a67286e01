"""ai-edge-quantizer: int8 .tflite with ranges from samples. Convolutions are computed in int8, the rest in float."""

from __future__ import annotations

from typing import Any, ClassVar

from mien.errors import MissingExtraError

from quantization.errors import QuantizationError
from quantization.methods._tflite import prepared
from quantization.methods.base import Method, Scheme
from quantization.samples import Samples


class LiteRtStatic(Method):
    """Convolutions in int8; dense layers keep float sums and store int8 weights."""

    summary: ClassVar[str] = "ai-edge-quantizer static int8, for .tflite"
    form: ClassVar[str] = "tflite"
    everything: ClassVar[bool] = False

    def quantize(self, model: bytes, samples: Samples, scheme: Scheme) -> bytes:
        quantizer, operation = tool()
        model = prepared(model)
        work = quantizer.Quantizer(model)
        if self.everything:
            work.add_static_config(".*", operation.ALL_SUPPORTED, 8, 8)
            for end in (operation.INPUT, operation.OUTPUT):  # callers speak float
                work.update_quantization_recipe(".*", end, algorithm_key="no_quantize")
        else:
            for kind in (operation.CONV_2D, operation.DEPTHWISE_CONV_2D):
                work.add_static_config(".*", kind, 8, 8)
            work.add_weight_only_config(".*", operation.FULLY_CONNECTED, 8)
        return finished(work, model, samples)


def tool() -> tuple[Any, Any]:
    """ai-edge-quantizer and its names of operators. Raises MissingExtraError."""
    try:
        from ai_edge_quantizer import quantizer
        from ai_edge_quantizer.qtyping import TFLOperationName
    except ImportError as error:
        raise MissingExtraError("export", "ai-edge-quantizer", "Quantizing .tflite models") from error
    return quantizer, TFLOperationName


def finished(work: Any, model: bytes, samples: Samples) -> bytes:
    """The quantized model, calibrated where its recipe asks for that."""
    try:
        table = work.calibrate(_by_signature(model, samples), num_threads=1) if work.need_calibration else None
        result = work.quantize(table, enable_progress_bar=False, enable_progress_report=False)
        return bytes(result.quantized_model)
    except Exception as error:
        raise QuantizationError(
            "quantization.failed", f"ai-edge-quantizer cannot quantize the model: {error}", "Try another method."
        ) from error


def _by_signature(model: bytes, samples: Samples) -> dict[str, list[dict[str, Any]]]:
    """The samples by the names of the model's signature, whose inputs stand in the order of its tensors."""
    from mien.backends.litert import interpreter_class

    interpreter = interpreter_class()(model_content=bytes(model))
    (name, ports), *_ = interpreter.get_signature_list().items()
    names = dict(zip(samples.feeds, ports["inputs"], strict=True))
    return {name: [{names[key]: value for key, value in feed.items()} for feed in samples]}
