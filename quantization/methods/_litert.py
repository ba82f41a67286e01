"""What the methods for .tflite share: ai-edge-quantizer, fed by tensor position."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from mien.errors import MissingExtraError

from quantization.errors import QuantizationError
from quantization.methods._tflite import prepared
from quantization.methods.base import Method, Scheme
from quantization.samples import Samples


class LiteRtMethod(Method):
    """Takes and gives .tflite; a method says with `configure` which operators are quantized, and how."""

    form: ClassVar[str] = "tflite"

    @abstractmethod
    def configure(self, work: Any, operation: Any) -> None:
        """Adds the rules to the quantizer; `operation` has its names of operators."""

    def quantize(self, model: bytes, samples: Samples, scheme: Scheme) -> bytes:
        try:
            from ai_edge_quantizer import quantizer
            from ai_edge_quantizer.qtyping import TFLOperationName
        except ImportError as error:
            raise MissingExtraError("export", "ai-edge-quantizer", "Quantizing .tflite models") from error
        model = prepared(model)
        work = quantizer.Quantizer(model)
        self.configure(work, TFLOperationName)
        try:
            table = work.calibrate(_by_signature(model, samples), num_threads=1) if work.need_calibration else None
            result = work.quantize(table, enable_progress_bar=False, enable_progress_report=False)
            return bytes(result.quantized_model)
        except Exception as error:
            raise QuantizationError(
                "quantization.failed", f"ai-edge-quantizer cannot quantize the model: {error}", "Try another method."
            ) from error


def convolutions(operation: Any) -> tuple[Any, Any]:
    """Its names of convolutions."""
    return operation.CONV_2D, operation.DEPTHWISE_CONV_2D


def _by_signature(model: bytes, samples: Samples) -> dict[str, list[dict[str, Any]]]:
    """The samples by the names of the model's signature, whose inputs stand in the order of its tensors."""
    from mien.backends.litert import interpreter_class

    interpreter = interpreter_class()(model_content=bytes(model))
    (name, ports), *_ = interpreter.get_signature_list().items()
    names = dict(zip(samples.feeds, ports["inputs"], strict=True))
    return {name: [{names[key]: value for key, value in feed.items()} for feed in samples]}
