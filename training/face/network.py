"""The network: a crop in; landmarks, coefficients, head rotation, gaze, visibility and presence out.

The left half of the face and the right one in a mirror go through one set of weights, and each side's coefficients come
from its own half: from its features, from where its landmarks are in the crop and, pose taken out, in the head; of the
whole face they are told the head's rotation and its shape without expression, as numbers that carry no expression.
Only where a region is hidden does the other side's answer stand in. What has no side is read from both halves. A face
and its mirror image so get mirrored answers by construction, and every picture teaches twice.

A half's stem is cut around the eye with its brow and around the mouth for branches of finer maps. Landmarks are means
of maps (soft-argmax; Nibali et al. 2018, DSNT), corrected by what all branches see.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from training.face.layout import BEYOND, IDENTITY, REGIONS, SHARED, SIDED, SIZE, gates, halves
from training.models.blocks import Conv, Dense
from training.models.readout import doubled, length, located, rotation
from training.performer.coefficients import COEFFICIENTS
from training.performer.landmarks import COUNT


@dataclass(frozen=True)
class Widths:
    """Channels. stem; whole: of the half's stages; branch: of the windows'; features of whole, eye, mouth; dense."""

    stem: int
    whole: tuple[int, int, int, int]
    branch: tuple[int, int, int]
    features: tuple[int, int, int]
    dense: int


# Multiples of 16, which engines' blocked kernels are made for; 2.4 times the time of the network with one whole trunk.
FULL = Widths(16, (32, 32, 64, 112), (32, 48, 64), (160, 96, 128), 224)

_STRIDE = 2  # pixels of a cell of the stem's map
_WIDTH = SIZE // 2 + BEYOND  # pixels of a half
_REACH = 1.15  # a point may lie a little outside the cells that locate it


class _Window(NamedTuple):
    """Part of a half, in pixels: rows from `top`, columns from `left` (0: BEYOND before the middle column)."""

    top: int
    left: int
    rows: int
    columns: int

    def cut(self, stem: Tensor) -> Tensor:
        top, left, rows, columns = (value // _STRIDE for value in self)
        return stem[:, :, top : top + rows, left : left + columns]


# With the jitter of training, 94 % of the points that they locate lie inside for yaw up to 45 degrees (test_layout.py).
_WHOLE = _Window(0, 0, SIZE, _WIDTH)
_EYE = _Window(24, 20, 64, 64)
_MOUTH = _Window(94, 4, 72, 64)


class FaceOutputs(NamedTuple):
    """What the network gives for a batch of B; K landmarks of a half, halves as (2 B): all left ones, then the right.

    points: (B, 220, 2), pixels of the crop. coefficients: (B, 57). rotation: (B, 3, 3), orthonormal. gaze: (B, 2, 3),
    unit. visibility: (B, 9), presence: (B, 1): logits. shape: (2 B, K, 3), the half's landmarks in the head's frame,
    centimetres from the average head at rest. identity: (B, 20), face model's modes.
    """

    points: Tensor
    coefficients: Tensor
    rotation: Tensor
    gaze: Tensor
    visibility: Tensor
    presence: Tensor
    shape: Tensor
    identity: Tensor


class _Branch(nn.Module):
    """A window of the stem's map -> features of what is there, and places of `points` landmarks in half crops."""

    cells: Tensor

    def __init__(self, window: _Window, inputs: int, widths: tuple[int, int, int], points: int, features: int) -> None:
        super().__init__()
        self.window = window
        first, second, third = widths
        self.fine, self.middle = Conv(inputs, first), Conv(first, second, 2)
        self.coarse = nn.Sequential(Conv(second, third, 2), Conv(third, third))
        rows, columns = (-(-side // (4 * _STRIDE)) for side in (window.rows, window.columns))
        self.summary = nn.Sequential(
            nn.Conv2d(third, 32, 1), nn.ReLU(), nn.Flatten(), Dense(32 * rows * columns, features)
        )
        self.from_coarse, self.blend = nn.Conv2d(third, second, 1), Conv(second, second)
        self.maps = nn.Conv2d(second, points, 1)
        self.register_buffer("cells", _centres(window, 2 * _STRIDE))

    def forward(self, stem: Tensor) -> tuple[Tensor, Tensor]:
        middle = self.middle(self.fine(self.window.cut(stem)))
        coarse = self.coarse(middle)
        joined = torch.relu(middle + doubled(self.from_coarse(coarse), middle))
        return self.summary(coarse), located(self.maps(self.blend(joined)), self.cells)


class _Half(nn.Module):
    """The stem's map of a half -> features of all of it, and places of `points` landmarks in half crops."""

    cells: Tensor

    def __init__(self, inputs: int, widths: tuple[int, int, int, int], points: int, features: int) -> None:
        super().__init__()
        first, second, third, fourth = widths
        self.fine, self.middle = nn.Sequential(Conv(inputs, first, 2), Conv(first, second, 2)), Conv(second, third, 2)
        self.coarse = Conv(third, third)
        self.coarsest = nn.Sequential(Conv(third, fourth, 2), Conv(fourth, fourth))
        rows, columns = -(-SIZE // 32), -(-_WIDTH // 32)
        self.summary = nn.Sequential(
            nn.Conv2d(fourth, 40, 1), nn.ReLU(), nn.Flatten(), Dense(40 * rows * columns, features)
        )
        # From coarse to fine, so that each cell of the maps knows all of the half.
        self.from_coarsest, self.from_coarse = nn.Conv2d(fourth, third, 1), nn.Conv2d(third, second, 1)
        self.blend = Conv(second, second)
        self.maps = nn.Conv2d(second, points, 1)
        self.register_buffer("cells", _centres(_WHOLE, 4 * _STRIDE))

    def forward(self, stem: Tensor) -> tuple[Tensor, Tensor]:
        fine = self.fine(stem)
        coarse = self.coarse(self.middle(fine))
        coarsest = self.coarsest(coarse)
        coarse = torch.relu(coarse + doubled(self.from_coarsest(coarsest), coarse))
        joined = torch.relu(fine + doubled(self.from_coarse(coarse), fine))
        return self.summary(coarsest), located(self.maps(self.blend(joined)), self.cells)


class HalvesNetwork(nn.Module):
    """See the module's text. Input: float (B, 3, 192, 192), RGB 0..1."""

    size = SIZE
    # Layers that touch the input or an output: AdamW trains them, Muon the others.
    outer = (
        "stem", "whole.maps", "eye.maps", "mouth.maps", "offsets", "shape", "gaze", "seen", "sided", "centre",
        "geometry", "pose",
    )  # fmt: skip

    def __init__(self, widths: Widths = FULL) -> None:
        super().__init__()
        self.widths = widths
        table = halves()
        count = len(table.own)  # K
        rest = [k for k in range(count) if k not in set(table.eye) | set(table.mouth)]
        order = [*rest, *table.eye.tolist(), *table.mouth.tolist()]
        self._unsort = sorted(range(count), key=order.__getitem__)
        self.stem = Conv(3, widths.stem, 2)
        whole, eye, mouth = widths.features
        self.whole = _Half(widths.stem, widths.whole, len(rest), whole)
        self.eye = _Branch(_EYE, widths.stem, widths.branch, len(table.eye), eye)
        self.mouth = _Branch(_MOUTH, widths.stem, widths.branch, len(table.mouth), mouth)
        features = sum(widths.features) + 2 * count
        # Of both halves: pose, shape without expression, whether there is a face.
        self.both = Dense(2 * features, widths.dense)
        self.pose = nn.Linear(widths.dense, 6 + IDENTITY + 1)
        # Of one half.
        self.detail = Dense(features + 6, widths.dense)
        self.offsets = nn.Linear(widths.dense, 2 * count)
        self.shape = nn.Linear(widths.dense, 3 * count)
        self.gaze = nn.Linear(widths.dense, 3)
        self.seen = nn.Linear(widths.dense, len(SIDED) + len(SHARED))
        self.expression = Dense(features + 5 * count + 6 + IDENTITY, widths.dense)
        self.sided = nn.Linear(widths.dense, len(table.left))
        self.together = Dense(2 * widths.dense, widths.dense // 2)
        self.centre = nn.Linear(widths.dense // 2, len(table.centre))
        self.geometry = nn.Linear(3 * count, len(table.left) + len(table.centre), bias=False)
        self._assemble = _Assembly()

    def forward(self, image: Tensor) -> FaceOutputs:
        left = image[:, :, :, SIZE - _WIDTH :]
        right = torch.flip(image[:, :, :, :_WIDTH], (3,))
        stem = self.stem(torch.cat([left, right], 0))
        (whole, places), (eye, eye_places), (mouth, mouth_places) = self.whole(stem), self.eye(stem), self.mouth(stem)
        places = torch.cat([places, eye_places, mouth_places], 1)[:, self._unsort]
        features = torch.cat([whole, eye, mouth, places.flatten(1)], 1)

        # Both halves in both orders, so that a mirror image gives the mirrored answer.
        pose = self.pose(self.both(torch.cat([features, _swapped(features)], 1)))
        six, identity, presence = pose.split((6, IDENTITY, 1), 1)
        six = (six + _swapped(six) * _MIRROR_SIX.to(six)) / 2  # each in its own half's axes
        identity, presence = _mean(identity), _mean(presence)
        # What a side is told of the whole carries no gradient back, so that no expression can hide in it.
        turned = (six / length(six)).detach()

        detail = self.detail(torch.cat([features, turned], 1))
        points = places + self.offsets(detail).reshape(places.shape)
        shape = self.shape(detail)
        seen = self.seen(detail)
        told = torch.cat([turned, torch.cat([identity, identity], 0).detach()], 1)
        expression = self.expression(torch.cat([features, points.flatten(1), shape, told], 1))
        from_shape = self.geometry(shape)
        sided = self.sided(expression) + from_shape[:, : self.sided.out_features]
        together = self.together(torch.cat([expression, _swapped(expression)], 1))
        centre = self.centre(together) + from_shape[:, self.sided.out_features :]
        out: FaceOutputs = self._assemble(
            points, sided, centre, six, self.gaze(detail), seen, presence, shape.unflatten(1, (-1, 3)), identity
        )
        return out


class _Assembly(nn.Module):
    """The halves' answers as the face's. Without weights; the tables are buffers."""

    order: Tensor
    gate: Tensor
    gated: Tensor
    slots: Tensor
    centre_mirrored: Tensor
    regions: Tensor

    def __init__(self) -> None:
        super().__init__()
        table = halves()
        count = len(table.own)
        self._sides = count - table.middle
        # Rows of [left half's own, right half's own, middle line] as the 220 landmarks.
        places = torch.empty(COUNT, dtype=torch.long)
        rows = torch.arange(COUNT)
        sides, middle = self._sides, table.middle
        places[torch.from_numpy(table.own[:sides])] = rows[:sides]
        places[torch.from_numpy(table.other[:sides])] = rows[sides : 2 * sides]
        places[torch.from_numpy(table.own[sides:])] = rows[2 * sides : 2 * sides + middle]
        self.register_buffer("order", places, persistent=False)
        slots = torch.empty(len(COEFFICIENTS), dtype=torch.long)
        slots[torch.from_numpy(table.left)] = torch.arange(len(table.left))
        slots[torch.from_numpy(table.right)] = torch.arange(len(table.left)) + len(table.left)
        slots[torch.from_numpy(table.centre)] = torch.arange(len(table.centre)) + 2 * len(table.left)
        self.register_buffer("slots", slots, persistent=False)
        self.register_buffer("centre_mirrored", torch.from_numpy(table.centre_mirrored), persistent=False)
        gate = torch.from_numpy(gates())
        self.register_buffer("gate", gate.clamp(min=0), persistent=False)
        self.register_buffer("gated", (gate >= 0).float(), persistent=False)
        regions = [
            SIDED.index(name.removesuffix("Left")) if name.endswith("Left")
            else len(SIDED) + SIDED.index(name.removesuffix("Right")) if name.endswith("Right")
            else 2 * len(SIDED) + SHARED.index(name)
            for name in REGIONS
        ]  # fmt: skip
        self.register_buffer("regions", torch.tensor(regions), persistent=False)

    def forward(
        self, points: Tensor, sided: Tensor, centre: Tensor, six: Tensor, gaze: Tensor, seen: Tensor, presence: Tensor,
        shape: Tensor, identity: Tensor,
    ) -> FaceOutputs:  # fmt: skip
        outwards, down = points.unbind(-1)
        left, right = outwards.chunk(2)
        x = torch.cat([left, -right], 0)
        both = torch.stack([x, down], -1) * (SIZE / 2) + (SIZE - 1) / 2
        left, right = both.chunk(2)
        middle = (left[:, self._sides :] + right[:, self._sides :]) / 2
        marks = torch.cat([left[:, : self._sides], right[:, : self._sides], middle], 1)[:, self.order]

        # The other side's answer where the own region is hidden.
        visible = torch.sigmoid(seen[:, : len(SIDED)].detach().float())[:, self.gate]
        own = 1 - self.gated * (1 - visible)
        sided = own * sided + (1 - own) * _swapped(sided)
        left, right = centre.chunk(2)
        centre = (left + right[:, self.centre_mirrored]) / 2
        coefficients = torch.cat([*sided.chunk(2), centre], 1)[:, self.slots]

        visibility = torch.cat([*seen[:, : len(SIDED)].chunk(2), _mean(seen[:, len(SIDED) :])], 1)[:, self.regions]
        gaze = torch.stack([gaze.chunk(2)[0], gaze.chunk(2)[1] * _MIRROR.to(gaze)], 1)
        return FaceOutputs(
            marks, coefficients, rotation(six.chunk(2)[0]), gaze / length(gaze), visibility, presence, shape, identity
        )


_MIRROR = torch.tensor([-1.0, 1, 1])
_MIRROR_SIX = torch.tensor([1.0, -1, -1, -1, 1, 1])  # the first two columns of F R F with F = diag(-1, 1, 1)


def _swapped(values: Tensor) -> Tensor:
    """(2 B, ...) with the halves' places exchanged."""
    left, right = values.chunk(2)
    return torch.cat([right, left], 0)


def _mean(values: Tensor) -> Tensor:
    """(B, ...): the mean of the two halves' answers (2 B, ...)."""
    left, right = values.chunk(2)
    return (left + right) / 2


def _centres(window: _Window, cell: int) -> Tensor:
    """(rows * columns, 2): centres of a window's cells, x outwards from the crop's middle and y down, in half crops."""
    ys = window.top + (torch.arange(-(-window.rows // cell)) + 0.5) * cell - SIZE / 2
    xs = window.left - BEYOND + (torch.arange(-(-window.columns // cell)) + 0.5) * cell
    spread = []
    for values in (xs, ys):
        middle = values.mean()
        spread.append(middle + (values - middle) * _REACH)
    y, x = torch.meshgrid(spread[1], spread[0], indexing="ij")
    return torch.stack([x.flatten(), y.flatten()], 1) / (SIZE / 2)
