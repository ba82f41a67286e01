"""mien.budget: frames are skipped, said to be so, and the processor time stays within the share."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mien
import models
import pytest
from mien.budget import BUDGET


@pytest.fixture(autouse=True)
def unlimited() -> Iterator[None]:
    yield
    mien.set_budget(cpu_percent=None)


def busy(pipeline: mien.Pipeline, seconds: float) -> tuple[int, int, float]:
    """Frames as fast as they go: how many came, how many were computed, and processor time per second."""
    began, spent, count, computed = time.monotonic(), 0.0, 0, 0
    while time.monotonic() - began < seconds:
        count += 1
        before = time.thread_time()
        state = pipeline.process(models.blocks((1, 1), t_ns=count * 1_000_000))
        if not state.stale:
            computed += 1
            spent += time.thread_time() - before
    return count, computed, spent / seconds


def test_it_keeps_to_its_share_and_says_what_it_skipped(blocks_bundle: Path) -> None:
    with mien.open(blocks_bundle, threads=1) as pipeline:
        pipeline.process(models.blocks((1, 1), t_ns=0))
        mien.set_budget(cpu_percent=5)
        count, computed, share = busy(pipeline, 1.0)
        report = pipeline.report()
    assert 0 < computed < count
    assert report.skipped == count - computed
    assert share < 0.05 * 1.5  # the last frame may go beyond
    assert f"{report.skipped} skipped" in str(report)


def test_no_more_than_a_fifth_of_a_second_is_saved_up_over_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("mien.budget.time.monotonic", lambda: now)
    mien.set_budget(cpu_percent=50)
    now += 3600
    assert BUDGET.allows()
    BUDGET.spend(0.1)  # what 0.2 s allow
    assert BUDGET.allows()
    BUDGET.spend(0.01)
    assert not BUDGET.allows()
    now += 0.019
    assert not BUDGET.allows()
    now += 0.002
    assert BUDGET.allows()


def test_a_skipped_frame_repeats_the_last_state_at_its_own_time(blocks_bundle: Path) -> None:
    with mien.open(blocks_bundle, threads=1) as pipeline:
        first = pipeline.process(models.blocks((1, 1), t_ns=5))
        mien.set_budget(cpu_percent=1e-6)
        states = [pipeline.process(models.blocks((2, 2), t_ns=10 + k)) for k in range(3)]
    last = states[-1]
    assert first.found
    assert not first.stale
    assert last.stale
    assert (last.t_ns, last.box) == (12, states[0].box)


def test_without_a_budget_nothing_is_skipped(blocks_bundle: Path) -> None:
    mien.set_budget(cpu_percent=1)
    mien.set_budget(cpu_percent=None)
    with mien.open(blocks_bundle) as pipeline:
        count, computed, _ = busy(pipeline, 0.2)
        assert count == computed
        assert pipeline.report().skipped == 0


@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf, "much"])
def test_a_share_that_makes_no_sense_is_refused(value: Any) -> None:
    with pytest.raises(mien.InputError) as refused:
        mien.set_budget(cpu_percent=value)
    assert refused.value.code == "budget.range"
