"""When a run has given what it can, and whether a change was worth it: rules that look at held-out scores alone.

Scores are mean Pearson r (or whatever is better when larger) on pictures that the training never sees.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from training.errors import TrainingError

Verdict = Literal["go on", "stop", "worse"]

GAIN, WITHIN = 0.003, 1_000_000
WORTH = 0.03


def verdict(samples: Sequence[float], scores: Sequence[float], gain: float = GAIN, within: float = WITHIN) -> Verdict:
    """Whether a run is to go on, by its held-out scores.

    The best score of the last `within` samples is held against the best one before them. "go on": it is higher by
    `gain`, or nothing was scored that long ago. "worse": it is lower by `gain`, or the last score is not a number.
    "stop": neither. Where the learning rate falls late, scores stand still before they rise at its end: let `within`
    reach over that time.

    Args:
        samples: how many samples had been seen at each score, rising. scores: as many.

    Raises:
        TrainingError: ``training.config``; the log is empty, not of one length, or not rising.
    """
    seen, said = np.asarray(samples, np.float64), np.asarray(scores, np.float64)
    if not len(seen) or seen.shape != said.shape or not (np.diff(seen) > 0).all():
        raise TrainingError(
            "training.config",
            f"A log of {len(seen)} sample counts and {len(said)} scores tells nothing.",
            "Give rising counts of samples and a score for each.",
        )
    if not math.isfinite(said[-1]):
        return "worse"
    recent = seen > seen[-1] - within
    if recent.all():
        return "go on"
    risen = float(np.nanmax(said[recent]) - np.nanmax(said[~recent]))
    if risen >= gain:
        return "go on"
    return "worse" if risen <= -gain else "stop"


def gained(before: Mapping[str, Any], after: Mapping[str, Any], by: float = WORTH) -> bool:
    """Whether mean r on the held-out renders rose by at least `by`.

    Args:
        before, after: metrics.json of two evaluations with the part `renders`.

    Raises:
        TrainingError: ``training.config``; one of them lacks that part, or they saw different pictures.
    """
    old, new = (result.get("renders") or {} for result in (before, after))
    seen = [(part.get("pictures"), part.get("labels")) for part in (old, new)]
    if None in seen[0] or seen[0] != seen[1]:
        raise TrainingError(
            "training.config",
            f"The two evaluations did not see the same pictures: {seen[0]} and {seen[1]}.",
            "Evaluate both bundles with the same --data, --seed and --pictures and with the part renders.",
        )
    return bool(new["mean_r"] - old["mean_r"] >= by)
