"""Named: a network with as many outputs as the bundle names, as a plain tuple: exporters want no more."""

from __future__ import annotations

from torch import Tensor, nn


class Named(nn.Module):
    """The network with a plain tuple of its first `count` outputs."""

    def __init__(self, network: nn.Module, count: int) -> None:
        super().__init__()
        self.network, self.count = network, count

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.network(*inputs)[: self.count])
