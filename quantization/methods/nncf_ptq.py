"""NNCF post-training quantization of ONNX graphs, with fast bias correction."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import numpy as np
import onnx
from mien.errors import MissingExtraError
from onnx import numpy_helper

from quantization.errors import QuantizationError
from quantization.methods.base import Method, Scheme
from quantization.methods.ort_static import WEIGHTED, keeps
from quantization.samples import Samples


class NncfPtq(Method):
    """Takes and gives ONNX; only what holds weights is quantized."""

    summary: ClassVar[str] = "NNCF post-training quantization with fast bias correction, ONNX"
    form: ClassVar[str] = "onnx"

    def quantize(self, model: onnx.ModelProto, samples: Samples, scheme: Scheme) -> onnx.ModelProto:
        nncf = tool()
        quantize = partial(nncf.quantize, advanced_parameters=ranges(nncf, scheme))
        return finished(model, run(nncf, model, samples, spared(model, scheme), scheme.symmetric, quantize), scheme)


def ranges(nncf: Any, scheme: Scheme) -> Any:
    """How NNCF finds ranges. Signed ones lose a bit where values begin at 0, which makes rare large values dear: with
    ranges from histograms all of the detector bears them, with NNCF's mean extremes one layer does not.
    """
    if not scheme.symmetric:
        return None
    estimator = nncf.quantization.range_estimator.RangeEstimatorParametersSet.HISTOGRAM
    return nncf.AdvancedQuantizationParameters(activations_range_estimator_params=estimator)


def spared(model: onnx.ModelProto, scheme: Scheme) -> list[str]:
    """The nodes that NNCF is to leave alone: what the scheme keeps, and what holds no weights."""
    return [node.name for node in model.graph.node if keeps(node, scheme) or node.op_type not in (*WEIGHTED, "Relu")]


def finished(model: onnx.ModelProto, made: onnx.ModelProto, scheme: Scheme) -> onnx.ModelProto:
    """NNCF's model as engines want it."""
    made.ir_version = min(made.ir_version, model.ir_version)
    if scheme.symmetric:
        _sign(made)
    return made


def _sign(model: onnx.ModelProto) -> None:
    """Unsigned ranges that begin at 0 become signed ones, at the price of a bit: TensorRT has no others, and NNCF
    knows no processor that wants them.
    """
    held = {weight.name: weight for weight in model.graph.initializer}
    scales = set()
    for node in model.graph.node:
        if node.op_type in ("QuantizeLinear", "DequantizeLinear") and len(node.input) > 2:
            zero = held[node.input[2]]
            if zero.data_type == onnx.TensorProto.UINT8 and not numpy_helper.to_array(zero).any():
                scales.add(node.input[1])
                zero.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(zero).astype(np.int8), zero.name))
    for name in scales:
        scale = numpy_helper.to_array(held[name]) * np.float32(255 / 127)
        held[name].CopyFrom(numpy_helper.from_array(scale.astype(np.float32), name))


def tool() -> Any:
    """NNCF, quiet. Raises MissingExtraError."""
    try:
        import nncf
    except ImportError as error:
        raise MissingExtraError("export", "nncf", "Quantizing with NNCF") from error
    nncf.set_log_level(logging.ERROR)
    return nncf


def run(
    nncf: Any,
    model: Any,
    samples: Samples,
    kept: list[str],
    symmetric: bool,
    quantize: Callable[..., Any],
) -> Any:
    """One of NNCF's functions on an ONNX model. Raises QuantizationError."""
    preset = nncf.QuantizationPreset.PERFORMANCE if symmetric else nncf.QuantizationPreset.MIXED
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            return quantize(
                model, nncf.Dataset(list(samples)), preset=preset, subset_size=len(samples), fast_bias_correction=True,
                target_device=nncf.TargetDevice.CPU,
                ignored_scope=nncf.IgnoredScope(names=kept, validate=False),
            )  # fmt: skip
    except Exception as error:
        raise QuantizationError(
            "quantization.failed", f"NNCF cannot quantize the model: {error}", "Try another method."
        ) from error
