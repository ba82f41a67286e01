"""Quantization-aware training with NNCF: the float network teaches its int8 self, for when ranges alone do not do.

The module is trained with fake quantizers on the calibration set's inputs; the float network's answers are the labels,
so nobody has to know the truth. Then it is written as ONNX with QuantizeLinear pairs, like every other method.
"""

from __future__ import annotations

import copy
import os
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from quantization.errors import QuantizationError
from quantization.methods.base import Method, Scheme
from quantization.methods.nncf_ptq import tool
from quantization.samples import Samples

_BATCH, _RATE = 16, 2e-4


@dataclass(frozen=True)
class Torch:
    """A module with the names of its inputs and outputs."""

    module: nn.Module
    inputs: Sequence[str]
    outputs: Sequence[str]


class Qat(Method):
    """Takes `Torch`, gives ONNX."""

    summary: ClassVar[str] = "NNCF quantization-aware training, taught by the float network, ONNX"
    form: ClassVar[str] = "module"
    epochs: ClassVar[int] = 6

    def quantize(self, model: Torch, samples: Samples, scheme: Scheme) -> onnx.ModelProto:
        # The first use compiles a C++ extension; NNCF gives it 60 seconds, and two busy cores need more.
        os.environ.setdefault("NNCF_EXTENSION_LOAD_TIMEOUT", "600")
        nncf = tool()
        columns = [torch.from_numpy(np.ascontiguousarray(samples.feeds[name])) for name in model.inputs]
        teacher = copy.deepcopy(model.module).eval()
        # "pose." of a weight's name is "pose/" of a place in NNCF's graph.
        kept = [f".*{part.rstrip('.').replace('.', '/')}.*" for part in scheme.keep_float]
        try:
            student = nncf.quantize(
                copy.deepcopy(model.module).eval(),
                nncf.Dataset([tuple(c[i : i + 1] for c in columns) for i in range(len(samples))]),
                preset=nncf.QuantizationPreset.PERFORMANCE if scheme.symmetric else nncf.QuantizationPreset.MIXED,
                subset_size=len(samples),
                ignored_scope=nncf.IgnoredScope(patterns=kept, validate=False),
            )
            _teach(student, teacher, columns, self.epochs)
            example = tuple(c[:1] for c in columns)
            plain = nncf.strip(student.eval(), example_input=example)
            return _written(plain, example, model)
        except Exception as error:
            raise QuantizationError(
                "quantization.failed", f"NNCF cannot train the model in int8: {error}", "Try another method."
            ) from error


def _teach(student: nn.Module, teacher: nn.Module, columns: Sequence[Tensor], epochs: int) -> None:
    """Mean square error to the teacher, each output in units of its own spread; batch norms stay as they are."""
    order = torch.Generator().manual_seed(0)
    with torch.no_grad():
        spread = [answer.std() + 1e-6 for answer in _tuple(teacher(*columns))]
    optimiser = torch.optim.Adam(student.parameters(), _RATE)
    count = len(columns[0])
    for _ in range(epochs):
        for rows in torch.split(torch.randperm(count, generator=order), _BATCH):
            batch = [column[rows] for column in columns]
            with torch.no_grad():
                wanted = _tuple(teacher(*batch))
            said = _tuple(student(*batch))
            terms = [(((a - b) / s) ** 2).mean() for a, b, s in zip(said, wanted, spread, strict=True)]
            optimiser.zero_grad()
            torch.stack(terms).sum().backward()  # type: ignore[no-untyped-call]
            optimiser.step()


def _tuple(answer: Any) -> tuple[Tensor, ...]:
    return (answer,) if isinstance(answer, Tensor) else tuple(answer)


def _written(module: nn.Module, example: tuple[Tensor, ...], model: Torch) -> onnx.ModelProto:
    """As ONNX by torch's older exporter: the newer one cannot trace NNCF's quantizers."""
    with tempfile.TemporaryDirectory(prefix="mien-") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says of itself that it is old
        path = Path(folder) / "int8.onnx"
        torch.onnx.export(
            module, example, str(path), dynamo=False, opset_version=18, input_names=list(model.inputs),
            output_names=list(model.outputs),
        )  # fmt: skip
        written = onnx.load(path)
    _fold(written)
    return written


def _fold(model: onnx.ModelProto) -> None:
    """Weights behind a QuantizeLinear become int8 themselves."""
    graph = model.graph
    held = {weight.name: numpy_helper.to_array(weight) for weight in graph.initializer}
    constants = {n.output[0]: numpy_helper.to_array(n.attribute[0].t) for n in graph.node if n.op_type == "Constant"}
    held |= constants
    for node in graph.node:
        if node.op_type == "Identity" and node.input[0] in held:
            held[node.output[0]] = held[node.input[0]]
    weighed = [n for n in graph.node if n.op_type == "QuantizeLinear" and all(name in held for name in n.input)]
    for node in weighed:
        values, scale, zero = (held[name] for name in node.input)
        axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
        shape = [-1 if k == axis else 1 for k in range(values.ndim)] if scale.ndim else []
        limits = np.iinfo(zero.dtype)
        steps = np.rint(values / scale.reshape(shape)) + zero.reshape(shape)
        small = np.clip(steps, limits.min, limits.max).astype(zero.dtype)
        graph.initializer.append(numpy_helper.from_array(small, node.output[0]))
        graph.node.remove(node)
    kept = {port.name for port in graph.output}
    for node in [node for node in graph.node if node.op_type == "Identity"]:
        used = {name for other in graph.node for name in other.input}
        if node.output[0] not in used | kept:
            graph.node.remove(node)
    used = {name for node in graph.node for name in node.input}
    for weight in [weight for weight in graph.initializer if weight.name not in used]:
        graph.initializer.remove(weight)
    for node in [node for node in graph.node if node.op_type == "Constant" and node.output[0] not in used]:
        graph.node.remove(node)
    onnx.checker.check_model(model)
