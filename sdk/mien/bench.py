"""Measures one bundle on one engine."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from mien.errors import MienError, SourceError
from mien.machine import resident_mb
from mien.pipeline import open as open_pipeline
from mien.sources.select import open_source
from mien.types import Frame

_KEPT_FRAMES = 64
_WARM_UP = 5


def measure(
    model: str | Path,
    source: str,
    device: str,
    frames: int,
    threads: int,
    max_faces: int,
    advance: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Latencies of one engine over frames held in memory.

    Returns:
        device, where it ran, first_ms (open to first result), p50_ms and p99_ms of `process`, nets_p50_ms (the sessions
        inside it), overhead_p50_ms (the difference), fps, rss_mb, error ("" or why it did not run), stages.
    """
    row: dict[str, Any] = dict.fromkeys(
        ("device", "used", "first_ms", "p50_ms", "p99_ms", "nets_p50_ms", "overhead_p50_ms", "fps", "rss_mb"), "-"
    )
    row |= {"device": device, "error": "", "stages": {}}
    pictures = _pictures(source)
    try:
        start = time.perf_counter()
        with open_pipeline(model, device=device, threads=threads, max_faces=max_faces) as pipeline:
            pipeline.process_all(_at(pictures[0], 0))
            row["first_ms"] = round((time.perf_counter() - start) * 1e3, 1)
            for k in range(1, _WARM_UP):
                pipeline.process_all(_at(pictures[k % len(pictures)], k))
            whole, nets = np.zeros(frames), np.zeros(frames)
            for k in range(frames):
                runs = pipeline.total_ns("run")
                began = time.perf_counter_ns()
                pipeline.process_all(_at(pictures[k % len(pictures)], k + _WARM_UP))
                whole[k] = time.perf_counter_ns() - began
                nets[k] = pipeline.total_ns("run") - runs
                advance()
            report = pipeline.report()
    except MienError as error:
        return {**row, "error": str(error)}
    row["used"] = ", ".join(sorted({choice.used for choice in report.networks}))
    row["p50_ms"], row["p99_ms"] = (round(float(v) / 1e6, 3) for v in np.percentile(whole, [50, 99]))
    row["nets_p50_ms"] = round(float(np.median(nets)) / 1e6, 3)
    row["overhead_p50_ms"] = round(float(np.median(whole - nets)) / 1e6, 3)
    row["fps"] = round(1e9 / float(whole.mean()), 1)
    row["rss_mb"] = round(resident_mb(), 1)
    row["stages"] = report.stages
    return row


def _pictures(source: str) -> list[Frame]:
    opened = open_source(source)
    try:
        pictures = list(islice(iter(opened.read, None), _KEPT_FRAMES))
    finally:
        opened.close()
    if not pictures:
        raise SourceError("source.empty", f"{source!r} holds no frames.", "Give a picture or a video.")
    return pictures


def _at(frame: Frame, index: int) -> Frame:
    """The same picture at another time, 30 a second."""
    return replace(frame, t_ns=index * 33_333_333)
