"""The default `expression` bundle: heads on the finished face network."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from training import checkpoint
from training.dataset import ensure
from training.errors import TrainingError
from training.expressing import Batches, extract, loss, places, scores, widen
from training.loop import Settings, Trainer
from training.models.blocks import fold
from training.models.expression import ExpressionNetwork, Heads
from training.models.face import FaceNetwork
from training.recipes.face import HELD_OUT, PICTURES
from training.weights import load_face

if TYPE_CHECKING:
    from training.train import Options

STEPS, BATCH = 3_000, 256
_RATE = 2e-3
_LOOKED_AT = 96_000  # pictures, among them the same again, augmented anew; 3.3 GB
_MOST_LOOKS = 3  # at each of them


def _face(start: Path) -> FaceNetwork:
    """The finished face network of a bundle, or of a checkpoint."""
    if start.suffix == ".mien":
        return load_face(start)
    network = FaceNetwork()
    checkpoint.load(network, start)
    return network


def train(options: Options) -> None:
    """Trains the heads on features of the face network in `options.start`, and writes the checkpoint."""
    start = options.start or options.out.parent / "face" / "checkpoint.pt"
    if not start.exists():
        raise TrainingError(
            "training.config", f"There is no face network at {start}.", "Run python -m training.train face first."
        )
    if options.threads:
        torch.set_num_threads(options.threads)
    network = _face(start)
    data = ensure(options.data / "faces", options.pictures or PICTURES, options.seed, "train")
    held_out = ensure(options.data / "held_out", HELD_OUT, options.seed + 1000, "validation")
    looks = min(max(1, round(_LOOKED_AT / len(data))), _MOST_LOOKS)
    features = extract(network, data, options.seed, looks=looks)
    settings = Settings(
        options.steps or STEPS,
        options.batch or BATCH,
        rate=_RATE,
        decay=0.05,
        seed=options.seed,
        threads=options.threads,
    )
    torch.manual_seed(options.seed)
    batches = Batches(features, settings.batch, options.seed)
    trainer = Trainer(options.out, Heads(places()), settings, loss, batches, device="cpu")  # they are tiny
    trainer.run(1000)
    heads = trainer.averaged()
    assert isinstance(heads, Heads)
    widen(heads, features)
    found = scores(heads, extract(network, held_out, None))
    about = {"synthetic_held_out": found, "pictures": len(data), **asdict(settings)}
    # Folded as a whole: a face network that came from a bundle is folded already.
    checkpoint.write(options.result, fold(ExpressionNetwork(network, heads).eval()), about)
