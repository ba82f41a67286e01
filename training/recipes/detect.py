"""The default `detect` bundle: faces in whole frames, trained on composed frames of rendered people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from training import checkpoint
from training.detection import DetectBatches, DetectLoss, find, scores
from training.frames import Frame, compose
from training.loop import Settings, Trainer
from training.models.detect import DetectNetwork
from training.sprites import ensure

if TYPE_CHECKING:
    from training.train import Options

SPRITES, STEPS, BATCH = 2_400, 4_000, 32
HELD_OUT, FRAMES = 400, 500  # sprites of other people, and the frames composed of them, for the log


def train(options: Options) -> None:
    """Renders the sprites that are missing, trains, and writes the checkpoint."""
    sprites = ensure(options.data / "sprites", options.pictures or SPRITES, options.seed, "train")
    held_out = held_out_frames(options.data / "sprites_held_out", options.seed)
    settings = Settings(
        options.steps or STEPS, options.batch or BATCH, rate=3e-3, warm_up=200, average=0.998, seed=options.seed,
        threads=options.threads,
    )  # fmt: skip
    torch.manual_seed(options.seed)
    network = DetectNetwork()
    if options.start is not None:
        checkpoint.load(network, options.start)
    batches = DetectBatches(sprites, settings.batch, options.seed)
    trainer = Trainer(options.out, network, settings, DetectLoss(), batches)
    trainer.run(250, lambda _, __: evaluate(network, held_out[:200]))
    trainer.averaged()
    how = {**asdict(settings), "sprites": len(sprites), "went_on_from_another": options.start is not None}
    measured = evaluate(network, held_out)
    checkpoint.write(options.result, network, {"training": how, "synthetic_held_out": measured})
    print(f"{options.result}: {measured}")


def held_out_frames(folder: Path, seed: int) -> list[Frame]:
    """Frames of people whom no training shows."""
    sprites = ensure(folder, HELD_OUT, seed + 1000, "validation")
    rng = np.random.default_rng((seed, 1))
    return [compose(rng, sprites) for _ in range(FRAMES)]


def evaluate(network: DetectNetwork, frames: list[Frame]) -> Mapping[str, Any]:
    """Scores on composed frames."""
    return scores(frames, find(network, np.stack([frame.picture for frame in frames])))
