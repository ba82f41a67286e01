"""Muon: steps whose every direction is equally long."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from training.muon import Muon, orthogonal


@pytest.mark.parametrize("shape", [(24, 60), (60, 24), (32, 32)])
def test_singular_values_come_near_one_whatever_they_were(shape: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(1)
    u, _, vt = torch.linalg.svd(torch.randn(shape, generator=generator), full_matrices=False)
    values = torch.logspace(0, -1.2, min(shape))
    made = orthogonal(u @ torch.diag(values) @ vt)
    assert made.shape == shape
    found = torch.linalg.svdvals(made)
    assert 0.6 < found.min() < found.max() < 1.3
    torch.testing.assert_close(torch.diag(u.T @ made @ vt.T) > 0.6, torch.ones(min(shape), dtype=torch.bool))


def test_a_step_is_as_long_as_the_rate_says() -> None:
    weight = nn.Parameter(torch.zeros(16, 8, 3, 3))
    weight.grad = torch.randn(weight.shape, generator=torch.Generator().manual_seed(2))
    Muon([weight], rate=0.01, speed=2.0).step()
    assert weight.detach().square().mean().sqrt().item() == pytest.approx(0.01 * 2 * 0.2, rel=0.15)


def test_it_learns_a_linear_map() -> None:
    generator = torch.Generator().manual_seed(3)
    inputs = torch.randn(256, 16, generator=generator)
    truth = torch.randn(8, 16, generator=generator)
    layer = nn.Linear(16, 8, bias=False)
    optimiser = Muon(layer.parameters(), rate=0.2)
    for step in range(300):
        optimiser.param_groups[0]["lr"] = 0.2 * (1 - step / 300)
        optimiser.zero_grad()
        (layer(inputs) - inputs @ truth.T).square().mean().backward()
        optimiser.step()
    assert (layer.weight - truth).abs().max() < 0.05


def test_weights_decay() -> None:
    weight = nn.Parameter(torch.ones(4, 4))
    weight.grad = torch.zeros(4, 4)
    Muon([weight], rate=0.1, decay=0.5).step()
    torch.testing.assert_close(weight.detach(), torch.full((4, 4), 0.95))
