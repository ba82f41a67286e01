"""What a reenacted picture is judged by while it is learnt."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from training.models.reenact import composed
from training.reenact_pairs import Batch

_FACE = 2.0  # further weight of what the mesh shows, which people look at
_EDGES, _COARSE = 1.0, 0.5
_SOFT = 1e-3  # of the absolute value's corner


def picture_loss(made: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Absolute differences of pixels, of their steps to the next ones, and of means over 8 x 8; weight (B, 1, H, W)."""
    error = made - truth
    across, down = error[..., 1:] - error[..., :-1], error[..., 1:, :] - error[..., :-1, :]
    edges = (_soft(across) * weight[..., 1:]).mean() + (_soft(down) * weight[..., 1:, :]).mean()
    coarse = _soft(nn.functional.avg_pool2d(error, 8)).mean()
    return (_soft(error) * weight).mean() + _EDGES * edges + _COARSE * coarse


def _soft(value: Tensor) -> Tensor:
    return torch.sqrt(value * value + _SOFT * _SOFT)


def psnr(made: Tensor, truth: Tensor) -> float:
    """Peak signal to noise ratio in dB, mean over pictures of 0..1."""
    error = ((made.clamp(0, 1) - truth) ** 2).flatten(1).mean(1)
    return float((-10 * torch.log10(error.clamp(min=1e-8))).mean())


class Loss:
    """The loss of a `ReenactNetwork` on a batch."""

    def __call__(self, network: nn.Module, batch: Batch) -> tuple[Tensor, Mapping[str, float]]:
        assert isinstance(network, nn.Module)
        keep, change = network(batch.cells, batch.drive)
        made = composed(keep, change, batch.warped, batch.source)
        cover = batch.cells[:, 24:28].sum(1, keepdim=True)
        weight = 1 + _FACE * nn.functional.interpolate(cover, scale_factor=2.0)
        loss = picture_loss(made, batch.truth, weight / weight.mean())
        with torch.no_grad():
            figures = {
                "psnr": psnr(made, batch.truth),
                "psnr_warped": psnr(batch.warped, batch.truth),
                "psnr_source": psnr(batch.source, batch.truth),
            }
        return loss, figures
