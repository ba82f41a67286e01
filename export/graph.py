"""ONNX graphs: traced from torch with static shapes, simplified, stored in half, and compared.

Engines read what stands here, so a graph carries nothing of the machine it was made on.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from export.errors import ExportError

OPSET = 18

Arrays = Mapping[str, npt.NDArray[Any]]


def trace(
    module: nn.Module, examples: Sequence[Tensor], inputs: Sequence[str], outputs: Sequence[str]
) -> onnx.ModelProto:
    """The module as ONNX with the shapes of the examples, float32.

    Args:
        module: in eval mode; takes the examples, returns a tensor or a tuple of them in the order of `outputs`.

    Raises:
        ExportError: ``export.trace``, torch cannot trace it: the message names the layer; ``export.dynamic``, a shape
            depends on data; ``export.outputs``, it gives another number of outputs.
    """
    buffer = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        try:
            results = module(*examples)
            count = 1 if isinstance(results, Tensor) else len(results)
            if count == len(outputs):
                program = torch.onnx.export(
                    module, tuple(examples), dynamo=True, opset_version=OPSET, input_names=list(inputs),
                    output_names=list(outputs), verbose=False,
                )  # fmt: skip
                assert program is not None
                program.save(buffer)  # type: ignore[arg-type]  # takes a file object too
        except Exception as error:  # torch raises a dozen kinds
            raise ExportError(
                "export.trace",
                f"torch cannot trace the module: {reason(error)}",
                "Write that layer with operations on tensors whose shapes are fixed (docs/export.md).",
            ) from error
    if count != len(outputs):
        raise ExportError(
            "export.outputs",
            f"The module gives {count} outputs, the recipe names {len(outputs)}: {', '.join(outputs)}.",
            "Name each output once, in the module's order.",
        )
    model = onnx.load_from_string(buffer.getvalue())
    strip(model)
    check_static(model)
    return model


def reason(error: BaseException) -> str:
    """The innermost reason, in one line: torch wraps it several times."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:3])[:400] or type(error).__name__


def strip(model: onnx.ModelProto) -> None:
    """Takes out the author's source lines and paths, which the exporter writes into the file."""
    graph = model.graph
    del graph.value_info[:]
    del graph.metadata_props[:]
    for node in graph.node:
        del node.metadata_props[:]
        node.doc_string = ""


def check_static(model: onnx.ModelProto) -> None:
    """Raises ExportError ``export.dynamic`` if an input or output has an extent that is not a number."""
    for port in (*model.graph.input, *model.graph.output):
        extents = port.type.tensor_type.shape.dim
        if any(not extent.HasField("dim_value") or extent.dim_value < 1 for extent in extents):
            shape = [extent.dim_value or extent.dim_param or "?" for extent in extents]
            raise ExportError(
                "export.dynamic",
                f"{port.name} has the shape {shape}; engines for devices need numbers.",
                "Fix the extents: give --shape NAME=1,3,224,224, or export the model again with static shapes.",
            )


def fix_shapes(model: onnx.ModelProto, shapes: Mapping[str, Sequence[int]]) -> onnx.ModelProto:
    """The model with these shapes of inputs, and what follows from them.

    Raises:
        ExportError: ``export.dynamic``, no such input, or the shape contradicts the model's.
    """
    fixed = onnx.ModelProto()
    fixed.CopyFrom(model)
    ports = {port.name: port for port in fixed.graph.input}
    for name, shape in shapes.items():
        extents = ports[name].type.tensor_type.shape.dim if name in ports else []
        said = [extent.dim_value for extent in extents]
        if len(said) != len(shape) or any(a not in (0, b) for a, b in zip(said, shape, strict=True)):
            raise ExportError(
                "export.dynamic",
                f"{name} cannot have the shape {list(shape)}; the model says {said if name in ports else 'nothing'}.",
                f"Inputs: {', '.join(ports)}.",
            )
        for extent, value in zip(extents, shape, strict=True):
            extent.dim_value = value
    for port in fixed.graph.output:
        for extent in port.type.tensor_type.shape.dim:
            extent.Clear()
    return onnx.shape_inference.infer_shapes(fixed, data_prop=True)


def simplified(model: onnx.ModelProto) -> onnx.ModelProto:
    """Constants folded, what does nothing removed (onnxslim), with the shapes of all tensors, which quantizers need."""
    import onnxslim

    slim = onnxslim.slim(model)
    assert isinstance(slim, onnx.ModelProto)
    slim = onnx.shape_inference.infer_shapes(slim, data_prop=True)
    onnx.checker.check_model(slim)
    return slim


def halved(model: onnx.ModelProto, whole: Sequence[str] = ()) -> onnx.ModelProto:
    """Large weights become float16 with a cast in front: half the file, and engines cast them once, while loading.

    Args:
        whole: parts of the names of weights that stay float32, because sums of them cancel.
    """
    out = onnx.ModelProto()
    out.CopyFrom(model)
    casts = []
    for index, weight in enumerate(out.graph.initializer):
        name = weight.name
        small = weight.data_type != TensorProto.FLOAT or np.prod(weight.dims) < 64
        if small or any(part in name for part in whole):
            continue
        half = numpy_helper.from_array(numpy_helper.to_array(weight).astype(np.float16), f"{name}_half")
        out.graph.initializer[index].CopyFrom(half)
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT, name=f"{name}_cast"))
    nodes = [*casts, *out.graph.node]
    del out.graph.node[:]
    out.graph.node.extend(nodes)
    strip(out)
    onnx.checker.check_model(out)
    return out


@torch.no_grad()
def round_to_half(
    module: nn.Module, examples: Sequence[Tensor], whole: Sequence[str] = (), tolerance: float = 5e-3
) -> float:
    """Rounds the large weights to what `halved` stores, in place: then the exported model is the module exactly.

    Args:
        module: in eval mode; takes the examples, returns a tensor or a tuple of them.

    Returns:
        What rounding changes, as `difference` measures; 0 where the weights were rounded before.

    Raises:
        ExportError: ``export.half``, it changes more than `tolerance`.
    """
    before = _said(module, examples)
    for name, weight in module.named_parameters():
        if weight.numel() >= 64 and not any(part in name for part in whole):
            weight.copy_(weight.half().float())
    worst = difference(_said(module, examples), before)
    if not worst <= tolerance:
        raise ExportError(
            "export.half",
            f"Weights in half change what the network says by {worst:.2e} (limit {tolerance:.0e}).",
            "Name the weights whose sums cancel as keep_whole.",
        )
    return worst


def _said(module: nn.Module, examples: Sequence[Tensor]) -> list[npt.NDArray[Any]]:
    results = module(*examples)
    return [value.numpy().copy() for value in ([results] if isinstance(results, Tensor) else results)]


def session(data: bytes) -> Any:
    """ONNX Runtime on one thread of the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def difference(got: Sequence[npt.NDArray[Any]], expected: Sequence[npt.NDArray[Any]]) -> float:
    """The largest difference, each output in units of its own largest value, or of 1 where that is less."""
    return max(
        float(np.abs(a - b).max() / max(float(np.abs(b).max()), 1.0)) for a, b in zip(got, expected, strict=True)
    )


def operators(model: onnx.ModelProto) -> dict[str, list[str]]:
    """Operator -> the names of the nodes that are one."""
    found: dict[str, list[str]] = {}
    for node in model.graph.node:
        found.setdefault(node.op_type, []).append(node.name or f"the one that makes {node.output[0]}")
    return found
