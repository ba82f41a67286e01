"""How networks of faces say places and directions: means of maps, unit vectors, rotations."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def doubled(small: Tensor, like: Tensor) -> Tensor:
    """The map with every cell doubled, cut to the other's shape: engines differ in how they resize 5 cells to 9."""
    return nn.functional.interpolate(small, scale_factor=2.0)[:, :, : like.shape[2], : like.shape[3]]


def located(maps: Tensor, cells: Tensor) -> Tensor:
    """(B, K, 2): the mean place of each of K maps (soft-argmax; Nibali et al. 2018, DSNT)."""
    return torch.softmax(maps.flatten(2).float(), 2) @ cells


def length(v: Tensor) -> Tensor:
    """Lengths (..., 1) of vectors (..., N), never quite 0."""
    return torch.sqrt((v * v).sum(-1, keepdim=True) + 1e-8)


def rotation(six: Tensor) -> Tensor:
    """Two columns made orthonormal, and their cross product (Zhou et al. 2019, on continuity of rotations)."""
    a, b = six[:, :3], six[:, 3:]
    a = a / length(a)
    b = b - (a * b).sum(-1, keepdim=True) * a
    b = b / length(b)
    ax, ay, az = a.unbind(-1)
    bx, by, bz = b.unbind(-1)
    c = torch.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], -1)
    return torch.stack([a, b, c], -1)
