"""Augmentation: rendered crops with labels -> what a network is trained on, new in every epoch.

`Augment.batch` cuts the face as the runtime will cut it (with a detector's errors, mirrored half of the time), turns
every label with the picture, and then spoils the picture (training/photometric.py). A pair (seed, step) always gives
the same bytes, so a resumed training repeats itself. One thread: 0.6 ms per face.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from mien import _native
from mien.tracking import Crop, Region, hull

from training.errors import TrainingError
from training.models.face import SIZE
from training.performer.landmarks import CROP
from training.photometric import Scene, spoil

F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]
Index = npt.NDArray[np.intp]

_SPOILED = 0.65  # share of the pictures that are spoiled further than their camera did
_LOOSE = 0.4  # share of the crops that are as loose as a detector's


def mirror_order(names: Sequence[str]) -> Index:
    """For each name the index of the one that it becomes in a mirror: `...Left` and `...Right` change places.

    Raises:
        TrainingError: `training.config`, a name has no partner.
    """
    swap = {"Left": "Right", "Right": "Left"}
    slots = {name: i for i, name in enumerate(names)}
    order = []
    for name in names:
        stem, side = next(((name.removesuffix(s), swap[s]) for s in swap if name.endswith(s)), (name, ""))
        if stem + side not in slots:
            raise TrainingError("training.config", f"{name!r} has no partner {stem + side!r}.", "Name both sides.")
        order.append(slots[stem + side])
    return np.array(order, np.intp)


@dataclass(frozen=True, eq=False)
class LabelMap:
    """Which label is which, for mirroring, cropping and hiding.

    Attributes:
        points, coefficients, regions: for each landmark (P), coefficient (C), region (R) its mirror image's index.
        region_points: the landmarks of each region, R arrays of indices.
        upright: the landmarks, subject's right and left, whose line the crop makes horizontal.
    """

    points: Index
    coefficients: Index
    regions: Index
    region_points: tuple[Index, ...]
    upright: tuple[int, int]

    def __post_init__(self) -> None:
        for name in ("points", "coefficients", "regions"):
            order = getattr(self, name)
            if not np.array_equal(order[order], np.arange(len(order))):
                raise TrainingError("training.config", f"Mirroring the {name} twice does not give them back.", "")
        if len(self.region_points) != len(self.regions) or any(len(p) == 0 for p in self.region_points):
            raise TrainingError("training.config", "Every region needs landmarks, and only regions have them.", "")


@dataclass(frozen=True, eq=False)
class Faces:
    """A batch of B pictures with labels.

    Attributes:
        pictures: uint8 (B, H, W, 3), RGB.
        points: float32 (B, P, 2), pixels of the pictures, integers at pixel centres.
        rotation: float32 (B, 3, 3), head to camera axes (x right, y up, z towards the viewer).
        gaze: float32 (B, 2, 3), unit vectors of the left and right eye, camera axes.
        coefficients: float32 (B, C), 0..1.
        visibility: float32 (B, R), 1 where the region can be seen.
    """

    pictures: U8
    points: F32
    rotation: F32
    gaze: F32
    coefficients: F32
    visibility: F32

    def nchw(self) -> U8:
        """The pictures as (B, 3, H, W), a view without copying: torch calls this memory channels_last."""
        return self.pictures.transpose(0, 3, 1, 2)


def face_region(points: F32, upright: tuple[int, int]) -> Region:
    """The square crop of one face, as the runtime cuts it: level eyes, `landmarks.CROP` times the landmarks' hull.

    Args:
        points: float32 (P, 2), pixels. upright: landmarks of the subject's right and left eye.
    """
    crop = Crop((CROP, CROP), square=True, upright=upright, turned_hull=True, shift=0.0)
    return crop.region(hull(points), points)


def mirror(faces: Faces, labels: LabelMap, which: npt.NDArray[np.bool_]) -> Faces:
    """The batch with the faces `which` (B) seen in a mirror: x runs backwards and the subject's sides change names.

    A rotation R becomes F R F with F = diag(-1, 1, 1), a direction d becomes F d.
    """
    pictures, points, rotation = faces.pictures.copy(), faces.points.copy(), faces.rotation.copy()
    gaze, coefficients, visibility = faces.gaze.copy(), faces.coefficients.copy(), faces.visibility.copy()
    for i in np.flatnonzero(which):
        cv2.flip(faces.pictures[i], 1, pictures[i])
    flip = np.array([-1, 1, 1], np.float32)
    points[which] = points[which][:, labels.points] * flip[:2]
    points[which, :, 0] += pictures.shape[2] - 1
    rotation[which] *= flip[:, None] * flip
    gaze[which] = gaze[which][:, ::-1] * flip
    coefficients[which] = coefficients[which][:, labels.coefficients]
    visibility[which] = visibility[which][:, labels.regions]
    return Faces(pictures, points, rotation, gaze, coefficients, visibility)


class Augment:
    """Random crops and spoiled pictures.

    Args:
        seed: of everything.
        labels: which label is which.
        size: pixels of the network's input.
        region: landmarks (P, 2), pixels -> the crop of a face, as the runtime cuts it; None: `face_region`.
        mirrored: share of the faces that are seen in a mirror, 0..1.
        at_edge: share of the faces that a frame's border cuts, 0..1; what lies beyond repeats the border's pixels.
    """

    def __init__(
        self,
        seed: int,
        labels: LabelMap,
        size: int = SIZE,
        region: Callable[[F32], Region] | None = None,
        mirrored: float = 0.5,
        at_edge: float = 0.0,
    ) -> None:
        self._seed = seed
        self._labels = labels
        self._size = size
        self._region = region or (lambda points: face_region(points, labels.upright))
        self._mirrored, self._at_edge = mirrored, at_edge
        self._spec = _native.TensorSpec(size, size, "uint8", "nhwc", "rgb", "replicate", [1.0] * 3, [0.0] * 3)

    def batch(self, step: int, faces: Faces, spoiled: float = _SPOILED) -> Faces:
        """The faces as training step `step` sees them, (B, size, size, 3).

        Args:
            spoiled: share of the pictures that are spoiled further than their camera did, 0..1.

        Raises:
            TrainingError: `training.config`, the labels do not fit each other or the label map.
        """
        self._check(faces)
        rng = np.random.default_rng((self._seed, step))
        regions = [_jitter(rng, self._region(points)) for points in faces.points]
        cut = self._cut(faces, regions)
        beyond = np.zeros(cut.points.shape[:2], np.bool_)
        if self._at_edge:
            for k in np.flatnonzero(rng.random(len(regions)) < self._at_edge):
                beyond[k] = self._at_border(rng, cut.pictures[k], cut.points[k])
        if self._mirrored:
            which = rng.random(len(regions)) < self._mirrored
            cut = mirror(cut, self._labels, which)
            beyond[which] = beyond[which][:, self._labels.points]
        pictures = np.empty_like(cut.pictures)
        covered = np.zeros(cut.points.shape[:2], np.bool_)
        for i in range(len(regions)):
            scene = Scene(cut.pictures, i, cut.points[i], self._labels.upright)
            if rng.random() < spoiled:
                pictures[i], covered[i] = spoil(rng, scene)
            else:
                pictures[i] = cut.pictures[i]
        covered |= beyond
        return Faces(pictures, cut.points, cut.rotation, cut.gaze, cut.coefficients, self._hide(cut, covered))

    def plain(self, faces: Faces) -> Faces:
        """The faces cut exactly, neither mirrored nor spoiled: what evaluation sees. Raises as `batch`."""
        self._check(faces)
        return self._cut(faces, [self._region(points) for points in faces.points])

    def _at_border(self, rng: np.random.Generator, picture: U8, points: F32) -> npt.NDArray[np.bool_]:
        """Lets one or two borders of a frame cut the crop (in place); the landmarks (P,) that lie beyond them."""
        size = self._size
        beyond = np.zeros(len(points), np.bool_)
        for turns in rng.choice(4, size=1 if rng.random() < 0.7 else 2, replace=False):
            depth = int(size * rng.uniform(0.02, 0.4))
            turned = np.rot90(picture, turns)  # a view: the border is at its top
            turned[:depth] = turned[depth]
            x, y = points[:, 0], points[:, 1]
            beyond |= (y, size - 1 - x, size - 1 - y, x)[turns] < depth - 0.5
        return beyond

    def _cut(self, faces: Faces, regions: Sequence[Region]) -> Faces:
        size = self._size
        maps = np.stack([region.affine(size, size, "center") for region in regions])
        pictures = np.empty((len(regions), size, size, 3), np.uint8)
        for picture, affine, out in zip(faces.pictures, maps, pictures, strict=True):
            height, width = picture.shape[:2]
            _native.image_to_tensor(_native.Image("rgb", width, height, [picture]), affine, self._spec, out[None])
        inverse = np.linalg.inv(maps[:, :, :2])
        points = (faces.points - maps[:, None, :, 2]) @ inverse.transpose(0, 2, 1)
        turn = np.stack([region.to_camera().T for region in regions])
        return Faces(
            pictures,
            points.astype(np.float32),
            (turn @ faces.rotation).astype(np.float32),
            (faces.gaze @ turn.transpose(0, 2, 1)).astype(np.float32),
            faces.coefficients,
            faces.visibility,
        )

    def _hide(self, cut: Faces, covered: npt.NDArray[np.bool_]) -> F32:
        """The visibility without the regions that lost most of their landmarks to an occluder or to the border."""
        covered = covered | ((cut.points < -0.5) | (cut.points > self._size - 0.5)).any(-1)
        lost = np.stack([covered[:, points].mean(1) > 0.5 for points in self._labels.region_points], 1)
        return np.where(lost, np.float32(0), cut.visibility)

    def _check(self, faces: Faces) -> None:
        count, labels = len(faces.pictures), self._labels
        expected = {
            "points": (count, len(labels.points), 2),
            "rotation": (count, 3, 3),
            "gaze": (count, 2, 3),
            "coefficients": (count, len(labels.coefficients)),
            "visibility": (count, len(labels.regions)),
        }
        for name, shape in expected.items():
            array = getattr(faces, name)
            if array.shape != shape or array.dtype != np.float32:
                raise TrainingError(
                    "training.config", f"{name}: expected float32 {shape}, got {array.dtype} {array.shape}.", ""
                )
        if faces.pictures.ndim != 4 or faces.pictures.shape[3] != 3 or faces.pictures.dtype != np.uint8 or not count:
            raise TrainingError(
                "training.config",
                f"Pictures are uint8 (B, H, W, 3), got {faces.pictures.dtype} {faces.pictures.shape}.",
                "",
            )


def _jitter(rng: np.random.Generator, region: Region) -> Region:
    """The region as the last frame's landmarks would have given it, or, less often, a detector."""
    loose = rng.random() < _LOOSE
    roll = rng.uniform(-30, 30) if loose and rng.random() < 0.25 else rng.normal(0, 7 if loose else 2.5)
    side = region.width * rng.uniform(*((0.86, 1.16) if loose else (0.95, 1.05)))
    dx, dy = rng.uniform(-1, 1, 2) * (0.07 if loose else 0.025) * region.width
    return Region(region.cx + dx, region.cy + dy, side, side, region.rotation + math.radians(roll))
