"""The face network: one picture of a face in, landmarks, coefficients, head rotation, gaze and visibility out.

One backbone looks at the whole crop; the first convolution's finer map is cut around each eye and the mouth for small
branches of their own, because gaze and lips need more pixels than the rest. The right eye is mirrored, so that both
eyes share a branch. Landmarks are means of maps, corrected by what the branches see. Coefficients see the predicted
landmarks, which carry most of their signal: from exact ones a linear map alone reaches r 0.9.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from training.models.blocks import Conv

SIZE = 144  # pixels of the input
POINTS, COEFFICIENTS, REGIONS = 220, 57, 9
FEATURES = 416
_MAP = SIZE // 2  # of the first convolution
_CELLS = SIZE // 8  # of the maps in which the points are located
_REACH = 1.15  # half crops that the maps span: a point may lie a little outside
# Windows of that map; rows, columns. With the crop's alignment the eyes and lips stay inside for yaw to 45 degrees.
_EYE_ROWS, _EYE_WIDTH = slice(14, 34), 24
_MOUTH_ROWS, _MOUTH_COLUMNS = slice(38, 66), slice(18, 54)


class FaceOutputs(NamedTuple):
    """What the network gives for a batch of B.

    points: (B, 220, 2), pixels of the input. coefficients: (B, 57). rotation: (B, 3, 3), orthonormal. gaze: (B, 2, 3),
    unit. visibility: (B, 9), presence: (B, 1): logits. features: (B, 416); spatial: (B, 48, 18, 18).
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
        self.middle = nn.Sequential(Conv(48, 96, 2), Conv(96, 96))
        self.coarse = nn.Sequential(Conv(96, 128, 2), Conv(128, 128))
        self.whole = nn.Sequential(nn.Conv2d(128, 32, 1), nn.ReLU(), nn.Flatten(), nn.Linear(32 * 25, 192), nn.ReLU())
        self.eye = nn.Sequential(
            Conv(16, 32, 2), Conv(32, 48, 2), Conv(48, 48), nn.Flatten(), nn.Linear(48 * 5 * 6, 64), nn.ReLU()
        )
        self.mouth = nn.Sequential(
            Conv(16, 32, 2), Conv(32, 48, 2), Conv(48, 64, 2), nn.Flatten(), nn.Linear(64 * 4 * 5, 96), nn.ReLU()
        )
        # From coarse to fine, so that each cell of the maps knows the whole face.
        self.from_coarse, self.from_middle = nn.Conv2d(128, 32, 1), nn.Conv2d(96, 32, 1)
        self.from_fine, self.blend = nn.Conv2d(48, 32, 1), Conv(32, 32)
        self.maps = nn.Conv2d(32, POINTS, 1)
        self.trunk = nn.Sequential(nn.Linear(FEATURES, 192), nn.ReLU())
        self.offsets = nn.Linear(192, POINTS * 2)
        self.pose = nn.Linear(192, 6 + REGIONS + 1)
        self.gaze = nn.Linear(192 + FEATURES, 6)
        self.expression = nn.Sequential(nn.Linear(FEATURES + POINTS * 2, 256), nn.ReLU())
        self.coefficients = nn.Linear(256, COEFFICIENTS)
        self.geometry = nn.Linear(POINTS * 2, COEFFICIENTS, bias=False)
        # Cell centres of the maps, in units of half a crop.
        place = ((torch.arange(_CELLS) + 0.5) / _CELLS * 2 - 1) * _REACH
        y, x = torch.meshgrid(place, place, indexing="ij")
        self.register_buffer("cells", torch.stack([x.flatten(), y.flatten()], 1))

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
        points = (self._located(spatial, middle, coarse) + self.offsets(trunk).reshape(-1, POINTS, 2)).flatten(1)
        pose = self.pose(trunk)
        gaze = self.gaze(torch.cat([trunk, features], 1)).reshape(-1, 2, 3)
        seen = self.expression(torch.cat([features, points], 1))
        return FaceOutputs(
            points.reshape(-1, POINTS, 2) * (SIZE / 2) + (SIZE - 1) / 2,
            self.coefficients(seen) + self.geometry(points),
            _rotation(pose[:, :6]),
            gaze / _length(gaze),
            pose[:, 6 : 6 + REGIONS],
            pose[:, 6 + REGIONS :],
            features,
            spatial,
        )

    def _located(self, spatial: Tensor, middle: Tensor, coarse: Tensor) -> Tensor:
        """(B, 220, 2): the mean place of each point's map, in half crops (soft-argmax; Nibali et al. 2018, DSNT)."""
        resize = nn.functional.interpolate
        joined = self.from_middle(middle) + resize(self.from_coarse(coarse), middle.shape[2:])
        joined = self.from_fine(spatial) + resize(joined, spatial.shape[2:])
        maps = self.maps(self.blend(torch.relu(joined))).flatten(2)
        return torch.softmax(maps.float(), 2) @ self.cells


def _length(v: Tensor) -> Tensor:
    return torch.sqrt((v * v).sum(-1, keepdim=True) + 1e-8)


def _rotation(six: Tensor) -> Tensor:
    """Two columns made orthonormal, and their cross product (Zhou et al. 2019, on continuity of rotations)."""
    a, b = six[:, :3], six[:, 3:]
    a = a / _length(a)
    b = b - (a * b).sum(-1, keepdim=True) * a
    b = b / _length(b)
    ax, ay, az = a.unbind(-1)
    bx, by, bz = b.unbind(-1)
    c = torch.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], -1)
    return torch.stack([a, b, c], -1)
