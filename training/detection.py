"""What the detection network is trained on, by which loss, and how its answers are counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from mien import _native
from torch import Tensor, nn

from training.frames import IN_MIRROR, Frame, compose
from training.models.detect import COLUMNS, NATURAL, POINTS, ROWS, STRIDES, DetectNetwork, Level, cells
from training.sprites import Sprites

F32 = npt.NDArray[np.float32]

MIN_SCORE, OVERLAP = 0.6, 0.3  # what the bundle says to the decoder
BUCKETS = (18, 32, 64, 128, 256)  # pixels of a face in a 640 x 480 frame, from which on each bucket counts
_TO_VGA = 2.0  # the network's input is half as wide
_NEAR = 0.75  # strides between a face's centre and the cells that are to find it
_REACH, _SPARED_REACH = 0.75, 1.3  # powers of two between a face's size and its level's: to find it, and to be spared
_WEIGHTS = {"score": 1.0, "box": 2.0, "points": 0.4}
_EMPTY, _SPARED = -1, -2


def owners(frame: Frame) -> npt.NDArray[np.int64]:
    """(K,): which face each cell is to find; -1: none, -2: whatever it says is right.

    A face is found by the cells around its centre, on the level or the two levels for its size (FCOS, Tian et al.
    2019). The same cells of the neighbouring levels are left alone.
    """
    grid = cells().numpy()
    stride = grid[:, 2]
    middle = (grid[:, :2] + 0.5) * stride[:, None] - 0.5
    owner = np.full(len(grid), _EMPTY, np.int64)
    for x0, y0, x1, y1 in frame.spared:
        inside = (middle[:, 0] > x0) & (middle[:, 0] < x1) & (middle[:, 1] > y0) & (middle[:, 1] < y1)
        owner[inside] = _SPARED
    if not len(frame.boxes):
        return owner
    low, high = frame.boxes[:, :2], frame.boxes[:, 2:]
    # A face whose centre lies outside is found at the border.
    centre = np.clip((low + high) / 2, 0, (COLUMNS - 1, ROWS - 1))
    away = np.abs(middle[:, None] - centre).max(2) / stride[:, None]
    octaves = np.log2((high - low).max(1) / (NATURAL * stride[:, None]))
    octaves[stride == STRIDES[0]] = np.maximum(octaves[stride == STRIDES[0]], 0)
    octaves[stride == STRIDES[-1]] = np.minimum(octaves[stride == STRIDES[-1]], 0)
    near = away < _NEAR
    owner[(near & (np.abs(octaves) < _SPARED_REACH)).any(1)] = _SPARED
    mine = near & (np.abs(octaves) < _REACH)
    nearest = np.where(mine, away, np.inf).argmin(1)
    return np.where(mine.any(1), nearest, owner)


@dataclass(frozen=True, eq=False)
class DetectBatch:
    """Tensors of B frames: image uint8 (B, 3, 256, 320); owner int64 (B, K), rows of all faces of the batch, or as
    `owners`; boxes float32 (F, 4), points (F, 10), pixels.
    """

    image: Tensor
    owner: Tensor
    boxes: Tensor
    points: Tensor


def batch_of(frames: Sequence[Frame]) -> DetectBatch:
    """Frames as tensors."""
    owner, first = [], 0
    for frame in frames:
        mine = owners(frame)
        owner.append(np.where(mine >= 0, mine + first, mine))
        first += len(frame.boxes)
    t = torch.from_numpy
    return DetectBatch(
        t(np.stack([frame.picture for frame in frames]).transpose(0, 3, 1, 2)),
        t(np.stack(owner)),
        t(np.concatenate([frame.boxes for frame in frames])),
        t(np.concatenate([frame.points for frame in frames]).reshape(-1, 2 * POINTS)),
    )


def mirror(frame: Frame) -> Frame:
    """The frame in a mirror; the subject's sides change names."""

    def flipped(boxes: F32) -> F32:
        return np.stack([COLUMNS - 1 - boxes[:, 2], boxes[:, 1], COLUMNS - 1 - boxes[:, 0], boxes[:, 3]], 1)

    points = frame.points[:, IN_MIRROR] * np.array([-1, 1], np.float32) + np.array([COLUMNS - 1, 0], np.float32)
    return Frame(np.ascontiguousarray(frame.picture[:, ::-1]), flipped(frame.boxes), points, flipped(frame.spared))


