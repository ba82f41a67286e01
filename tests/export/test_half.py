"""Weights in half: the numbers of torch, refused where they change too much, and nothing of the machine in the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto
from torch import Tensor, nn

from export.errors import ExportError
from export.graph import OPSET, halved, round_to_half, trace
from training.models.blocks import Conv, fold

EXAMPLE = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(1))


class Two(nn.Module):
    """A small network with two outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(Conv(3, 8, 2), Conv(8, 8), nn.Flatten())
        self.head = nn.Linear(8 * 64, 3)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        out = self.head(self.body(image))
        return out, torch.sigmoid(out[:, :1])


@pytest.fixture(scope="module")
def network() -> nn.Module:
    torch.manual_seed(2)
    return fold(Two().eval())


@pytest.fixture(scope="module")
def exported(network: nn.Module) -> bytes:
    data: bytes = halved(trace(network, [EXAMPLE], ["image"], ["scores", "chance"])).SerializeToString()
    return data


def test_the_engine_gives_what_torch_gives(network: nn.Module, exported: bytes) -> None:
    session = onnxruntime.InferenceSession(exported, providers=["CPUExecutionProvider"])
    other = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(9))
    got = session.run(["scores", "chance"], {"image": other.numpy()})
    for value, expected in zip(got, network(other), strict=True):
        np.testing.assert_allclose(value, expected.detach().numpy(), atol=5e-3)


def test_large_weights_are_stored_in_half(exported: bytes) -> None:
    model = onnx.load_from_string(exported)
    kinds = {weight.name: weight.data_type for weight in model.graph.initializer if np.prod(weight.dims) >= 64}
    assert len(kinds) == 3
    assert set(kinds.values()) == {TensorProto.FLOAT16}
    assert [entry.version for entry in model.opset_import if not entry.domain] == [OPSET]
    assert [port.name for port in model.graph.output] == ["scores", "chance"]


def test_the_file_says_nothing_of_where_it_was_made(exported: bytes) -> None:
    for word in (str(Path.home()), str(Path(torch.__file__).parent.parent), str(Path(__file__).parent), ".py"):
        assert word.encode() not in exported, word


def test_rounding_says_what_it_changes_and_a_second_time_nothing() -> None:
    torch.manual_seed(2)
    network = fold(Two().eval())
    assert 0 < round_to_half(network, [EXAMPLE]) < 5e-3
    assert round_to_half(network, [EXAMPLE]) == 0


def test_a_network_that_half_weights_change_too_much_is_refused() -> None:
    network = fold(Two().eval())
    with pytest.raises(ExportError) as caught:
        round_to_half(network, [EXAMPLE], tolerance=0)
    assert caught.value.code == "export.half"
