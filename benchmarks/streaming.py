"""A source twice as fast as the model, for each drop policy: counts that add up, flat memory, and a quick stop.

The source delivers real 640x480 frames by the clock, at half the model's own median time per frame. The stop is timed
from closing the iterator in mid-stream until its reader thread is gone.
"""

from __future__ import annotations

import sys
import threading
import time
from typing import Any, ClassVar

import mien
import numpy as np
import numpy.typing as npt
from mien.importers.select import import_model
from mien.machine import resident_mb
from mien.sources.base import Source

from benchmarks._report import ROOT, TASK, keep, pin, verdict
from benchmarks.vs_mediapipe import _frames

FRAMES = 600
WARM_UP = 50
STOP_LIMIT_MS = 100.0
GROWTH_LIMIT_MB = 2.0


class Clocked(Source):
    """Frames by the clock, or as soon as they are asked for if the reader is late."""

    live: ClassVar[bool] = True

    def __init__(self, stack: npt.NDArray[np.uint8], period_s: float, count: int) -> None:
        self._stack = stack
        self._period_s = period_s
        self._count = count
        self.delivered = 0
        self._due = time.monotonic()

    @classmethod
    def accepts(cls, address: str) -> bool:
        return False

    def read(self) -> mien.Frame | None:
        if self.delivered == self._count:
            return None
        self._due = max(self._due + self._period_s, time.monotonic() - self._period_s)
        time.sleep(max(0.0, self._due - time.monotonic()))
        frame = mien.Frame.of(self._stack[self.delivered % len(self._stack)], t_ns=self.delivered * 33_333_333)
        self.delivered += 1
        return frame


def main() -> None:
    """Runs the measurement."""
    if not TASK.is_file():
        sys.exit("needs the shared data beside the repository (../shared/data)")
    core = pin()
    work = ROOT / "out" / "bench"
    work.mkdir(parents=True, exist_ok=True)
    stack = _frames()
    stack = np.concatenate([stack, stack[::-1]])
    pipeline = mien.open(import_model(TASK, work / "mediapipe.mien"), threads=1)
    period_s = _median_s(pipeline, stack) / 2
    print(f"the model takes {period_s * 2e3:.2f} ms, the source delivers every {period_s * 1e3:.2f} ms")
    figures: dict[str, Any] = {"period_ms": period_s * 1e3, "policies": {}, "asked": []}
    for policy in ("oldest", "newest", "block"):
        row = _policy(pipeline.fork(), stack, period_s, policy)
        figures["policies"][policy] = row
        print(
            f"{policy:<7} {row['source']} from the source = {row['processed']} processed + {row['dropped']} dropped; "
            f"memory {row['growth_mb']:+.1f} MB; stopped in {row['stop_ms']:.1f} ms"
        )
        lost = abs(row["source"] - row["processed"] - row["dropped"])
        figures["asked"] += [
            verdict(f"frames not accounted for, drop={policy}", lost, 0),
            verdict(f"memory growth, drop={policy}", row["growth_mb"], GROWTH_LIMIT_MB, " MB"),
            verdict(f"stop, drop={policy}", row["stop_ms"], STOP_LIMIT_MS, " ms"),
        ]
    print("kept", keep("streaming", {**figures, "core": core}).relative_to(ROOT))


def _median_s(pipeline: mien.Pipeline, stack: npt.NDArray[np.uint8]) -> float:
    spent = []
    for k in range(WARM_UP):
        start = time.perf_counter()
        pipeline.process(mien.Frame.of(stack[k], t_ns=k * 33_333_333))
        spent.append(time.perf_counter() - start)
    return float(np.median(spent))


def _policy(pipeline: mien.Pipeline, stack: npt.NDArray[np.uint8], period_s: float, policy: str) -> dict[str, Any]:
    for _ in pipeline.stream(Clocked(stack, period_s, WARM_UP), drop=policy):
        pass
    pipeline.reset()
    before, start_mb = pipeline.report(), resident_mb()
    source = Clocked(stack, period_s, FRAMES)
    for _ in pipeline.stream(source, drop=policy):
        pass
    after = pipeline.report()
    growth = resident_mb() - start_mb
    pipeline.reset()
    stream = pipeline.stream(Clocked(stack, period_s, FRAMES), drop=policy)
    for _ in zip(range(20), stream, strict=False):
        pass
    start = time.perf_counter()
    stream.close()
    while any(thread.name == "mien-reader" for thread in threading.enumerate()):
        time.sleep(0.0005)
    return {
        "source": source.delivered,
        "processed": after.frames_out - before.frames_out,
        "dropped": after.dropped - before.dropped,
        "growth_mb": growth,
        "stop_ms": (time.perf_counter() - start) * 1e3,
    }


if __name__ == "__main__":
    main()
