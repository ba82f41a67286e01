"""Fair timing of alternatives within one process."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping


def interleaved(runs: Mapping[str, Callable[[], object]], repeats: int, warm_up: int = 5) -> dict[str, float]:
    """Median seconds of each run; the runs take turns, so that a change of clock speed meets all of them alike."""
    for run in runs.values():
        for _ in range(warm_up):
            run()
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            start = time.perf_counter_ns()
            run()
            times[name].append((time.perf_counter_ns() - start) * 1e-9)
    return {name: statistics.median(values) for name, values in times.items()}
