"""Where the time goes: a fixed ring of durations per stage, cheap enough to stay on."""

from __future__ import annotations

import time
from collections import defaultdict

import numpy as np
import numpy.typing as npt

_KEPT = 2048


class Profiler:
    """Collects durations by stage name. Used by one stream at a time."""

    def __init__(self) -> None:
        self._rings: dict[str, npt.NDArray[np.int64]] = defaultdict(lambda: np.zeros(_KEPT, np.int64))
        self._counts: dict[str, int] = defaultdict(int)
        self._totals: dict[str, int] = defaultdict(int)

    def add(self, stage: str, ns: int) -> None:
        """Adds one duration in nanoseconds."""
        self._rings[stage][self._counts[stage] % _KEPT] = ns
        self._counts[stage] += 1
        self._totals[stage] += ns

    def total(self, stage: str) -> int:
        """The sum of all durations of a stage, in nanoseconds."""
        return self._totals[stage]

    def stage(self, name: str) -> _Stage:
        """Times a block: ``with profiler.stage("run"): ...``"""
        return _Stage(self, name)

    def summary(self) -> dict[str, dict[str, float]]:
        """Stage -> count, p50_ms, p99_ms."""
        out = {}
        for stage, count in list(self._counts.items()):
            kept = self._rings[stage][: min(count, _KEPT)]
            p50, p99 = np.percentile(kept, [50, 99]) / 1e6
            out[stage] = {"count": count, "p50_ms": round(float(p50), 4), "p99_ms": round(float(p99), 4)}
        return out


class _Stage:
    """A written-out context manager: a generator-based one took 2 us more, nine times per frame."""

    __slots__ = ("_name", "_profiler", "_start")

    def __init__(self, profiler: Profiler, name: str) -> None:
        self._profiler = profiler
        self._name = name

    def __enter__(self) -> None:
        self._start = time.perf_counter_ns()

    def __exit__(self, *exc: object) -> None:
        self._profiler.add(self._name, time.perf_counter_ns() - self._start)
