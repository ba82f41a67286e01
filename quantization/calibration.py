"""Calibration sets: few samples, chosen so that every output moves over its whole range.

Ranges of activations are measured on the set, so a coefficient that it never shows is cut off in int8. The choice looks
at the float network's own answers, so it works for any model and needs no labels.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from quantization.errors import QuantizationError
from quantization.samples import F32, Run, Samples, answers

SMALLEST, LARGEST = 64, 1000  # samples of a set
_SHARE = 0.5  # of the set: extremes, in turn of each output; the rest is drawn at random, as life is


def cover(values: Mapping[str, F32], count: int, seed: int) -> npt.NDArray[np.intp]:
    """Rows that span the range of every column of every output.

    Args:
        values: output -> (N, ...), the float network's answers.
        count: how many rows to choose.

    Returns:
        `count` different rows (all of them if there are no more), sorted.
    """
    table = np.concatenate([part.reshape(len(part), -1) for part in values.values()], 1)
    total = len(table)
    if count >= total:
        return np.arange(total)
    order = table.argsort(0)
    rng = np.random.default_rng(seed)
    columns = rng.permutation(table.shape[1])
    chosen: dict[int, None] = {}
    wanted = max(int(count * _SHARE), 1)
    for depth in range(total):
        for column in columns:
            for row in (order[-1 - depth, column], order[depth, column]):
                if len(chosen) < wanted:
                    chosen[int(row)] = None
        if len(chosen) >= wanted:
            break
    others = [row for row in rng.permutation(total) if int(row) not in chosen]
    return np.sort(np.array([*chosen, *others[: count - len(chosen)]], np.intp))


def choose(run: Run, candidates: Samples, outputs: list[str], count: int, seed: int) -> npt.NDArray[np.intp]:
    """The rows of these candidates that make the calibration set.

    Raises:
        QuantizationError: ``calibration.small``, there are too few; ``calibration.values``, they are not finite.
    """
    if len(candidates) < SMALLEST:
        raise QuantizationError(
            "calibration.small",
            f"{len(candidates)} samples are too few to calibrate on.",
            f"Give {SMALLEST} to {LARGEST}, of many people, lights and expressions.",
        )
    for name, values in candidates.feeds.items():
        if not np.isfinite(values).all():
            raise QuantizationError("calibration.values", f"The input {name} holds NaN or infinity.", "")
    return cover(answers(run, candidates, outputs), count, seed)
