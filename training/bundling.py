"""From a trained network to a member of a bundle: ONNX with weights stored in half, checked against torch."""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from training.errors import TrainingError

OPSET = 18


def to_onnx(
    module: nn.Module,
    examples: Sequence[Tensor],
    inputs: Sequence[str],
    outputs: Sequence[str],
    tolerance: float,
    whole: Sequence[str] = (),
) -> tuple[bytes, float]:
    """Exports with static shapes and half-size weights.

    Args:
        module: in eval mode, folded; returns a tuple of tensors in the order of `outputs`.
        whole: parts of the names of weights that stay float32, because sums of them cancel.
        tolerance: the largest difference from torch that is accepted, each output in units of its own largest value, or
            of 1 where that is less.

    Returns:
        The model, and the difference measured on the examples.

    Raises:
        TrainingError: `export.parity`, the exported model gives other numbers.
    """
    module.eval()
    buffer = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            module, tuple(examples), dynamo=True, opset_version=OPSET, input_names=list(inputs),
            output_names=list(outputs), verbose=False,
        )  # fmt: skip
        assert program is not None
        program.save(buffer)  # type: ignore[arg-type]  # takes a file object too
        expected = [value.numpy() for value in module(*examples)]
    model = _halved(onnx.load_from_string(buffer.getvalue()), whole)
    data = model.SerializeToString()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    got = session.run(list(outputs), dict(zip(inputs, (example.numpy() for example in examples), strict=True)))
    worst = max(
        float(np.abs(a - b).max() / max(float(np.abs(b).max()), 1.0)) for a, b in zip(got, expected, strict=True)
    )
    if not worst <= tolerance:
        raise TrainingError("export.parity", f"ONNX Runtime differs from torch by {worst:.2e}.", "")
    return data, worst


def _halved(model: onnx.ModelProto, whole: Sequence[str]) -> onnx.ModelProto:
    """Large weights become float16 with a cast in front: half the file, and engines cast them once, while loading."""
    graph = model.graph
    casts = []
    for index, weight in enumerate(graph.initializer):
        name = weight.name
        small = weight.data_type != TensorProto.FLOAT or np.prod(weight.dims) < 64
        if small or any(part in name for part in whole):
            continue
        half = numpy_helper.from_array(numpy_helper.to_array(weight).astype(np.float16), f"{name}_half")
        graph.initializer[index].CopyFrom(half)
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT, name=f"{name}_cast"))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    del graph.value_info[:]
    for info in graph.metadata_props:
        del info
    for node in graph.node:  # the exporter writes the author's source lines and paths into the file
        del node.metadata_props[:]
        node.doc_string = ""
    del graph.metadata_props[:]
    onnx.checker.check_model(model)
    return model


def digest(data: bytes) -> str:
    """SHA-256 as hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def licence() -> dict[str, Any]:
    """The licence section of a default bundle's manifest."""
    return {"spdx": "Apache-2.0", "source": "trained by this project on its own renders"}
