"""Weights alone in int8: a layer whose sums need float keeps them, and takes a quarter of the room."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

_SMALLEST = 1024  # numbers; below it the scales eat what is saved


def weights_only(model: onnx.ModelProto, names: Collection[str]) -> onnx.ModelProto:
    """The model with these weights as int8 and a DequantizeLinear behind each, one scale per output channel.

    Engines fold the two into float weights while they load. Weights of fewer than 1024 numbers stay as they are.
    """
    out = onnx.ModelProto()
    out.CopyFrom(model)
    graph = out.graph
    channel = {}
    for node in graph.node:
        if len(node.input) > 1 and node.input[1] in names:
            channel[node.input[1]] = _channel(node)
    nodes = []
    for index, weight in enumerate(graph.initializer):
        name = weight.name
        values = numpy_helper.to_array(weight)
        if name not in channel or values.dtype != np.float32 or values.size < _SMALLEST:
            continue
        axis = channel[name] % values.ndim
        scale = _scales(values, axis)
        shape = [-1 if k == axis else 1 for k in range(values.ndim)]
        small = np.clip(np.rint(values / scale.reshape(shape)), -127, 127).astype(np.int8)
        graph.initializer[index].CopyFrom(numpy_helper.from_array(small, f"{name}_int8"))
        graph.initializer.append(numpy_helper.from_array(scale, f"{name}_scale"))
        inputs = [f"{name}_int8", f"{name}_scale"]
        nodes.append(helper.make_node("DequantizeLinear", inputs, [name], name=f"{name}_whole", axis=axis))
    every = [*nodes, *graph.node]
    del graph.node[:]
    graph.node.extend(every)
    onnx.checker.check_model(out)
    return out


def _channel(node: onnx.NodeProto) -> int:
    """The axis of the output channels in a node's weight."""
    if node.op_type == "Gemm":
        turned = next((a.i for a in node.attribute if a.name == "transB"), 0)
        return 0 if turned else 1
    return 0 if node.op_type == "Conv" else -1


def _scales(values: npt.NDArray[np.float32], axis: int) -> npt.NDArray[np.float32]:
    others = tuple(k for k in range(values.ndim) if k != axis)
    largest = np.abs(values).max(others)
    return np.where(largest > 0, largest / 127, 1).astype(np.float32)
