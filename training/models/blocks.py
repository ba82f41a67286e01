"""Convolutions that are trained with branches and exported as one dense 3x3 each.

Dense kernels rather than depthwise ones: engines run them near their peak, in float and in int8.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

# Root mean square of weights that go on being trained. Batch norms leave it free, but optimisers' steps have a length:
# at the face recipe's rate Muon changes them by 0.004, a hundredth of this.
_GROWN = 0.4


class Foldable(nn.Module):
    """A linear map and a batch norm, with a simpler equal for when training is over."""

    norm: nn.BatchNorm1d | nn.BatchNorm2d

    @property
    def weight(self) -> Tensor:
        """The linear map's matrix, a row per output."""
        raise NotImplementedError

    def fold(self) -> nn.Module:
        """The simpler layer; this one must be in eval mode."""
        raise NotImplementedError

    @torch.no_grad()
    def unfold(self, weight: Tensor, bias: Tensor, mean: Tensor, variance: Tensor) -> None:
        """Makes this layer the one that folds to `weight` and `bias`, ready to be trained again.

        Args:
            mean, variance: (outputs,), of what the linear map without bias gives for training's pictures.
        """
        scale = _GROWN / weight.square().mean().sqrt()
        self.weight.copy_(weight * scale)
        assert self.norm.running_mean is not None
        assert self.norm.running_var is not None
        self.norm.running_mean.copy_(mean * scale)
        self.norm.running_var.copy_(variance * scale**2)
        self.norm.weight.copy_(torch.sqrt(self.norm.running_var + self.norm.eps) / scale)
        self.norm.bias.copy_(bias + mean)


class Conv(Foldable):
    """3x3 convolution, batch norm, and the input itself where shapes allow, under one ReLU.

    All of it before the ReLU is linear, so that `fold` gives one equal convolution (RepVGG, Ding et al. 2021, with the
    identity branch only).
    """

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        self.stride = stride
        self.skip = inputs == outputs and stride == 1

    @property
    def weight(self) -> Tensor:
        """(outputs, inputs, 3, 3)."""
        return self.conv.weight

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.conv(x))
        return torch.relu(y + x if self.skip else y)

    def fold(self) -> nn.Module:
        """The same function as a convolution with bias and a ReLU."""
        scale, bias = _scale_and_bias(self.norm)
        out = nn.Conv2d(self.conv.in_channels, self.conv.out_channels, 3, self.stride, 1, bias=True)
        with torch.no_grad():
            out.weight.copy_(self.conv.weight * scale[:, None, None, None] + self._itself())
            assert out.bias is not None
            out.bias.copy_(bias)
        return nn.Sequential(out, nn.ReLU())

    def unfold(self, weight: Tensor, bias: Tensor, mean: Tensor, variance: Tensor) -> None:
        """As `Foldable.unfold`; where the input itself is added, `mean` and `variance` are without it."""
        super().unfold(weight - self._itself(), bias, mean, variance)

    def _itself(self) -> Tensor:
        """(outputs, inputs, 3, 3): the identity where it is added, else zeros."""
        out = torch.zeros_like(self.conv.weight)
        if self.skip:
            middle = torch.arange(len(out))
            out[middle, middle, 1, 1] = 1
        return out


class Dense(Foldable):
    """Linear layer, batch norm and ReLU, exported as linear layer and ReLU.

    Without the norm, orthogonal updates drive whole layers below zero, where no gradient comes back from: the eye
    branch and the layer before the coefficients of a finished network gave nothing but zeros.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs, bias=False)
        self.norm = nn.BatchNorm1d(outputs)

    @property
    def weight(self) -> Tensor:
        """(outputs, inputs)."""
        return self.linear.weight

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.norm(self.linear(x)))

    def fold(self) -> nn.Module:
        """The same function as a linear layer with bias and a ReLU."""
        scale, bias = _scale_and_bias(self.norm)
        out = nn.Linear(self.linear.in_features, self.linear.out_features)
        with torch.no_grad():
            out.weight.copy_(self.linear.weight * scale[:, None])
            out.bias.copy_(bias)
        return nn.Sequential(out, nn.ReLU())


def _scale_and_bias(norm: nn.BatchNorm1d | nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """What the norm does to each channel in eval mode: x * scale + bias."""
    mean, variance = norm.running_mean, norm.running_var
    assert mean is not None
    assert variance is not None
    scale = norm.weight / torch.sqrt(variance + norm.eps)
    return scale, norm.bias - mean * scale


def fold(module: nn.Module) -> nn.Module:
    """Replaces every `Foldable` below `module`, in place, by its folded form; the module must be in eval mode."""
    for name, child in module.named_children():
        setattr(module, name, child.fold() if isinstance(child, Foldable) else fold(child))
    return module
