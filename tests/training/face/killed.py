"""Runs the long run in a process that kills itself: python killed.py FOLDER STEPS BATCH SAVED MOMENT.

MOMENT: `batch:N`, when share N is being prepared; `write:N`, when the Nth checkpoint is half written; `rename:N`, when
it is written and not yet in its place; `never`.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import torch

from training.face.batches import HalvesBatches
from training.face.run import go_on, settings
from training.loop import keep_threads_apart


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main(folder: Path, steps: int, batch: int, saved: int, moment: str) -> None:
    what, _, number = moment.partition(":")
    writes = iter(range(1, 1000))
    make, save = HalvesBatches.__call__, torch.save

    def prepared(self: HalvesBatches, share: int) -> Any:
        if what == "batch" and share == int(number):
            die()
        return make(self, share)

    def written(state: Any, path: Path) -> None:
        now = next(writes)
        save(state, path)
        if what == "write" and now == int(number):
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
            die()
        if what == "rename" and now == int(number):
            die()

    HalvesBatches.__call__ = prepared  # type: ignore[method-assign]
    torch.save = written  # type: ignore[assignment]
    keep_threads_apart()
    go_on(folder, settings(steps * batch, batch), 1, saved_every=saved, judged_every=0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:5]), sys.argv[5])  # type: ignore[arg-type]
