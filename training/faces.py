"""What the face network is trained on, and by which loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from mien.layouts import ARKIT52
from torch import Tensor, nn

from training.augment import Augment, Faces, LabelMap, mirror_order
from training.dataset import Dataset
from training.loop import rows_of
from training.models.face import SIZE
from training.performer import landmarks
from training.performer.backgrounds import background
from training.performer.coefficients import COEFFICIENTS
from training.performer.sensor import capture

F32 = npt.NDArray[np.float32]

_NEGATIVES = 0.06  # share of a batch that shows no face
# Share of the loss; landmark error is in hundredths of half a crop.
_WEIGHTS = {"points": 1.0, "local": 1.0, "coefficients": 3.0, "mesh": 0.3, "slope": 0.1, "rotation": 0.6, "gaze": 2.0}
_WEIGHTS |= {"visibility": 0.15, "presence": 0.15}


def label_map() -> LabelMap:
    """Which label is which, for `Augment`."""
    return LabelMap(
        landmarks.mirrored().astype(np.intp),
        mirror_order(COEFFICIENTS),
        mirror_order(landmarks.REGIONS),
        tuple(index.astype(np.intp) for index in landmarks.region_points()),
        landmarks.UPRIGHT,
    )


def faces_of(data: Dataset, rows: npt.NDArray[np.integer[Any]]) -> Faces:
    """These rows of a data set."""
    fields = ("points", "rotation", "gaze", "coefficients", "visibility")
    return Faces(data.pictures(rows), *(data.labels[name][rows] for name in fields))


@dataclass(frozen=True, eq=False)
class FaceBatch:
    """Tensors of B pictures: image uint8 (B, 3, 144, 144); labels as in `Faces`; face: (B,) 1 where there is one."""

    image: Tensor
    points: Tensor
    rotation: Tensor
    gaze: Tensor
    coefficients: Tensor
    visibility: Tensor
    face: Tensor


class FaceBatches:
    """Step -> FaceBatch, the same for the same seed."""

    def __init__(self, data: Dataset, batch: int, seed: int) -> None:
        self._data, self._batch, self._seed = data, batch, seed
        self._augment = Augment(seed, label_map())

    def __call__(self, step: int) -> FaceBatch:
        rows = rows_of(step, self._batch, len(self._data), self._seed)
        faces = self._augment.batch(step, faces_of(self._data, np.sort(rows)))
        rng = np.random.default_rng((self._seed, step, 7))
        present = rng.random(self._batch) >= _NEGATIVES
        for i in np.flatnonzero(~present):
            faces.pictures[i] = no_face(rng, faces.pictures[i])
        t = torch.from_numpy
        return FaceBatch(
            t(faces.nchw()), t(faces.points), t(faces.rotation), t(faces.gaze), t(faces.coefficients),
            t(faces.visibility), t(present.astype(np.float32)),
        )  # fmt: skip


def no_face(rng: np.random.Generator, picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """What a tracker sees when it has lost the face: somewhere else, or a piece of it far too large."""
    import cv2

    size = len(picture)
    if rng.random() < 0.5:
        return capture(background(rng, size, size), rng)
    side = int(rng.integers(20, 44) * size / 144)
    corner = [int(rng.choice([0, size - side])), int(rng.integers(0, size - side))]
    y, x = corner if rng.random() < 0.5 else corner[::-1]
    return cv2.resize(picture[y : y + side, x : x + side], (size, size))  # type: ignore[no-any-return]


class FaceLoss:
    """The loss of the face network.

    Coefficients are weighed two ways: each by the inverse of its variance, so that rare ones count as much as common
    ones, and each by the square of how far its shape moves the skin. Their regression on the truth within a batch is
    drawn to 1, because squared error alone shrinks expressions towards the mean. Landmarks count twice: where they
    are, and where they are within their region of the face, which is what an expression changes.
    """

    weights = _WEIGHTS

    def __init__(self, coefficients: F32, displacement: F32, size: int = SIZE) -> None:
        """Args: coefficients: (N, 57), of the training set. displacement: (57,), how far a 1 moves the skin. size: of
        the network's input, pixels.
        """
        self._half = size / 2
        spread = np.maximum(coefficients.std(0), 0.08)
        self._inverse = torch.from_numpy((1 / spread**2 / len(COEFFICIENTS)).astype(np.float32))
        moved = displacement**2
        self._moved = torch.from_numpy((moved / (moved * spread**2).sum()).astype(np.float32))
        self._region = torch.from_numpy(region_of_coefficient())
        index = [torch.from_numpy(points).long() for points in landmarks.region_points()]
        self._inner = torch.cat(index)  # landmarks that stand for a region, region after region
        self._inner_region = torch.cat([torch.full_like(points, k) for k, points in enumerate(index)])
        self._middle = torch.zeros(len(index), landmarks.COUNT)  # takes the means of the regions
        for k, points in enumerate(index):
            self._middle[k, points] = 1 / len(points)

    def __call__(self, network: nn.Module, batch: FaceBatch) -> tuple[Tensor, Mapping[str, float]]:
        device = next(network.parameters()).device
        # Channels first: on CPUs the backward pass of narrow layers in bfloat16 is 1.3 times faster that way.
        image = batch.image.to(device).float().div_(255).contiguous()
        with torch.autocast(device.type, torch.bfloat16):
            out = network(image)
        parts = self.parts(out, batch)
        total = torch.stack([parts[name] * weight for name, weight in self.weights.items()]).sum()
        return total, {name: float(value.detach()) for name, value in parts.items()}

    def parts(self, out: Any, batch: FaceBatch) -> dict[str, Tensor]:
        """The terms of the loss, for a network's outputs."""
        face = batch.face.to(out.points.device)
        device = face.device
        count = face.sum().clamp(min=1)

        def mean(per_sample: Tensor) -> Tensor:
            return (per_sample * face).sum() / count

        seen = batch.visibility.to(device)
        off = (out.points.float() - batch.points.to(device)) / self._half * 100
        distance = torch.sqrt((off * off).sum(-1) + 0.05)
        middles = (self._middle.to(device) @ off)[:, self._inner_region.to(device)]
        within = off[:, self._inner.to(device)] - middles
        local = torch.sqrt((within * within).sum(-1) + 0.05)
        truth, guess = batch.coefficients.to(device), out.coefficients.float()
        # What is hidden can only be guessed from its neighbours; it counts for less.
        trust = 0.25 + 0.75 * seen[:, self._region.to(device)]
        error = (guess - truth) ** 2 * trust
        visible = (seen > 0.5).float()
        bce = nn.functional.binary_cross_entropy_with_logits
        return {
            "points": mean(distance.mean(1)) / 4,
            "local": mean(local.mean(1)) / 2,
            "coefficients": mean((error * self._inverse.to(device)).sum(1)),
            "mesh": mean((error * self._moved.to(device)).sum(1)),
            "slope": _slope_loss(guess, truth, face),
            "rotation": mean((out.rotation.float() - batch.rotation.to(device)).abs().sum((1, 2))),
            "gaze": mean(((out.gaze.float() - batch.gaze.to(device)).abs().sum(2) * seen[:, :2]).sum(1)),
            "visibility": mean(bce(out.visibility.float(), visible, reduction="none").sum(1)),
            "presence": bce(out.presence.float()[:, 0], face),
        }


