"""Canvas: the moved mesh as a flow of a portrait's pixels, and what a network needs to refine it.

All buffers belong to the canvas and are written frame after frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mien import _native
from mien.portrait.fit import Fit
from mien.portrait.mesh import KINDS, FaceMesh
from mien.types import F32, U8

SIZE = 256  # pixels of the crop's side
HALF = SIZE // 2
MAPS = 11  # skin and back, eye, mouth, teeth, seen, normal now x y, normal then x y, displacement x y
_PLANES = 7  # column, row, seen, normal now x y, normal then x y
_HIDDEN = 0.5  # cm that something must lie before a vertex to hide it
_GREY = 3.0  # of 255 between a pixel's channels on average; black and white photographs have less, even as JPEG
_FAR = 32.0  # pixels of displacement that a map calls 1


@dataclass(frozen=True, eq=False)
class Source:
    """A portrait's crop and the mesh on it.

    Attributes:
        picture: uint8 (256, 256, 3). fit: its placed mesh in crop pixels.
        still: (V, 7) attributes of which the normals now are rewritten for each frame.
        packed: float32 (12, 128, 128), the picture 0..1, its 2 x 2 pixels as channels.
        grey: whether the picture has no colours. skin: float32 (3,), the face's mean colour, 0.02..1.
    """

    picture: U8
    fit: Fit
    still: F32
    packed: F32
    grey: bool
    skin: F32


class Canvas:
    """Buffers to draw one portrait's frames with.

    Attributes:
        flow: float32 (2, 256, 256), the source's column and row for each pixel. owner: int32 (256, 256), the triangle.
        warped: float32 (3, 256, 256), 0..1.
    """

    def __init__(self, mesh: FaceMesh) -> None:
        self._mesh = mesh
        self._planes = np.zeros((_PLANES, SIZE, SIZE), np.float32)
        self._scratch = np.empty((4, SIZE, SIZE), np.float32)
        self._group = np.array([(0, 0, 1, 2, 3)[k] for k in range(len(KINDS))], np.uint8)[mesh.kinds]
        self._group = np.append(self._group, np.uint8(255))  # of owner -1
        self._means = np.empty((_PLANES, HALF, HALF), np.float32)
        self.owner = np.empty((SIZE, SIZE), np.int32)
        self.warped = np.empty((3, SIZE, SIZE), np.float32)

    @property
    def flow(self) -> F32:
        return self._planes[:2]

    def source(self, picture: U8, fit: Fit) -> Source:
        """Prepares a crop uint8 (256, 256, 3) with the mesh fitted to it."""
        mesh = self._mesh
        turned = mesh.normals(fit.points * np.array([1, -1, 1 * fit.placed.scale], np.float32))
        still = np.zeros((len(mesh), _PLANES), np.float32)
        still[:, :2] = fit.points[:, :2]
        still[:, 5:] = turned[:, :2]
        still[:, 2] = self._seen(fit.points, turned)
        packed = pack((picture.transpose(2, 0, 1) / np.float32(255)).astype(np.float32))
        grey = float(np.ptp(picture, axis=2).mean()) < _GREY
        skinned = mesh.triangles[mesh.kinds == KINDS.index("skin")]
        shown = skinned[(still[skinned, 2] > 0.5).all(1)]
        column, row = np.clip(np.rint(fit.points[shown, :2].mean(1)), 0, SIZE - 1).astype(int).T
        colours = picture[row, column] if len(shown) else picture.reshape(-1, 3)
        skin = np.maximum(colours.mean(0) / 255, 0.02).astype(np.float32)
        return Source(picture, fit, still, packed, grey, skin)

    def _seen(self, points: F32, normals: F32) -> F32:
        """Which vertices the source shows, (V,): not turned away, and nothing before them."""
        nearest = np.full((1, SIZE, SIZE), -1e9, np.float32)
        depth = np.ascontiguousarray(points[:, 2:])
        _native.mesh_rasterise(points, self._mesh.triangles, depth, nearest, self.owner, self._scratch)
        column, row = (np.clip(np.rint(points[:, k]), 0, SIZE - 1).astype(int) for k in range(2))
        inside = (points[:, :2] > -0.5).all(1) & (points[:, :2] < SIZE - 0.5).all(1)
        front = np.clip(normals[:, 2] * 4, 0, 1)
        return np.asarray(front * inside * (nearest[0, row, column] < points[:, 2] + _HIDDEN), np.float32)

    def draw(self, source: Source, points: F32) -> None:
        """Draws the mesh where its vertices now are, (V, 3) columns, rows and depth: `flow`, `owner`, `warped`."""
        mesh = self._mesh
        now = mesh.normals(points * np.array([1, -1, 1 * source.fit.placed.scale], np.float32))
        source.still[:, 3:5] = now[:, :2]
        self._planes[2:] = 0
        _native.mesh_rasterise(points, mesh.triangles, source.still, self._planes, self.owner, self._scratch)
        _native.flow_extend(self.flow, self.owner, self._scratch)
        _native.flow_warp(source.picture, self.flow, self.warped)

    def mouth(self) -> npt.NDArray[np.bool_]:
        """(256, 256): where the mouth's inside is drawn, teeth too."""
        return np.asarray(_IN_MOUTH[self._group[self.owner]])

    def unseen_mouth(self) -> F32:
        """(256, 256), 0..1: the same where the source shows nothing of it."""
        return np.asarray(self.mouth() * (1 - self._planes[2]), np.float32)

    def maps(self, out: F32) -> None:
        """Writes what the network is told beside pictures: float32 (11, 128, 128)."""
        group = self._group[self.owner].reshape(HALF, 2, HALF, 2).transpose(1, 3, 0, 2).reshape(4, HALF, HALF)
        for kind in range(4):
            np.sum(group == kind, axis=0, dtype=np.float32, out=out[kind])
        out[:4] *= 0.25
        cells = self._planes.reshape(_PLANES, HALF, 2, HALF, 2)
        means = self._means
        np.add(cells[:, :, 0, :, 0], cells[:, :, 1, :, 1], out=means)
        out[4:9] = means[2:] * np.float32(0.5)
        out[9:] = (means[:2] * np.float32(0.5) - _PLACES) * np.float32(1 / _FAR)


_IN_MOUTH = np.isin(np.arange(256), (2, 3))  # by group
_PLACES = np.stack(np.meshgrid(np.arange(HALF) * 2 + 0.5, np.arange(HALF) * 2 + 0.5)).astype(np.float32)


def pack(planes: F32) -> F32:
    """(C, 256, 256) as (4 C, 128, 128), torch's pixel_unshuffle."""
    count = len(planes)
    cells = planes.reshape(count, HALF, 2, HALF, 2).transpose(0, 2, 4, 1, 3)
    return np.ascontiguousarray(cells.reshape(4 * count, HALF, HALF))


def unpack(cells: F32) -> F32:
    """(4 C, 128, 128) as (C, 256, 256), torch's pixel_shuffle."""
    count = len(cells) // 4
    planes = cells.reshape(count, 2, 2, HALF, HALF).transpose(0, 3, 1, 4, 2)
    return np.ascontiguousarray(planes.reshape(count, SIZE, SIZE))
