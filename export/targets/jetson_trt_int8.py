"""TensorRT on Jetson, int8: explicit pairs with zero points of 0 around activations and weights, biases in float."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import onnx
from onnx import numpy_helper

from export import graph
from export.errors import ExportError
from export.targets.base import Artifacts, Built, Target
from export.targets.jetson_trt_fp16 import tensorrt


class JetsonTrtInt8(Target):
    summary: ClassVar[str] = "ONNX Runtime with TensorRT, Jetson, int8 with explicit QDQ"
    engine: ClassVar[str] = "onnxruntime"
    device: ClassVar[str] = "Tensorrt"
    precision: ClassVar[str] = "int8"
    table: ClassVar[str] = "tensorrt"
    rank: ClassVar[int] = 4

    @classmethod
    def build(cls, artifacts: Artifacts) -> Built:
        blob, data = artifacts.int8_blob(symmetric=True)
        model = onnx.load_from_string(data)
        check_explicit(model)
        options = {"trt_int8_enable": "1", "trt_fp16_enable": "1"}
        return tensorrt(artifacts, blob, data, graph.operators(model), options, ["--int8", "--fp16"])


def check_explicit(model: onnx.ModelProto) -> None:
    """What TensorRT asks of an explicitly quantized graph: int8 with zero points of 0, and no quantized bias.

    From the TensorRT developer guide, "Working with quantized types": only symmetric quantization is supported.

    Raises:
        ExportError: ``export.target``, naming the node.
    """
    constants = {weight.name: weight for weight in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type not in ("QuantizeLinear", "DequantizeLinear"):
            continue
        zero = constants.get(node.input[2]) if len(node.input) > 2 else None
        if zero is None:
            continue
        values = numpy_helper.to_array(zero)
        if values.dtype != np.int8 or values.any():
            raise ExportError(
                "export.target", f"TensorRT cannot read {node.name}: its zero point is not an int8 0.", ""
            )
