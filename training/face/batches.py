"""What the network sees at a step, and by which loss it learns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from mien.tracking import Region
from torch import Tensor, nn

from training.augment import Augment, Faces, face_region
from training.face.layout import SIZE, centred, halves, neutral
from training.face.network import FaceOutputs
from training.face.pool import SHARD, Pool, Shard, wanted
from training.faces import FaceBatch, FaceLoss, label_map, no_face
from training.negatives import negative
from training.performer import landmarks
from training.performer.expressions import FREE_SIDES, LEARNT, ExpressionSampler
from training.performer.labels import displacement

F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]

_NEGATIVES, _ALIKE = 0.06, 0.5  # share of a batch that shows no face, and of it what may be taken for one
_AT_EDGE = 0.12  # share of the faces that a frame's border cuts
_SPOILED, _EASED_FROM, _EASED_TO = 0.55, 0.6, 0.35  # share of spoiled pictures; from this part on it falls to that
_FIELDS = ("points", "rotation", "gaze", "coefficients", "visibility")


def crop_of(points: F32) -> Region:
    """The crop of one face, as the runtime cuts it: `augment.face_region`, its middle column moved by `centred`."""
    return centred(face_region(points, landmarks.UPRIGHT), points)


def cutter(seed: int) -> Augment:
    """Crops for this network. Mirrors would teach nothing: the network answers them by construction."""
    return Augment(seed, label_map(), SIZE, crop_of, mirrored=0.0, at_edge=_AT_EDGE)


def faces_of(pictures: Sequence[U8], labels: dict[str, npt.NDArray[Any]]) -> Faces:
    """Pictures of a pool with their labels (N, ...)."""
    return Faces(np.stack(pictures), *(labels[name] for name in _FIELDS))


def spoiled(along: float) -> float:
    """The share of spoiled pictures when `along` (0..1) of the training is over."""
    eased = max(along - _EASED_FROM, 0.0) / (1 - _EASED_FROM)
    return _SPOILED + (_EASED_TO - _SPOILED) * min(eased, 1.0)


@dataclass(frozen=True, eq=False)
class HalvesBatch(FaceBatch):
    """Also shape: float32 (B, 220, 3), landmarks in the head's axes, centimetres; identity: (B, 20)."""

    shape: Tensor
    identity: Tensor


