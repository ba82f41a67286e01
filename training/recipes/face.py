"""The default `face` bundle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from training import checkpoint
from training.augment import Augment
from training.dataset import Dataset, ensure
from training.faces import FaceBatches, FaceLoss, faces_of, label_map
from training.loop import Settings, Trainer
from training.measures import face_scores
from training.models.face import FaceNetwork
from training.performer.labels import displacement
from training.weights import begin_with

if TYPE_CHECKING:
    from training.train import Options

PICTURES, STEPS, BATCH = 48_000, 20_000, 128
# The outputs' wide layers want small steps; with 2e-3 the layers before them learn to say nothing.
_RATE, _INNER_SPEED = 5e-4, 8.0
_SHARES = 2  # of a batch; part of what a seed gives, so it does not follow the machine's cores
_FITTED = 4_000  # pictures from which the first coefficients are fitted
_SEEN = 1_000  # pictures that settle the norms of a network that goes on from a bundle
_POINT_NOISE = 0.01  # half crops; what the first predicted landmarks are assumed to be off
HELD_OUT = 1_000  # pictures of other people, with another seed, for the log


def train(options: Options) -> None:
    """Renders what is missing, trains, and writes the checkpoint."""
    data = ensure(options.data / "faces", options.pictures or PICTURES, options.seed, "train")
    held_out = ensure(options.data / "held_out", HELD_OUT, options.seed + 1000, "validation")
    settings = Settings(
        options.steps or STEPS,
        options.batch or BATCH,
        seed=options.seed,
        threads=options.threads,
        shares=_SHARES,
        rate=_RATE,
        inner_speed=_INNER_SPEED,
    )
    torch.manual_seed(options.seed)
    network = FaceNetwork()
    _begin(network, data, options.seed)
    if options.start is not None:
        _go_on(network, data, options)
    loss = FaceLoss(data.coefficients, displacement())
    batches = FaceBatches(data, settings.batch // _SHARES, options.seed)
    trainer = Trainer(options.out, network, settings, loss, batches, outer=network.outer)
    trainer.run(1000, lambda net, _: evaluate(net, held_out))
    network = trainer.averaged()  # type: ignore[assignment]
    scores = evaluate(network, held_out)
    about = {"synthetic_held_out": scores, "pictures": len(data), **asdict(settings)}
    about["began_with"] = options.start.name if options.start else None
    checkpoint.write(options.result, network, about)


def _go_on(network: FaceNetwork, data: Dataset, options: Options) -> None:
    """The weights of `options.start`: a finished bundle, or a checkpoint."""
    assert options.start is not None
    if options.start.suffix != ".mien":
        checkpoint.load(network, options.start)
        return
    seen = Augment(options.seed, label_map()).batch(0, faces_of(data, np.arange(min(len(data), _SEEN))))
    begin_with(network, options.start, torch.from_numpy(seen.nchw()).float() / 255)


def _begin(network: FaceNetwork, data: Dataset, seed: int) -> None:
    """Coefficients start as the linear map from exact landmarks that a little noise leaves best, not from nothing."""
    augment = Augment(seed, label_map())
    count = min(len(data), _FITTED)
    batches = [
        augment.batch(step, faces_of(data, np.arange(start, min(start + 500, count))))
        for step, start in enumerate(range(0, count, 500))
    ]
    points = np.concatenate([b.points.reshape(len(b.points), -1) for b in batches]).astype(np.float64)
    points = (points - (network.size - 1) / 2) / (network.size / 2)
    truth = np.concatenate([b.coefficients for b in batches]).astype(np.float64)
    middle, mean = points.mean(0), truth.mean(0)
    gram = (points - middle).T @ (points - middle) + len(points) * _POINT_NOISE**2 * np.eye(points.shape[1])
    linear = np.linalg.solve(gram, (points - middle).T @ (truth - mean))
    with torch.no_grad():
        network.geometry.weight.copy_(torch.from_numpy(linear.T))
        network.coefficients.weight.mul_(0.3)
        network.coefficients.bias.copy_(torch.from_numpy(mean - middle @ linear))
        network.offsets.weight.mul_(0.1)
        network.offsets.bias.zero_()
        network.pose.weight.mul_(0.3)
        network.pose.bias[:6] = torch.tensor([1.0, 0, 0, 0, 1, 0])
        network.gaze.weight.mul_(0.3)
        network.gaze.bias.copy_(torch.tensor([0.0, 0, 1, 0, 0, 1]))


@torch.no_grad()
def predict(network: nn.Module, pictures: np.ndarray[Any, np.dtype[np.uint8]], batch: int = 100) -> list[Tensor]:
    """The network's outputs for pictures (N, 144, 144, 3), in float32."""
    network.eval()
    device = next(network.parameters()).device
    parts = []
    for start in range(0, len(pictures), batch):
        image = torch.from_numpy(pictures[start : start + batch].transpose(0, 3, 1, 2)).to(device).float() / 255
        parts.append([value.cpu() for value in network(image)])
    return [torch.cat(values) for values in zip(*parts, strict=True)]


def evaluate(network: nn.Module, held_out: Dataset) -> Mapping[str, Any]:
    """Scores on held-out renders, cut exactly."""
    faces = Augment(0, label_map()).plain(faces_of(held_out, np.arange(len(held_out))))
    points, coefficients, rotation, gaze, visibility, *_ = (value.numpy() for value in predict(network, faces.pictures))
    return face_scores(faces, points, coefficients, rotation, gaze, visibility)
