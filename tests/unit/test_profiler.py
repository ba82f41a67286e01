"""mien.profiler: durations per stage, kept in a ring."""

from __future__ import annotations

import pytest
from mien.profiler import Profiler


def test_nothing_measured_is_an_empty_summary() -> None:
    assert Profiler().summary() == {}


def test_a_summary_gives_count_median_and_the_99th_percentile_in_milliseconds() -> None:
    profiler = Profiler()
    for ms in range(1, 102):
        profiler.stage("run").add(ms * 1_000_000)
    assert profiler.summary() == {"run": {"count": 101, "p50_ms": 51.0, "p99_ms": 100.0}}


def test_percentiles_are_those_of_the_last_2048_durations() -> None:
    profiler = Profiler()
    for _ in range(3000):
        profiler.stage("run").add(1_000_000)
    for _ in range(2048):
        profiler.stage("run").add(2_000_000)
    assert profiler.summary()["run"] == {"count": 5048, "p50_ms": 2.0, "p99_ms": 2.0}


def test_the_total_counts_all_durations() -> None:
    profiler = Profiler()
    for _ in range(5000):
        profiler.stage("run").add(3)
    assert profiler.total("run") == 15_000


def test_asking_for_an_unknown_stage_changes_nothing() -> None:
    profiler = Profiler()
    assert profiler.total("nothing") == 0
    assert profiler.summary() == {}


def test_a_block_is_timed_even_if_it_raises() -> None:
    profiler = Profiler()
    with pytest.raises(KeyError), profiler.stage("run"):
        raise KeyError
    assert profiler.summary()["run"]["count"] == 1
    assert profiler.total("run") > 0
