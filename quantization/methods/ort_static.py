"""ONNX Runtime's static quantization: explicit QuantizeLinear/DequantizeLinear pairs that every ONNX engine reads."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import onnx

from quantization.errors import QuantizationError
from quantization.methods.base import Method, Scheme
from quantization.samples import Samples

# What is quantized, with what merely moves values between two of them. Sums and products of small heads gain nothing
# and lose much.
WEIGHTED = ("Conv", "Gemm", "MatMul")
_OPERATORS = (*WEIGHTED, "Relu", "MaxPool", "Concat", "Slice", "Resize", "Reshape", "Flatten", "Split")


class OrtStatic(Method):
    """Ranges are the least and greatest values seen; weights have one scale per channel."""

    summary: ClassVar[str] = "ONNX Runtime static QDQ, min-max ranges, weights per channel"
    form: ClassVar[str] = "onnx"

    def quantize(self, model: onnx.ModelProto, samples: Samples, scheme: Scheme) -> onnx.ModelProto:
        return insert(model, ranges(model, samples, scheme.symmetric), scheme)


def ranges(model: onnx.ModelProto, samples: Samples, symmetric: bool = False) -> Any:
    """ONNX Runtime's table of every activation's range over the samples.

    Raises:
        QuantizationError: ``quantization.failed``, the model does not run on them.
    """
    from onnxruntime.quantization.calibrate import create_calibrator

    with tempfile.TemporaryDirectory(prefix="mien-") as folder, _as_refusal():
        path = Path(folder) / "float.onnx"
        onnx.save(model, path)
        calibrator = create_calibrator(
            path, list(_OPERATORS), str(Path(folder) / "augmented.onnx"), extra_options={"symmetric": symmetric}
        )
        calibrator.collect_data(_Reader(samples))
        return calibrator.compute_data()


def insert(model: onnx.ModelProto, table: Any, scheme: Scheme, only: Collection[str] | None = None) -> onnx.ModelProto:
    """The int8 model for known ranges.

    Args:
        only: names of the nodes to quantize; None: all that the scheme does not keep.
    """
    from onnxruntime.quantization import QuantType
    from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    activations = QuantType.QInt8 if scheme.symmetric else QuantType.QUInt8
    extra = {
        "ActivationSymmetric": scheme.symmetric,
        "WeightSymmetric": True,
        "QuantizeBias": not scheme.symmetric,  # TensorRT wants biases in float; elsewhere an int32 bias is free
    }
    kept = [node.name for node in model.graph.node if keeps(node, scheme)]
    with _as_refusal():
        quantizer = QDQQuantizer(
            copy, True, False, QuantType.QInt8, activations, table, list(only or ()), kept, list(_OPERATORS), extra
        )
        quantizer.quantize_model()
        quantizer.model.topological_sort()
        out = quantizer.model.model
        assert isinstance(out, onnx.ModelProto)
        return out


def keeps(node: onnx.NodeProto, scheme: Scheme) -> bool:
    """Whether this node is to stay in float."""
    return any(part == node.name or any(part in name for name in node.input[1:]) for part in scheme.keep_float)


@contextmanager
def _as_refusal() -> Iterator[None]:
    quiet = logging.getLogger()
    level = quiet.level
    quiet.setLevel(logging.ERROR)  # the quantizer advises preprocessing, which export has done
    try:
        yield
    except QuantizationError:
        raise
    except Exception as error:
        raise QuantizationError(
            "quantization.failed", f"ONNX Runtime cannot quantize the model: {error}", "Try another method."
        ) from error
    finally:
        quiet.setLevel(level)


class _Reader:
    """The samples as ONNX Runtime's calibrator reads them."""

    def __init__(self, samples: Samples) -> None:
        self._rows: Iterator[dict[str, Any]] = iter(samples)

    def get_next(self) -> dict[str, Any] | None:
        return next(self._rows, None)

    __next__ = get_next

    def __iter__(self) -> _Reader:
        return self
