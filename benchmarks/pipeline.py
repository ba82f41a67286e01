"""What the pipeline adds to its networks, and whether it leaks: overhead per frame, memory over 20 000 frames.

Overhead is the median of process() minus the time inside the sessions of the same call, on one pinned core, on real
640x480 frames with a tracked face. Each frame is written into one of four buffers just before, as a camera or decoder
does; the writing is not timed. Memory is the process's resident size after a warm-up of 500 frames and at the end.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from typing import Any

import mien
import numpy as np
from mien.importers.select import import_model
from mien.machine import resident_mb

from benchmarks._report import ROOT, TASK, keep, pin, verdict
from benchmarks.vs_mediapipe import _frames

OVERHEAD_LIMIT_MS = 0.25
GROWTH_LIMIT_MB = 2.0
WARM_UP = 500


def main() -> None:
    """Runs the measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=20_000)
    arguments = parser.parse_args()
    if not TASK.is_file():
        sys.exit("needs the shared data beside the repository (../shared/data)")
    core = pin()
    work = ROOT / "out" / "bench"
    work.mkdir(parents=True, exist_ok=True)
    bundle = import_model(TASK, work / "mediapipe.mien")
    pipeline = mien.open(bundle, threads=1)
    figures = _run(pipeline, arguments.frames)
    print(str(pipeline.report()))
    print(
        f"process p50 {figures['p50_ms']:.3f} ms, networks {figures['nets_p50_ms']:.3f} ms; memory "
        f"{figures['rss_start_mb']:.1f} -> {figures['rss_end_mb']:.1f} MB over {figures['frames']} frames"
    )
    figures["asked"] = [
        verdict("pipeline overhead p50", figures["overhead_p50_ms"], OVERHEAD_LIMIT_MS, " ms"),
        verdict(f"memory growth over {figures['frames']} frames", figures["growth_mb"], GROWTH_LIMIT_MB, " MB"),
    ]
    print("kept", keep("pipeline", {**figures, "core": core}).relative_to(ROOT))


def _run(pipeline: mien.Pipeline, frames: int) -> dict[str, Any]:
    stack = _frames()
    order = np.concatenate([np.arange(len(stack)), np.arange(len(stack))[::-1]])
    ring = np.empty((4, *stack.shape[1:]), np.uint8)
    whole, nets = np.zeros(frames), np.zeros(frames)
    start_mb = 0.0
    for k in range(-WARM_UP, frames):
        if k == 0:
            gc.collect()
            start_mb = resident_mb()
        buffer = ring[k % len(ring)]
        np.copyto(buffer, stack[order[k % len(order)]])
        frame = mien.Frame.of(buffer, t_ns=(k + WARM_UP) * 33_333_333)
        before = pipeline.total_ns("run")
        began = time.perf_counter_ns()
        state = pipeline.process(frame)
        if k >= 0:
            whole[k] = time.perf_counter_ns() - began
            nets[k] = pipeline.total_ns("run") - before
        if not state.found:
            sys.exit(f"the face was lost in frame {k}")
    gc.collect()
    end_mb = resident_mb()
    return {
        "frames": frames,
        "p50_ms": float(np.median(whole) / 1e6),
        "nets_p50_ms": float(np.median(nets) / 1e6),
        "overhead_p50_ms": float((np.median(whole) - np.median(nets)) / 1e6),
        "rss_start_mb": start_mb,
        "rss_end_mb": end_mb,
        "growth_mb": end_mb - start_mb,
        "stages": pipeline.report().stages,
    }


if __name__ == "__main__":
    main()
