"""A folded layer is the one that was trained."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from training.models.blocks import Conv, Dense, fold


def trained(inputs: int, outputs: int, stride: int) -> Conv:
    """A block whose batch norm has seen something."""
    block = Conv(inputs, outputs, stride)
    for part in (block.norm.weight, block.norm.bias):
        nn.init.uniform_(part, -0.5, 1.5)
    for _ in range(4):
        block(torch.randn(8, inputs, 12, 12) * 2 + 1)
    return block.eval()


@pytest.mark.parametrize(("inputs", "outputs", "stride"), [(4, 4, 1), (4, 6, 1), (4, 4, 2)])
def test_folding_changes_no_number(inputs: int, outputs: int, stride: int) -> None:
    torch.manual_seed(0)
    block = trained(inputs, outputs, stride)
    assert block.skip == (inputs == outputs and stride == 1)
    image = torch.randn(2, inputs, 12, 12)
    torch.testing.assert_close(block.fold()(image), block(image), rtol=1e-4, atol=1e-4)


def test_every_block_below_is_folded() -> None:
    torch.manual_seed(1)
    network = nn.Sequential(trained(3, 4, 2), nn.Sequential(trained(4, 4, 1), nn.Flatten())).eval()
    image = torch.randn(1, 3, 12, 12)
    before = network(image)
    folded = fold(network)
    assert folded is network
    assert not any(isinstance(part, Conv | nn.BatchNorm2d) for part in folded.modules())
    torch.testing.assert_close(folded(image), before, rtol=1e-4, atol=1e-4)


def test_a_dense_layer_folds_its_norm() -> None:
    torch.manual_seed(2)
    layer = Dense(6, 5)
    for part in (layer.norm.weight, layer.norm.bias):
        nn.init.uniform_(part, -0.5, 1.5)
    for _ in range(4):
        layer(torch.randn(16, 6) * 2 + 1)
    layer.eval()
    x = torch.randn(3, 6)
    folded = layer.fold()
    assert [type(part) for part in folded.children()] == [nn.Linear, nn.ReLU]
    torch.testing.assert_close(folded(x), layer(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("layer", [Conv(4, 4, 1), Conv(4, 6, 2)])
def test_unfolding_gives_a_layer_that_folds_to_the_same_and_is_normed_by_what_it_saw(layer: Conv) -> None:
    torch.manual_seed(3)
    weight, bias = torch.randn_like(layer.weight), torch.randn(layer.weight.shape[0])
    seen = torch.randn(64, 4, 12, 12) + 1
    out = nn.functional.conv2d(seen, weight, stride=layer.stride, padding=1) - (seen if layer.skip else 0)
    layer.unfold(weight, bias, out.mean((0, 2, 3)), out.var((0, 2, 3)))
    folded = layer.eval().fold()
    assert isinstance(folded, nn.Sequential)
    torch.testing.assert_close(folded[0].weight, weight, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(folded[0].bias, bias, rtol=1e-4, atol=1e-4)
    with torch.no_grad():
        torch.testing.assert_close(layer.train()(seen), layer.eval()(seen), rtol=1e-2, atol=1e-2)