class HalvesBatches:
    """Number of a share of a step -> HalvesBatch: a matter of (seed, number) and of the pool that belongs to it.

    Args:
        batch: pictures of a whole step. shares: parts of it. steps: of the whole training, for what eases with it.
    """

    def __init__(self, pool: Pool, batch: int, shares: int, steps: int, seed: int) -> None:
        self._pool, self._batch, self._shares, self._steps, self._seed = pool, batch, shares, steps, seed
        self._augment = cutter(seed)

    def __call__(self, number: int) -> HalvesBatch:
        step = number // self._shares
        now = wanted(step * self._batch)
        rng = np.random.default_rng((self._seed, number, 3))
        count = self._batch // self._shares
        rows = np.sort(rng.integers(now.start * SHARD, now.stop * SHARD, count))
        taken = [(self._pool.shard(int(row) // SHARD), int(row) % SHARD) for row in rows]
        labels = _labels(taken)
        pictures = [shard.picture(row) for shard, row in taken]
        faces = self._augment.batch(number, faces_of(pictures, labels), spoiled(step / self._steps))
        present = rng.random(count) >= _NEGATIVES
        for i in np.flatnonzero(~present):
            alike = rng.random() < _ALIKE
            faces.pictures[i] = negative(rng, SIZE, SIZE) if alike else no_face(rng, faces.pictures[i])
        t = torch.from_numpy
        return HalvesBatch(
            t(faces.nchw()), t(faces.points), t(faces.rotation), t(faces.gaze), t(faces.coefficients),
            t(faces.visibility), t(present.astype(np.float32)),
            t(labels["shape"].astype(np.float32) + neutral()), t(labels["identity"].astype(np.float32)),
        )  # fmt: skip


def _labels(taken: Sequence[tuple[Shard, int]]) -> dict[str, npt.NDArray[Any]]:
    return {key: np.stack([shard.labels[key][row] for shard, row in taken]) for key in (*_FIELDS, "shape", "identity")}


class HalvesLoss(FaceLoss):
    """The face network's loss; and where the landmarks are in the head, who it is, and by how much the sides differ.

    The difference of the sides counts by its own spread, which in the mean of both would drown.
    """

    weights = FaceLoss.weights | {"shape": 1.0, "identity": 0.1, "sides": 0.7}

    def __init__(self) -> None:
        # The spread of what is learnt, whatever pictures there are yet.
        sampler = ExpressionSampler("train", LEARNT, FREE_SIDES)
        drawn = sampler.sample(np.random.default_rng(0), 10_000).coefficients
        super().__init__(drawn, displacement(), SIZE)
        table = halves()
        self._left, self._right = torch.from_numpy(table.left), torch.from_numpy(table.right)
        apart = np.maximum((drawn[:, table.left] - drawn[:, table.right]).std(0), 0.08)
        self._apart = torch.from_numpy((1 / apart**2 / len(table.left)).astype(np.float32))
        self._own, self._other = torch.from_numpy(table.own), torch.from_numpy(table.other)
        self._neutral = torch.from_numpy(table.neutral)

    def parts(self, out: FaceOutputs, batch: FaceBatch) -> dict[str, Tensor]:
        """The terms of the loss."""
        assert isinstance(batch, HalvesBatch)
        device = out.points.device
        face = batch.face.to(device)
        count = face.sum().clamp(min=1)
        found = super().parts(out, batch)
        marks = batch.shape.to(device)
        mirror = torch.tensor([-1.0, 1, 1], device=device)
        own = torch.cat([marks[:, self._own], marks[:, self._other] * mirror], 0) - self._neutral.to(device)
        off = torch.sqrt(((out.shape.float() - own) ** 2).sum(-1) + 1e-4).mean(1)
        found["shape"] = 4 * (off * torch.cat([face, face], 0)).sum() / (2 * count)
        wrong = (out.identity.float() - batch.identity.to(device)) ** 2
        found["identity"] = (wrong.mean(1) * face).sum() / count
        guess, truth = out.coefficients.float(), batch.coefficients.to(device)
        gap = (guess[:, self._left] - guess[:, self._right]) - (truth[:, self._left] - truth[:, self._right])
        found["sides"] = ((gap**2 * self._apart.to(device)).sum(1) * face).sum() / count
        return found


@torch.no_grad()
def begin(network: nn.Module, shape: F32, coefficients: F32, noise: float = 0.03) -> None:
    """Coefficients start as the linear map from exact shapes that a little noise (cm) leaves best, not from nothing.

    Args:
        network: a HalvesNetwork. shape: float32 (N, 220, 3), centimetres from the average head at rest.
        coefficients: (N, 57).
    """
    table = halves()
    flip = np.array([-1, 1, 1], np.float32)
    base = neutral()
    left = shape[:, table.own] + base[table.own] - table.neutral
    right = (shape[:, table.other] + base[table.other]) * flip - table.neutral
    x = np.concatenate([left, right]).reshape(2 * len(shape), -1).astype(np.float64)
    centre = coefficients[:, table.centre]
    y = np.concatenate(
        [
            np.concatenate([coefficients[:, table.left], centre], 1),
            np.concatenate([coefficients[:, table.right], centre[:, table.centre_mirrored]], 1),
        ]
    ).astype(np.float64)
    middle, mean = x.mean(0), y.mean(0)
    gram = (x - middle).T @ (x - middle) + len(x) * noise**2 * np.eye(x.shape[1])
    linear = np.linalg.solve(gram, (x - middle).T @ (y - mean))
    net: Any = network
    net.geometry.weight.copy_(torch.from_numpy(linear.T))
    bias = torch.from_numpy(mean - middle @ linear).float()
    sided = len(table.left)
    for layer, start in ((net.sided, bias[:sided]), (net.centre, bias[sided:])):
        layer.weight.mul_(0.3)
        layer.bias.copy_(start)
    for layer in (net.offsets, net.shape):
        layer.weight.mul_(0.1)
        layer.bias.zero_()
    net.shape.bias.copy_(torch.from_numpy(middle).float())
    net.pose.weight.mul_(0.3)
    net.pose.bias.zero_()
    net.pose.bias[:6] = torch.tensor([1.0, 0, 0, 0, 1, 0])
    net.gaze.weight.mul_(0.3)
    net.gaze.bias.copy_(torch.tensor([0.0, 0, 1]))
