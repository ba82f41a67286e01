"""What a step of each coefficient alone adds up to."""

from __future__ import annotations

import math

import pytest

from training.evaluation.temporal import all_steps


def row(added_frames: float, missing: float) -> dict[str, float]:
    return {"added_frames": added_frames, "missing": missing}


def test_coefficients_that_do_not_move_do_not_count() -> None:
    steps = {"jawOpen": row(1.0, 0.0), "eyeSquintLeft": row(math.nan, math.nan), "cheekPuff": row(4.0, 0.3)}
    steps["mouthLeft"] = row(2.0, 0.0)
    said = all_steps(steps)
    assert said["moving"] == 3
    assert said["median_added_frames"] == 2.0
    assert said["mean_missing"] == pytest.approx(0.1)
    assert said["added_frames"] == {"jawOpen": 1.0, "cheekPuff": 4.0, "mouthLeft": 2.0}


def test_where_nothing_moves_there_is_no_figure() -> None:
    assert math.isnan(all_steps({"jawOpen": row(math.nan, math.nan)})["median_added_frames"])
