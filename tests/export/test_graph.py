"""Graphs: traced with fixed shapes, stored in half exactly, and refused with the layer's name otherwise."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from torch import Tensor, nn

from export.errors import ExportError
from export.graph import difference, fix_shapes, halved, operators, round_to_half, session, simplified, trace

EXAMPLE = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(1))


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, 2, 1)
        self.head = nn.Linear(512, 4)

    def forward(self, image: Tensor) -> Tensor:
        return self.head(torch.relu(self.conv(image)).flatten(1))


class Counting(nn.Module):
    """How many outputs there are depends on the values."""

    def forward(self, image: Tensor) -> Tensor:
        return image[image > 0.5]


class Unknown(nn.Module):
    def forward(self, image: Tensor) -> Tensor:
        return torch.from_numpy(np.sort(image.numpy()))


def traced(module: nn.Module) -> onnx.ModelProto:
    return trace(module.eval(), [EXAMPLE], ["image"], ["said"])


def test_the_graph_gives_what_the_module_gives() -> None:
    module = Small().eval()
    data = simplified(traced(module)).SerializeToString()
    with torch.no_grad():
        expected = module(EXAMPLE).numpy()
    (got,) = session(data).run(["said"], {"image": EXAMPLE.numpy()})
    assert difference([got], [expected]) < 1e-6


def test_rounded_weights_are_stored_in_half_without_loss() -> None:
    module = Small().eval()
    round_to_half(module, [EXAMPLE], ("head.",))
    data = halved(simplified(traced(module)), ("head.",)).SerializeToString()
    model = onnx.load_from_string(data)
    kinds = {w.name: w.data_type for w in model.graph.initializer}
    assert kinds["conv.weight_half"] == TensorProto.FLOAT16
    assert kinds["head.weight"] == TensorProto.FLOAT
    with torch.no_grad():
        expected = module(EXAMPLE).numpy()
    (got,) = session(data).run(["said"], {"image": EXAMPLE.numpy()})
    assert difference([got], [expected]) < 1e-6


@pytest.mark.parametrize("module", [Counting(), Unknown()])
def test_what_cannot_be_traced_or_has_no_fixed_shape_is_refused(module: nn.Module) -> None:
    with pytest.raises(ExportError) as caught:
        traced(module)
    assert caught.value.code in ("export.trace", "export.dynamic")
    assert len(caught.value.message) > 30


def test_outputs_are_counted() -> None:
    with pytest.raises(ExportError) as caught:
        trace(Small().eval(), [EXAMPLE], ["image"], ["a", "b"])
    assert caught.value.code == "export.outputs"
    assert "1 outputs" in caught.value.message


def open_model() -> onnx.ModelProto:
    """relu of something as high and wide as one likes."""
    ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 3, "h", "w"]) for n in ("image", "out")]
    graph = helper.make_graph([helper.make_node("Relu", ["image"], ["out"])], "g", ports[:1], ports[1:])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def test_open_extents_can_be_fixed_from_outside() -> None:
    fixed = fix_shapes(open_model(), {"image": (1, 3, 8, 6)})
    shapes = [[e.dim_value for e in p.type.tensor_type.shape.dim] for p in (*fixed.graph.input, *fixed.graph.output)]
    assert shapes == [[1, 3, 8, 6]] * 2


@pytest.mark.parametrize("shapes", [{"picture": (1, 3, 8, 8)}, {"image": (1, 4, 8, 8)}, {"image": (8, 8)}])
def test_a_shape_that_contradicts_the_model_is_refused(shapes: dict[str, tuple[int, ...]]) -> None:
    with pytest.raises(ExportError) as caught:
        fix_shapes(open_model(), shapes)
    assert caught.value.code == "export.dynamic"


def test_operators_are_counted_with_their_nodes() -> None:
    found = operators(simplified(traced(Small())))
    assert {"Conv", "Relu", "Gemm"} <= set(found)
    assert all(found["Conv"])
