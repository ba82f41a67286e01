"""Muon: momentum whose direction is made orthogonal, for the weights between a network's first and last layers.

K. Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks": the momentum of a weight matrix G is
replaced by the nearest matrix with singular values near 1, found by a quintic Newton-Schulz iteration. All directions
of a layer then learn equally fast, which matters where a few (a face's size, its pose) have most of the gradient.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

_A, _B, _C = 3.4445, -4.7750, 2.0315  # Jordan et al.: singular values in 0..1 end between about 0.7 and 1.2
_ITERATIONS = 5


def orthogonal(matrix: Tensor) -> Tensor:
    """About U V^T of a matrix U S V^T (M, N), by Newton-Schulz iteration in bfloat16."""
    x: Tensor = matrix.bfloat16()
    tall = x.shape[0] > x.shape[1]
    if tall:
        x = x.T
    x = x / (x.norm() + 1e-7)
    for _ in range(_ITERATIONS):
        square = x @ x.T
        x = _A * x + (_B * square + _C * square @ square) @ x
    out: Tensor = (x.T if tall else x).to(matrix.dtype)
    return out


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, made orthogonal; a convolution counts as a matrix of one row per output channel.

    Args:
        params: weights of two or more dimensions.
        rate: of a step whose entries have the root mean square 1, as AdamW's have: 0.2 sqrt(max(M, N)) times an
            orthogonal matrix (Liu et al. 2025, "Muon is scalable for LLM training"). speed: times that rate.
    """

    def __init__(
        self,
        params: Iterable[nn.Parameter],
        rate: float,
        momentum: float = 0.95,
        decay: float = 0.0,
        speed: float = 1.0,
    ) -> None:
        super().__init__(params, {"lr": rate, "momentum": momentum, "weight_decay": decay, "speed": speed})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """One step; `closure` is there for torch's signature alone."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                momentum = self.state[weight].setdefault("momentum", torch.zeros_like(weight))
                momentum.lerp_(weight.grad, 1 - group["momentum"])
                ahead = weight.grad.lerp(momentum, group["momentum"])
                direction = orthogonal(ahead.flatten(1))
                scale = 0.2 * max(direction.shape) ** 0.5 * group["speed"]
                weight.mul_(1 - group["lr"] * group["weight_decay"])
                weight.add_(direction.view_as(weight), alpha=-group["lr"] * scale)
