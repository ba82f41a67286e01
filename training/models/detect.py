"""The detection network: a whole frame in; scores, boxes and five points for the cells of four grids out.

Single shot and anchor-free (FCOS, Tian et al. 2019): a backbone of dense convolutions, a top-down pyramid, and on each
level one cell predicts at most one face. Large faces belong to coarse levels, small ones to fine levels.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from training.models.blocks import Conv

COLUMNS, ROWS = 320, 256  # pixels of the input
STRIDES = (8, 16, 32, 64)
POINTS = 5
_WIDTHS = (32, 48, 64, 56)  # channels of the backbone at those strides
_NECK = 32
NATURAL = 2.8  # a face of this many strides needs no correction; it is the middle of each level's range


class Level(NamedTuple):
    """What one grid gives for a batch of B, its cells (K) row by row.

    score: logits (B, K). box: (B, K, 4), centre as offset from the cell's corner and logarithm of width and height,
    all in strides. points: (B, K, 10), offsets as the box's centre.
    """

    score: Tensor
    box: Tensor
    points: Tensor


def cells() -> Tensor:
    """(K, 3) of all levels one after the other: the corner x, y of each cell in strides, and the stride."""
    grids = []
    for stride in STRIDES:
        y, x = torch.meshgrid(torch.arange(ROWS // stride), torch.arange(COLUMNS // stride), indexing="ij")
        grids.append(torch.stack([x, y, torch.full_like(x, stride)], -1).reshape(-1, 3))
    return torch.cat(grids).float()


class DetectNetwork(nn.Module):
    """See the module's text. Input: float (B, 3, 256, 320), RGB 0..1."""

    def __init__(self) -> None:
        super().__init__()
        a, b, c, d = _WIDTHS
        self.stem = nn.Sequential(Conv(3, 12, 2), Conv(12, 24, 2))
        self.stages = nn.ModuleList(
            [
                nn.Sequential(Conv(24, a, 2), Conv(a, a), Conv(a, a)),
                nn.Sequential(Conv(a, b, 2), Conv(b, b), Conv(b, b)),
                nn.Sequential(Conv(b, c, 2), Conv(c, c), Conv(c, c)),
                nn.Sequential(Conv(c, d, 2), Conv(d, d)),
            ]
        )
        self.lateral = nn.ModuleList(nn.Conv2d(width, _NECK, 1) for width in _WIDTHS)
        self.smooth = nn.ModuleList(Conv(_NECK, _NECK) for _ in _WIDTHS)
        self.head = nn.ModuleList(nn.Conv2d(_NECK, 1 + 4 + 2 * POINTS, 1) for _ in _WIDTHS)
        start = torch.zeros(1 + 4 + 2 * POINTS)
        start[0] = -4.6  # a hundredth: nearly all cells are empty (focal loss, Lin et al. 2017)
        start[3:5] = math.log(NATURAL)
        start[[1, 2, *range(5, 15)]] = 0.5
        with torch.no_grad():
            for layer in self.head:
                layer.bias.copy_(start)  # type: ignore[operator]
                layer.weight.mul_(0.1)  # type: ignore[operator]

    def forward(self, image: Tensor) -> list[Level]:
        x = self.stem(image - 0.5)
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        above: Tensor | None = None
        levels: list[Level] = []
        for i in reversed(range(len(maps))):
            here = self.lateral[i](maps[i])
            if above is not None:
                here = here + nn.functional.interpolate(above, scale_factor=2.0, mode="nearest")
            above = self.smooth[i](here)
            out = self.head[i](above).flatten(2).transpose(1, 2)
            levels.insert(0, Level(out[..., 0], out[..., 1:5], out[..., 5:]))
        return levels


class GridOutputs(nn.Module):
    """The network as the bundle's decoder `grid` wants it: for each stride S `cls_S`, `obj_S`, `box_S`, `points_S`.

    The decoder scores a cell sqrt(cls * obj). There is one score here, which knows both whether and how well, so both
    are the same.
    """

    names = tuple(f"{part}_{stride}" for stride in STRIDES for part in ("cls", "obj", "box", "points"))

    def __init__(self, network: DetectNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        outputs: list[Tensor] = []
        for score, box, points in self.network(image):
            value = torch.sigmoid(score)[..., None]
            outputs += [value, value + 0.0, box, points]
        return tuple(outputs)
