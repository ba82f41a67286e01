"""The network of `reenact`: a warped portrait becomes a picture.

It sees the portrait warped by the mesh and as it is, both with 2 x 2 pixels as channels, and maps of what the mesh
shows where; it says how much of the warped one to keep (the rest is the portrait as it is: a background that stays) and
what to add: teeth, lids, shadows, what was hidden.
"""

from __future__ import annotations

import torch
from mien.portrait.canvas import MAPS
from torch import Tensor, nn

from training.models.blocks import Conv

CELLS = 24 + MAPS
DRIVE = 104  # coefficients of the source and of the driver
HALF = 128
_COVER = slice(24, 28)  # channels whose sum is how much of a cell the mesh covers
_PRIOR = 3.0  # logit of keeping what the mesh covers


class Refiner(nn.Module):
    """A small U-net on cells of 2 x 2 pixels.

    Args:
        channels: of the input. drive: length of the vector that the deepest layer is told; 0: none.
        widths: channels at a half, a quarter and an eighth of the picture's resolution.
    """

    def __init__(self, channels: int, drive: int, widths: tuple[int, int, int] = (16, 32, 64)) -> None:
        super().__init__()
        a, b, c = widths
        self.begin = Conv(channels, a)
        self.down = nn.Sequential(Conv(a, b, 2), Conv(b, b))
        self.deep = nn.Sequential(Conv(b, c, 2), Conv(c, c))
        self.told = nn.Linear(drive, c) if drive else None
        self.think = nn.Sequential(Conv(c, c), Conv(c, c))
        self.to_middle = nn.Conv2d(c, b, 1)
        self.middle = Conv(b, b)
        self.to_top = nn.Conv2d(b, a, 1)
        self.top = Conv(a, a)
        self.end = nn.Conv2d(a, 16, 3, 1, 1)
        self.twice = nn.Upsample(scale_factor=2, mode="nearest")
        with torch.no_grad():
            self.end.weight.mul_(0.1)
            assert self.end.bias is not None
            self.end.bias.zero_()

    def forward(self, cells: Tensor, drive: Tensor | None = None) -> Tensor:
        """(B, 16, 128, 128): four logits of keeping, then what is added to red, green and blue."""
        top = self.begin(cells)
        middle = self.down(top)
        deep = self.deep(middle)
        if self.told is not None:
            deep = deep + self.told(drive)[:, :, None, None]
        deep = self.think(deep)
        middle = self.middle(middle + self.twice(self.to_middle(deep)))
        top = self.top(top + self.twice(self.to_top(middle)))
        out: Tensor = self.end(top)
        return out


class ReenactNetwork(nn.Module):
    """cells (B, 35, 128, 128) and drive (B, 104) -> keep (B, 4, 128, 128), 0..1, and change (B, 12, 128, 128)."""

    def __init__(self) -> None:
        super().__init__()
        self.refiner = Refiner(CELLS, DRIVE)

    def forward(self, cells: Tensor, drive: Tensor) -> tuple[Tensor, Tensor]:
        out = self.refiner(cells, drive)
        cover = cells[:, _COVER].sum(1, keepdim=True)
        return torch.sigmoid(out[:, :4] + _PRIOR * (2 * cover - 1)), out[:, 4:]


def composed(keep: Tensor, change: Tensor, warped: Tensor, source: Tensor) -> Tensor:
    """The picture (B, 3, 256, 256) that cells of `keep` and `change` make of a warped source and the source."""
    mask, more = torch.pixel_shuffle(keep, 2), torch.pixel_shuffle(change, 2)
    return mask * warped + (1 - mask) * source + more
