"""The baseline of `reenact`: keypoints without a face model, as First Order Motion Model has them, at the same cost.

Keypoints with local affine maps are found in source and driver alike (Siarohin et al. 2019); a small network mixes the
flows that they mean; the same refiner that `reenact` has makes the picture. It needs the driver's picture.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.models.blocks import Conv
from training.models.reenact import Refiner, composed

POINTS = 10
_SPREAD = 0.1  # of a keypoint's heat, in halves of the picture
_GRID = 64


class Keypoints(nn.Module):
    """Pictures (B, 3, 64, 64) -> points (B, K, 2) in -1..1, x before y, and local maps (B, K, 2, 2)."""

    def __init__(self) -> None:
        super().__init__()
        self.top, self.down = Conv(3, 16), Conv(16, 32, 2)
        self.deep = nn.Sequential(Conv(32, 64, 2), Conv(64, 64), Conv(64, 64))
        self.narrow, self.join = nn.Conv2d(64, 32, 1), Conv(32, 32)
        self.heat = nn.Conv2d(32, POINTS, 3, 1, 1)
        self.local = nn.Conv2d(32, 4 * POINTS, 3, 1, 1)
        with torch.no_grad():
            self.local.weight.mul_(0.01)
            assert self.local.bias is not None
            self.local.bias.copy_(torch.tensor([1.0, 0, 0, 1.0]).repeat(POINTS))

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        down = self.down(self.top(picture))
        wide = functional.interpolate(self.narrow(self.deep(down)), scale_factor=2.0)
        x = self.join(down + wide)
        heat = torch.softmax(self.heat(x).flatten(2) / 0.1, 2).view(len(x), POINTS, *x.shape[2:])
        places = grid(x.shape[2], x.device)
        points = (heat[..., None] * places).sum((2, 3))
        local = (heat[:, :, None] * self.local(x).view(len(x), POINTS, 4, *x.shape[2:])).sum((3, 4))
        return points, local.view(len(x), POINTS, 2, 2)


def grid(side: int, device: torch.device) -> Tensor:
    """(side, side, 2), x before y, -1..1 at the centres of the outermost pixels."""
    line = torch.linspace(-1, 1, side, device=device)
    return torch.stack(torch.meshgrid(line, line, indexing="xy"), 2)


class KeypointNetwork(nn.Module):
    """Source and driver, (B, 3, 256, 256) each -> the picture (B, 3, 256, 256).

    With `begin`, the driver's picture in which it does what the source does, motion is relative to that.
    """

    def __init__(self) -> None:
        super().__init__()
        self.keypoints = Keypoints()
        self.mix = nn.Sequential(Conv(4 * POINTS + 4, 24), Conv(24, 48, 2), Conv(48, 48))
        self.mixed = nn.Sequential(nn.Conv2d(48, 24, 1), nn.Upsample(scale_factor=2.0), Conv(24, 24))
        self.shares = nn.Conv2d(24, POINTS + 2, 3, 1, 1)
        self.refiner = Refiner(25, 0)

    def forward(self, source: Tensor, driver: Tensor, begin: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The picture, and the source warped by the keypoints alone."""
        small = functional.interpolate(source, size=(_GRID, _GRID), mode="area")
        here, local = self.keypoints(small)
        there, turned = self.keypoints(functional.interpolate(driver, size=(_GRID, _GRID), mode="area"))
        if begin is not None:
            start, first = self.keypoints(functional.interpolate(begin, size=(_GRID, _GRID), mode="area"))
            there, turned = here + there - start, turned @ _inverse(first) @ local
        places = grid(_GRID, source.device)
        maps = local @ _inverse(turned)
        away = places[None, None] - there[:, :, None, None]
        flows = here[:, :, None, None] + torch.einsum("bkij,bkyxj->bkyxi", maps, away)
        still = places.expand(len(source), 1, _GRID, _GRID, 2)
        flows = torch.cat([still, flows], 1)
        heat = [
            torch.exp(-((places[None, None] - p[:, :, None, None]) ** 2).sum(-1) / 2 / _SPREAD**2)
            for p in (there, here)
        ]
        heat_change = functional.pad(heat[0] - heat[1], (0, 0, 0, 0, 1, 0))
        moved = functional.grid_sample(
            small.repeat_interleave(POINTS + 1, 0), flows.flatten(0, 1), padding_mode="border", align_corners=True
        ).view(len(source), POINTS + 1, 3, _GRID, _GRID)
        told = torch.cat([moved, heat_change[:, :, None]], 2).flatten(1, 2)
        out = self.shares(self.mixed(self.mix(told)))
        share = torch.softmax(out[:, :-1], 1)
        flow = (share[..., None] * flows).sum(1).permute(0, 3, 1, 2)
        flow = functional.interpolate(flow, size=source.shape[2:], mode="bilinear", align_corners=True)
        warped = functional.grid_sample(source, flow.permute(0, 2, 3, 1), padding_mode="border", align_corners=True)
        seen = functional.interpolate(torch.sigmoid(out[:, -1:]), scale_factor=2.0)
        cells = torch.cat([torch.pixel_unshuffle(warped, 2), torch.pixel_unshuffle(source, 2), seen], 1)
        logits = self.refiner(cells)
        keep = torch.sigmoid(logits[:, :4] + 1)
        return composed(keep, logits[:, 4:], warped, source), warped


def _inverse(maps: Tensor) -> Tensor:
    """Of 2 x 2 matrices, kept away from the singular ones."""
    a, b, c, d = maps.flatten(2).unbind(2)
    unit = a * d - b * c
    unit = torch.where(unit.abs() < 0.05, torch.full_like(unit, 0.05), unit)
    inverse: Tensor = torch.stack([d, -b, -c, a], 2).view(*maps.shape) / unit[..., None, None]
    return inverse
