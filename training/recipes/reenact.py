"""The default `reenact` bundle: a portrait moved by its mesh, refined by a network that was trained on sittings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import torch
from rich.progress import track
from torch import Tensor, nn

from training import checkpoint, portraits, reenact_pairs
from training.loop import Settings, Trainer
from training.models.reenact import ReenactNetwork, composed
from training.reenact_pairs import Batches, Sittings
from training.reenacting import Loss, psnr

if TYPE_CHECKING:
    from training.train import Options

SITTINGS, STEPS, BATCH = 900, 3_600, 6
HELD_OUT = 200
_RATE = 2e-3
# Differences of pixels alone teach to blur what cannot be known; these further steps teach that texture is missed.
SHARPENING, _SHARPENING_RATE, _TEXTURE = 700, 8e-4, 2.0
# The whole way costs 0.26 dB of distance from the truth and looks best; this much of it 0.16 dB, and looks nearly so.
_WAY = 0.7


def train(options: Options) -> None:
    """Renders and measures what is missing, trains, writes the checkpoint. `--pictures` is the number of sittings."""
    sittings = ensure(options, "portraits", options.pictures or SITTINGS, "train")
    settings = settings_of(options)
    torch.manual_seed(options.seed)
    network = ReenactNetwork()
    if options.start is not None:
        checkpoint.load(network, options.start)
    batches = Batches(sittings, settings.batch, settings.seed)
    trainer = Trainer(options.out, network, settings, Loss(), batches, device="cpu")
    trainer.run(200)
    sharper = replace(settings, steps=SHARPENING, rate=_SHARPENING_RATE, warm_up=20)
    later = Batches(sittings, sharper.batch, sharper.seed + 1000)
    plain = {name: value.clone() for name, value in trainer.averaged().state_dict().items()}
    trainer = Trainer(options.out / "sharper", network, sharper, Loss(_TEXTURE), later, device="cpu")
    trainer.run(100)
    network.load_state_dict(between(plain, trainer.averaged().state_dict(), _WAY))
    about = {"sittings": len(sittings), **asdict(settings), "steps_against_blur": sharper.steps, "way_to_sharp": _WAY}
    checkpoint.write(options.result, network.eval(), about)


def between(one: Mapping[str, Tensor], other: Mapping[str, Tensor], share: float) -> dict[str, Tensor]:
    """Part of the way from one network's weights to another's that went on from it."""
    return {
        name: value + share * (other[name] - value) if value.is_floating_point() else other[name]
        for name, value in one.items()
    }


def settings_of(options: Options) -> Settings:
    """The schedule, which the baseline shares."""
    return Settings(
        options.steps or STEPS,
        options.batch or BATCH,
        rate=_RATE,
        warm_up=100,
        decay=0.01,
        average=0.99,
        seed=options.seed,
        threads=options.threads,
    )


def ensure(options: Options, name: str, count: int, split: str) -> Sittings:
    """The measured sittings of a split, rendered as far as they are missing."""
    folder = options.data / name
    seed = options.seed + (2000 if split == "validation" else 0)
    if len(list(folder.glob("shard-????.npz"))) * portraits.SHARD < count:
        shards = portraits.render(folder, count, seed, split)
        for _ in track(shards, "rendering", total=-(-count // portraits.SHARD)):
            pass
    reenact_pairs.states(folder)
    return reenact_pairs.load(folder, count)


@torch.no_grad()
def evaluate(network: nn.Module, batches: Batches, count: int) -> Mapping[str, Any]:
    """PSNR on `count` batches of held-out pairs, for the log."""
    network.eval()
    made, warped = [], []
    for step in range(count):
        batch = batches(step)
        keep, change = network(batch.cells, batch.drive)
        made.append(psnr(composed(keep, change, batch.warped, batch.source), batch.truth))
        warped.append(psnr(batch.warped, batch.truth))
    return {"held_out_psnr": sum(made) / count, "held_out_psnr_warped": sum(warped) / count}
