"""Where the time goes: the last durations of each stage, cheap enough to stay on."""

from __future__ import annotations

import time

import numpy as np

_KEPT = 2048


class Stage:
    """One stage's durations, and the context manager that measures them. Not to be nested in itself.

    A generator-based context manager, or a new object each time, took up to 2 us more, ten times per frame.
    """

    __slots__ = ("_kept", "_start", "count", "total")

    def __init__(self) -> None:
        self._kept: list[int] = []
        self._start = 0
        self.count = self.total = 0

    def add(self, ns: int) -> None:
        """Adds one duration in nanoseconds."""
        if self.count < _KEPT:
            self._kept.append(ns)
        else:
            self._kept[self.count % _KEPT] = ns
        self.count += 1
        self.total += ns

    def __enter__(self) -> None:
        self._start = time.perf_counter_ns()

    def __exit__(self, *exc: object) -> None:
        self.add(time.perf_counter_ns() - self._start)

    def summary(self) -> dict[str, float]:
        """count, p50_ms and p99_ms; the percentiles are of the last 2048."""
        p50, p99 = np.percentile(self._kept, [50, 99]) / 1e6
        return {"count": self.count, "p50_ms": round(float(p50), 4), "p99_ms": round(float(p99), 4)}


class Profiler:
    """Collects durations by stage name. Used by one stream at a time."""

    def __init__(self) -> None:
        self._stages: dict[str, Stage] = {}

    def stage(self, name: str) -> Stage:
        """Times a block: ``with profiler.stage("run"): ...``"""
        stage = self._stages.get(name)
        if stage is None:
            stage = self._stages[name] = Stage()
        return stage

    def total(self, stage: str) -> int:
        """The sum of all durations of a stage, in nanoseconds; 0 for one that was never timed."""
        return self._stages[stage].total if stage in self._stages else 0

    def summary(self) -> dict[str, dict[str, float]]:
        """Stage -> count, p50_ms, p99_ms."""
        return {name: stage.summary() for name, stage in list(self._stages.items()) if stage.count}
