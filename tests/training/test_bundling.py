"""Export: half-size weights, the numbers of torch, and nothing of the machine it was made on."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto
from torch import Tensor, nn

from export.graph import OPSET
from training.bundling import digest, licence, to_onnx
from training.errors import TrainingError
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
def exported(network: nn.Module) -> tuple[bytes, float]:
    return to_onnx(network, [EXAMPLE], ["image"], ["scores", "chance"], 5e-3)


def test_the_engine_gives_what_torch_gives(network: nn.Module, exported: tuple[bytes, float]) -> None:
    data, worst = exported
    assert 0 < worst < 5e-3
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    other = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(9))
    got = session.run(["scores", "chance"], {"image": other.numpy()})
    for value, expected in zip(got, network(other), strict=True):
        np.testing.assert_allclose(value, expected.detach().numpy(), atol=5e-3)


def test_large_weights_are_stored_in_half(exported: tuple[bytes, float]) -> None:
    model = onnx.load_from_string(exported[0])
    kinds = {weight.name: weight.data_type for weight in model.graph.initializer if np.prod(weight.dims) >= 64}
    assert len(kinds) == 3
    assert set(kinds.values()) == {TensorProto.FLOAT16}
    assert [entry.version for entry in model.opset_import if not entry.domain] == [OPSET]
    assert [port.name for port in model.graph.output] == ["scores", "chance"]


def test_the_file_says_nothing_of_where_it_was_made(exported: tuple[bytes, float]) -> None:
    for word in (str(Path.home()), str(Path(torch.__file__).parent.parent), str(Path(__file__).parent), ".py"):
        assert word.encode() not in exported[0], word


def test_an_export_that_differs_is_refused(network: nn.Module) -> None:
    with pytest.raises(TrainingError) as caught:
        to_onnx(network, [EXAMPLE], ["image"], ["scores", "chance"], 0)
    assert caught.value.code == "export.parity"


def test_digests_are_sha_256_and_the_licence_has_a_name() -> None:
    assert digest(b"mien") == hashlib.sha256(b"mien").hexdigest()
    assert licence()["spdx"] == "Apache-2.0"
