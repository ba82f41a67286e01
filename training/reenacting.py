"""What a reenacted picture is judged by while it is learnt."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from training.models.reenact import composed
from training.reenact_pairs import Batch

_FACE = 2.0  # further weight of what the mesh shows, which people look at
_EDGES, _COARSE = 1.0, 0.5
_STILL = 0.01  # of 1; less variation is noise
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


def texture_lost(made: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """How much less the picture varies within 5 x 5 pixels than the truth does, wherever exactly its detail lies.

    Differences of pixels alone are least where uncertain detail is blurred away; this is what blurring costs.
    """
    variation = []
    for picture in (made, truth):
        mean, square = (nn.functional.avg_pool2d(values, 5, 2, 2) for values in (picture, picture * picture))
        variation.append(torch.sqrt((square - mean * mean).clamp(min=0) + _STILL * _STILL))
    lost: Tensor = (torch.relu(variation[1] - variation[0]) * nn.functional.avg_pool2d(weight, 2)).mean()
    return lost


class Loss:
    """The loss of a `ReenactNetwork` on a batch.

    Args:
        texture: weight of `texture_lost`.
    """

    def __init__(self, texture: float = 0.0) -> None:
        self._texture = texture

    def __call__(self, network: nn.Module, batch: Batch) -> tuple[Tensor, Mapping[str, float]]:
        assert isinstance(network, nn.Module)
        keep, change = network(batch.cells, batch.drive)
        made = composed(keep, change, batch.warped, batch.source)
        cover = batch.cells[:, 24:28].sum(1, keepdim=True)
        weight = 1 + _FACE * nn.functional.interpolate(cover, scale_factor=2.0)
        weight = weight / weight.mean()
        loss = picture_loss(made, batch.truth, weight)
        lost = texture_lost(made, batch.truth, weight)
        if self._texture:
            loss = loss + self._texture * lost
        with torch.no_grad():
            figures = {
                "texture_lost": float(lost),
                "psnr": psnr(made, batch.truth),
                "psnr_warped": psnr(batch.warped, batch.truth),
                "psnr_source": psnr(batch.source, batch.truth),
            }
        return loss, figures
