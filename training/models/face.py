"""The face network: one picture of a face in, landmarks, coefficients, head rotation, gaze and visibility out.

One backbone looks at the whole crop; the first convolution's finer map is cut around each eye and the mouth for small
branches of their own, because gaze and lips need more pixels than the rest. The right eye is mirrored, so that both
eyes share a branch. A branch says what it sees and where: the places of key points that it chooses itself (spatial
softmax, Levine et al. 2016). Landmarks are means of maps, corrected by what the branches see. Coefficients see the
predicted landmarks, which carry most of their signal: from exact ones a linear map alone reaches r 0.9.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from training.models.blocks import Conv, Dense
from training.models.readout import doubled, length, located, rotation

SIZE = 144  # pixels of the input
POINTS, COEFFICIENTS, REGIONS = 220, 57, 9
_WHOLE, _EYE, _MOUTH = 192, 64, 96  # features of what is seen
_EYE_PLACES, _MOUTH_PLACES = 32, 40  # key points
FEATURES = _WHOLE + 2 * (_EYE + 2 * _EYE_PLACES) + _MOUTH + 2 * _MOUTH_PLACES
_MAP = SIZE // 2  # of the first convolution
_CELLS = SIZE // 16  # of the maps in which the points are located
_REACH = 1.15  # half crops that the maps span: a point may lie a little outside
# Windows of that map; rows, columns. With the crop's alignment the eyes and lips stay inside for yaw to 45 degrees.
_EYE_ROWS, _EYE_WIDTH = slice(14, 34), 24
_MOUTH_ROWS, _MOUTH_COLUMNS = slice(38, 66), slice(18, 54)


class FaceOutputs(NamedTuple):
    """What the network gives for a batch of B.

    points: (B, 220, 2), pixels of the input. coefficients: (B, 57). rotation: (B, 3, 3), orthonormal. gaze: (B, 2, 3),
    unit. visibility: (B, 9), presence: (B, 1): logits. features: (B, 624); spatial: (B, 48, 18, 18).
    """

    points: Tensor
    coefficients: Tensor
    rotation: Tensor
    gaze: Tensor
    visibility: Tensor
    presence: Tensor
    features: Tensor
    spatial: Tensor


class FaceNetwork(nn.Module):
    """See the module's text. Input: float (B, 3, 144, 144), RGB 0..1."""

    size = SIZE
    outer = ("stem", "maps", "offsets", "pose", "gaze", "coefficients", "geometry")  # layers that touch inputs, outputs
    cells: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.stem = Conv(3, 16, 2)
        self.fine = nn.Sequential(Conv(16, 32, 2), Conv(32, 48, 2))
        self.middle = nn.Sequential(Conv(48, 80, 2), Conv(80, 80))
        self.coarse = nn.Sequential(Conv(80, 128, 2), Conv(128, 96))
        self.whole = nn.Sequential(nn.Conv2d(96, 32, 1), nn.ReLU(), nn.Flatten(), Dense(32 * 25, _WHOLE))
        self.eye = _Branch((10, 12), 0, _EYE, _EYE_PLACES)
        self.mouth = _Branch((14, 18), 64, _MOUTH, _MOUTH_PLACES)
        # From coarse to fine, so that each cell of the maps knows the whole face.
        self.from_coarse, self.from_middle = nn.Conv2d(96, 48, 1), nn.Conv2d(80, 48, 1)
        self.blend = Conv(48, 48)
        self.maps = nn.Conv2d(48, POINTS, 1)
        self.trunk = Dense(FEATURES, 192)
        self.pose = nn.Linear(192, 6 + REGIONS + 1)
        # Narrow, because one picture at a time makes wide dense layers as slow as their weights are large.
        self.detail = Dense(192 + FEATURES, 160)
        self.offsets = nn.Linear(160, POINTS * 2)
        self.gaze = nn.Linear(160, 6)
        self.expression = Dense(FEATURES + POINTS * 2, 256)
        self.coefficients = nn.Linear(256, COEFFICIENTS)
        self.geometry = nn.Linear(POINTS * 2, COEFFICIENTS, bias=False)
        self.register_buffer("cells", _centres(_CELLS, _CELLS) * _REACH)

    def forward(self, image: Tensor) -> FaceOutputs:
        stem = self.stem(image)
        spatial = self.fine(stem)
        middle = self.middle(spatial)
        coarse = self.coarse(middle)
        whole = self.whole(coarse)
        half = _MAP // 2
        left = stem[:, :, _EYE_ROWS, half : half + _EYE_WIDTH]
        right = torch.flip(stem[:, :, _EYE_ROWS, half - _EYE_WIDTH : half], (3,))
        eyes = self.eye(torch.cat([left, right], 0))  # one pass over a batch twice as large
        mouth = self.mouth(stem[:, :, _MOUTH_ROWS, _MOUTH_COLUMNS])
        features = torch.cat([whole, *eyes.chunk(2), mouth], 1)
        trunk = self.trunk(features)
        detail = self.detail(torch.cat([trunk, features], 1))
        points = (self._located(middle, coarse) + self.offsets(detail).reshape(-1, POINTS, 2)).flatten(1)
        pose = self.pose(trunk)
        gaze = self.gaze(detail).reshape(-1, 2, 3)
        seen = self.expression(torch.cat([features, points], 1))
        return FaceOutputs(
            points.reshape(-1, POINTS, 2) * (SIZE / 2) + (SIZE - 1) / 2,
            self.coefficients(seen) + self.geometry(points),
            rotation(pose[:, :6]),
            gaze / length(gaze),
            pose[:, 6 : 6 + REGIONS],
            pose[:, 6 + REGIONS :],
            features,
            spatial,
        )

    def _located(self, middle: Tensor, coarse: Tensor) -> Tensor:
        """(B, 220, 2): where each point's map sees it, in half crops."""
        joined = self.from_middle(middle) + doubled(self.from_coarse(coarse), middle)
        return located(self.maps(self.blend(torch.relu(joined))), self.cells)


class _Branch(nn.Module):
    """A window of the first convolution's map -> what is there, and where. Its own map has half the cells."""

    cells: Tensor

    def __init__(self, shape: tuple[int, int], deeper: int, features: int, places: int) -> None:
        """Args: shape: rows and columns of the branch's own map. deeper: channels of one more convolution, or 0."""
        super().__init__()
        self.fine, self.middle = Conv(16, 32, 2), Conv(32, 48, 2)
        self.last = Conv(48, deeper, 2) if deeper else nn.Identity()
        rows, columns = (math.ceil(side / (4 if deeper else 2)) for side in shape)
        self.summary = nn.Sequential(nn.Flatten(), Dense((deeper or 48) * rows * columns, features))
        self.from_middle, self.blend = nn.Conv2d(48, 32, 1), Conv(32, 32)
        self.maps = nn.Conv2d(32, places, 1)
        self.register_buffer("cells", _centres(*shape))

    def forward(self, window: Tensor) -> Tensor:
        fine = self.fine(window)
        middle = self.middle(fine)
        joined = torch.relu(fine + doubled(self.from_middle(middle), fine))
        places = located(self.maps(self.blend(joined)), self.cells)
        return torch.cat([self.summary(self.last(middle)), places.flatten(1)], 1)


def _centres(rows: int, columns: int) -> Tensor:
    """(rows * columns, 2): the cells' centres, x and y in half sides."""
    ys, xs = (((torch.arange(count) + 0.5) / count * 2 - 1) for count in (rows, columns))
    y, x = torch.meshgrid(ys, xs, indexing="ij")
    return torch.stack([x.flatten(), y.flatten()], 1)
