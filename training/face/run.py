"""The long run: trains the face network for as long as there is time, going on from wherever it was.

    python -m training.face.run                 # starts it, or goes on; `make train-on` is the same
    python -m training.face.run --minutes 8     # stops by itself

It goes on from the checkpoint in its folder; where there is none, from the averaged weights that the repository keeps
(kept.py); where there are none, from nothing. It may be killed at any moment: what is on disk is whole, and a step is a
matter of (seed, step) and of shards that are the same wherever they are rendered. One cosine of the rate spans it all.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from rich.console import Console

from training.command import run
from training.face import kept
from training.face.batches import HalvesBatches, HalvesLoss, begin
from training.face.judge import HeldOut, summary
from training.face.network import HalvesNetwork
from training.face.pool import Pool, rendering, wanted
from training.loop import Settings, Trainer, keep_threads_apart

SAMPLES, BATCH = 6_000_000, 128
_SHARES = 2  # of a batch, a thread each; part of what a seed gives
_SAVE, _JUDGE = 50, 500  # steps between checkpoints, and between looks at the held-out people


def settings(samples: int = SAMPLES, batch: int = BATCH, seed: int = 1) -> Settings:
    """How the network is trained: at the rates of its predecessor; averaged over a ninth of what lies behind it, and
    over 3 300 steps at most, so that the average is near an annealed network at any time."""
    return Settings(samples // batch, batch, rate=5e-4, inner_speed=8.0, average=0.9997, seed=seed, shares=_SHARES)


def go_on(
    folder: Path,
    how: Settings,
    workers: int,
    minutes: float = 0,
    device: str | None = None,
    saved_every: int = _SAVE,
    judged_every: int = _JUDGE,
) -> None:
    """Trains until the run's end, until `minutes` are over, or until it is interrupted; then all is saved.

    Args:
        folder: pool, held-out people, checkpoint, log, newest averaged weights.
        workers: processes that render. minutes: 0: until the end.
        saved_every: steps between checkpoints. judged_every: steps between looks at the held-out people, a multiple of
            it; 0: none.
    """
    say = Console(stderr=True, highlight=False).print
    until = time.monotonic() + minutes * 60 if minutes else float("inf")
    pool = Pool(folder / "pool", how.seed)
    torch.manual_seed(how.seed)
    network = HalvesNetwork()
    batches = HalvesBatches(pool, how.batch, how.shares, how.steps, how.seed)
    trainer = Trainer(folder, network, how, HalvesLoss(), batches, device, outer=network.outer)
    if trainer.step == 0 and kept.KEPT.exists():
        known = kept.read(kept.KEPT)
        trainer.begin_at(known.samples // how.batch, known.average)
    now = wanted(trainer.step * how.batch)
    missing = sum(not pool.has(k) for k in now)
    say(f"Step {trainer.step} of {how.steps}. {missing} of {len(now)} shards are rendered before it goes on.")
    with rendering(pool, trainer.step * how.batch, workers) as seen:
        if trainer.step == 0:
            labels = pool.shard(0).labels
            begin(network, labels["shape"].astype(np.float32), labels["coefficients"])
            trainer.begin_at(0, network.state_dict())
        held_out = HeldOut(folder / "held_out", how.seed + 1000) if judged_every else None

        def report(_: torch.nn.Module, step: int) -> dict[str, Any]:
            samples = step * how.batch
            seen.value = samples
            pool.retire(wanted(samples).start)
            found: dict[str, Any] = {"samples": samples}
            if held_out is not None and (step % judged_every == 0 or step == how.steps):
                shown = HalvesNetwork()
                shown.load_state_dict(dict(trainer.average))
                found |= held_out.scores(shown)
                kept.write(folder / kept.NAME, trainer.average, samples, found)
                say(f"{samples} samples: {summary(found)}")
            if time.monotonic() > until:
                raise KeyboardInterrupt
            return found

        trainer.run(saved_every, report)


def main(
    folder: Annotated[Path, typer.Option(help="pool, checkpoint, log")] = kept.FOLDER,
    samples: Annotated[int, typer.Option(min=1000, help="of the whole run: its cosine ends there")] = SAMPLES,
    batch: Annotated[int, typer.Option(min=4, help="pictures per step")] = BATCH,
    seed: Annotated[int, typer.Option(help="of everything")] = 1,
    workers: Annotated[int, typer.Option(min=0, help="processes that render; 0: one per core")] = 0,
    minutes: Annotated[float, typer.Option(min=0, help="stop after so long; 0: at the end of the run")] = 0,
    device: Annotated[str, typer.Option(help="torch's name; empty: a GPU where there is one")] = "",
) -> None:
    """Starts the long run of the face network, or goes on with it."""
    keep_threads_apart()
    workers = workers or len(os.sched_getaffinity(0))
    go_on(folder, settings(samples, batch, seed), workers, minutes, device or None)


if __name__ == "__main__":
    run(main)
