"""Sensitivity: what each layer costs when it alone is int8, and which few to keep in float.

Layers are tried one at a time with ranges measured once, so a scan costs one calibration and one short run per layer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import onnx

from quantization.methods.base import Scheme
from quantization.methods.ort_static import WEIGHTED, insert, keeps, ranges
from quantization.samples import Arrays, Run, Samples, answers

_SHOWN = 64  # samples on which a layer is judged


@dataclass(frozen=True)
class Layer:
    """One layer's cost.

    Attributes:
        node: its name in the graph; weight: the name of what it multiplies with.
        error: mean difference from float over all outputs, each column in units of its own standard deviation.
        weights: how many numbers it holds.
    """

    node: str
    weight: str
    error: float
    weights: int


def scan(
    model: onnx.ModelProto,
    samples: Samples,
    outputs: Sequence[str],
    scheme: Scheme,
    session: Callable[[onnx.ModelProto], Run],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Layer]:
    """The layers that hold weights, the most costly first.

    Args:
        model: float, simplified.
        session: makes a model run.
        progress: called with the number of layers done and of all.
    """
    table = ranges(model, samples, scheme.symmetric)
    few = samples.rows(np.linspace(0, len(samples) - 1, min(_SHOWN, len(samples))).astype(int))
    plain = answers(session(model), few, outputs)
    sizes = {weight.name: int(np.prod(weight.dims)) for weight in model.graph.initializer}
    layers = []
    nodes = [
        node
        for node in model.graph.node
        if node.op_type in WEIGHTED and not keeps(node, scheme) and len(node.input) > 1 and node.input[1] in sizes
    ]
    for done, node in enumerate(nodes):
        small = answers(session(insert(model, table, scheme, [node.name])), few, outputs)
        layers.append(Layer(node.name, node.input[1], _distance(plain, small), sizes[node.input[1]]))
        progress(done + 1, len(nodes))
    return sorted(layers, key=lambda layer: -layer.error)


def _distance(plain: Arrays, small: Arrays) -> float:
    columns = []
    for name, values in plain.items():
        a, b = (array.reshape(len(array), -1).astype(np.float64) for array in (values, small[name]))
        spread = a.std(0)
        moves = spread > 1e-4
        if moves.any():
            columns.append((np.abs(a - b).mean(0)[moves] / spread[moves]).mean())
    return float(np.mean(columns)) if columns else 0.0