def _slope_loss(guess: Tensor, truth: Tensor, face: Tensor) -> Tensor:
    """Mean square of (1 - slope) of the guess on the truth, over the coefficients that move in this batch."""
    weight = face[:, None] / face.sum().clamp(min=1)
    centred = truth - (truth * weight).sum(0)
    variance = (centred**2 * weight).sum(0)
    slope = (centred * guess * weight).sum(0) / (variance + 1e-3)
    full = variance / (variance + 1e-3)
    return ((full - slope).clamp(min=0) ** 2).mean()


def region_of_coefficient() -> npt.NDArray[np.int64]:
    """(57,): the region in which each coefficient shows."""

    def region(name: str) -> str:
        side = "Left" if name.endswith("Left") else "Right"
        if name.startswith("eye"):
            return f"eye{side}"
        if name.startswith("brow"):
            return f"brow{side}" if name != "browInnerUp" else "browLeft"
        if name.startswith("cheekSquint"):
            return f"cheek{side}"
        if name.startswith("nose"):
            return "nose"
        return "jaw" if name in ("jawForward", "jawLeft", "jawRight") else "mouth"

    assert COEFFICIENTS[: len(ARKIT52.names)] == tuple(ARKIT52.names)
    return np.array([landmarks.REGIONS.index(region(name)) for name in COEFFICIENTS])