class DetectBatches:
    """Step -> DetectBatch, the same for the same seed: new frames, and each in a mirror.

    Composing a frame costs more than training on one, so that each serves twice.
    """

    def __init__(self, sprites: Sprites, batch: int, seed: int) -> None:
        self._sprites, self._batch, self._seed = sprites, batch, seed

    def __call__(self, step: int) -> DetectBatch:
        rng = np.random.default_rng((self._seed, step))
        new = [compose(rng, self._sprites) for _ in range(self._batch // 2)]
        return batch_of(new + [mirror(frame) for frame in new])


class DetectLoss:
    """Scores learn the square root of how well the cell's box overlaps (as a decoder's sqrt(cls * obj) would have it),
    by cross entropy that is focal for empty cells only (Zhang et al. 2021, VarifocalNet); GIoU for boxes (Rezatofighi
    et al. 2019); smooth L1 in face sizes for points.
    """

    def __init__(self) -> None:
        self._cells = cells()

    def __call__(self, network: nn.Module, batch: DetectBatch) -> tuple[Tensor, Mapping[str, float]]:
        device = next(network.parameters()).device
        image = batch.image.to(device).float().div_(255)
        with torch.autocast(device.type, torch.bfloat16):
            levels: list[Level] = network(image)
        score, box, points = (torch.cat(parts, 1).float() for parts in zip(*levels, strict=True))
        owner = batch.owner.to(device)
        frame, cell = torch.nonzero(owner >= 0, as_tuple=True)
        face = owner[frame, cell]
        grid = self._cells.to(device)[cell]
        truth, marks = batch.boxes.to(device)[face], batch.points.to(device)[face]
        guess = _corners(box[frame, cell], grid)
        overlap, generalised = _giou(guess, truth)
        quality = torch.zeros_like(score)
        quality[frame, cell] = overlap.detach().clamp(1e-4, 1).sqrt()
        bce = nn.functional.binary_cross_entropy_with_logits(score, quality, reduction="none")
        focal = bce * torch.where(owner >= 0, 1.0, torch.sigmoid(score.detach()) ** 2) * (owner != _SPARED)
        size = (truth[:, 2:] - truth[:, :2]).amax(1, keepdim=True)
        placed = (points[frame, cell].reshape(-1, POINTS, 2) + grid[:, None, :2]) * grid[:, None, 2:]
        off = (placed.reshape(-1, 2 * POINTS) - marks) / size
        count = max(len(face), 1)
        parts = {
            "score": focal.sum() / count,
            "box": (1 - generalised).sum() / count,
            "points": nn.functional.smooth_l1_loss(off, torch.zeros_like(off), reduction="sum", beta=0.05) / count,
        }
        total = torch.stack([parts[name] * weight for name, weight in _WEIGHTS.items()]).sum()
        return total, {name: float(value.detach()) for name, value in parts.items()}


def _corners(box: Tensor, grid: Tensor) -> Tensor:
    """Boxes x0, y0, x1, y1 (N, 4), pixels, of outputs and their cells."""
    centre, half = (grid[:, :2] + box[:, :2]) * grid[:, 2:], torch.exp(box[:, 2:]) * grid[:, 2:] / 2
    return torch.cat([centre - half, centre + half], 1)


def _giou(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Overlap over union, and its generalised form, of boxes (N, 4) with boxes (N, 4)."""

    def area(low: Tensor, high: Tensor) -> Tensor:
        return (high - low).clamp(min=0).prod(1)

    both = area(torch.maximum(a[:, :2], b[:, :2]), torch.minimum(a[:, 2:], b[:, 2:]))
    union = area(a[:, :2], a[:, 2:]) + area(b[:, :2], b[:, 2:]) - both
    around = area(torch.minimum(a[:, :2], b[:, :2]), torch.maximum(a[:, 2:], b[:, 2:]))
    iou = both / union
    return iou, iou - (around - union) / around


@torch.no_grad()
def find(network: DetectNetwork, pictures: npt.NDArray[np.uint8], min_score: float = MIN_SCORE) -> list[F32]:
    """The faces in pictures (N, 256, 320, 3), decoded as at run time: per picture (F, 15): score, box, points."""
    network.eval()
    device = next(network.parameters()).device
    found = []
    for picture in pictures:
        image = torch.from_numpy(picture.transpose(2, 0, 1)[None]).to(device).float() / 255
        rows, count = np.zeros((1024, 21), np.float32), 0
        for stride, level in zip(STRIDES, network(image), strict=True):
            score, box, points = (value[0].cpu().float().contiguous().numpy() for value in level)
            chance = 1 / (1 + np.exp(-score))
            place = (COLUMNS // stride, ROWS // stride, stride)
            count = _native.decode_grid(chance, chance, box, points, *place, POINTS, min_score, rows, count)
        found.append(rows[: _native.nms(rows, count, POINTS, OVERLAP, "hard"), : 5 + 2 * POINTS])
    return found


def overlaps(boxes: F32, others: F32) -> F32:
    """Intersection over union (N, M) of boxes (N, 4) with boxes (M, 4)."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    both = np.clip(high - low, 0, None).prod(2)
    area, other = ((b[:, 2:] - b[:, :2]).prod(1) for b in (boxes, others))
    return np.asarray(both / (area[:, None] + other - both), np.float32)


def scores(frames: Sequence[Frame], found: Sequence[F32]) -> dict[str, Any]:
    """Recall by the face's size (pixels in a 640 x 480 frame), precision, and how exact what was found is.

    A face counts as found where a box overlaps it by half; a box over a spared face counts neither way.

    Returns:
        recall, by lower end of bucket; precision; iou, the mean over found faces; points, their mean error in sizes.
    """
    hits: dict[int, list[bool]] = {low: [] for low in BUCKETS}
    wrong = right = 0
    ious: list[float] = []
    errors: list[float] = []
    for frame, rows in zip(frames, found, strict=True):
        table = overlaps(rows[:, 1:5], frame.boxes)
        spared = overlaps(rows[:, 1:5], frame.spared)
        sizes = np.ptp(frame.boxes.reshape(-1, 2, 2), axis=1).max(1)
        taken = set()
        for j, size in enumerate(sizes):
            best = int(table[:, j].argmax()) if len(rows) else -1
            hit = best >= 0 and table[best, j] >= 0.5
            hits[max(low for low in BUCKETS if low <= max(size * _TO_VGA, BUCKETS[0]))].append(hit)
            if hit:
                taken.add(best)
                ious.append(float(table[best, j]))
                off = rows[best, 5:].reshape(-1, 2) - frame.points[j]
                errors.append(float(np.hypot(*off.T).mean() / size))
        for i in range(len(rows)):
            if i in taken:
                right += 1
            elif spared.shape[1] == 0 or spared[i].max() < 0.2:
                wrong += 1
    every = [hit for bucket in hits.values() for hit in bucket]
    return {
        "faces": len(every),
        "recall": {str(low): round(float(np.mean(hit)), 4) for low, hit in hits.items() if hit},
        "recall_all": round(float(np.mean(every)), 4) if every else 0.0,
        "precision": round(right / max(right + wrong, 1), 4),
        "iou": round(float(np.mean(ious)), 4) if ious else 0.0,
        "points": round(float(np.mean(errors)), 4) if errors else 0.0,
    }
