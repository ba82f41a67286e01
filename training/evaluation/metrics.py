"""The measures of the evaluation, as pure functions of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.floating[Any]]
Integers = npt.NDArray[np.integer[Any]]
Flags = npt.NDArray[np.bool_]


def mean(values: npt.NDArray[Any] | Sequence[float]) -> float:
    """The mean of any numbers or flags; NaN of none."""
    return float(np.mean(values)) if len(values) else float("nan")


def pearson(guess: Numbers, truth: Numbers) -> F64:
    """Pearson's r of each column of (N, K), float64 (K,), -1..1; 0 where either does not move."""
    a, b = _centred(guess), _centred(truth)
    scale = np.sqrt((a * a).sum(0) * (b * b).sum(0))
    return np.asarray((a * b).sum(0) / np.where(scale > 0, scale, 1))


def ccc(guess: Numbers, truth: Numbers) -> F64:
    """Concordance of each column of (N, K), float64 (K,), -1..1 (Lin 1989): r, lowered by another mean or spread."""
    a, b = _centred(guess), _centred(truth)
    shift = np.mean(guess, 0, dtype=np.float64) - np.mean(truth, 0, dtype=np.float64)
    spread = (a * a).mean(0) + (b * b).mean(0) + shift**2
    return np.asarray(2 * (a * b).mean(0) / np.where(spread > 0, spread, 1))


def icc31(guess: Numbers, truth: Numbers) -> F64:
    """ICC(3,1) of each column of (N, K), N > 1: float64 (K,), -1..1 (Shrout and Fleiss 1979).

    Two fixed raters, the model and the truth: (between - residual) / (between + residual) mean squares. A constant
    difference between the two costs nothing.
    """
    a, b = _centred(guess), _centred(truth)
    # With two raters the mean squares are those of the half sum and the half difference, times 2 / (N - 1) each.
    between, residual = ((a + b) ** 2).sum(0), ((a - b) ** 2).sum(0)
    whole = between + residual
    return np.asarray((between - residual) / np.where(whole > 0, whole, 1))


def auc(scores: Numbers, positive: Flags) -> float:
    """Area under the ROC curve of scores (N,): how often a positive outscores a negative, ties counting half.

    NaN where one of the two classes is missing.
    """
    count = int(positive.sum())
    if count in (0, len(positive)):
        return float("nan")
    _, place, times = np.unique(scores, return_inverse=True, return_counts=True)
    rank = (np.cumsum(times) - (times - 1) / 2)[place]  # equal scores share their mean rank
    wins = rank[positive].sum() - count * (count + 1) / 2
    return float(wins / (count * (len(positive) - count)))


def confusion(guess: Integers, truth: Integers, classes: int) -> npt.NDArray[np.int64]:
    """Counts int64 (classes, classes), rows the truth, columns the guess."""
    return np.bincount(truth.astype(np.int64) * classes + guess, minlength=classes**2).reshape(classes, classes)


def macro_f1(guess: Integers, truth: Integers, classes: int) -> float:
    """The mean F1 over the classes that occur in the truth or the guess, 0..1."""
    table = confusion(guess, truth, classes)
    hits, there = np.diag(table), table.sum(0) + table.sum(1)
    return float((2 * hits[there > 0] / there[there > 0]).mean())


def nme(guess: Numbers, truth: Numbers, size: Numbers) -> F64:
    """The mean distance of landmarks (N, P, 2) in units of `size` (N,), e.g. the eyes' distance: float64 (N,)."""
    return np.asarray(np.linalg.norm(guess.astype(np.float64) - truth, axis=2).mean(1) / size)


def geodesic(a: Numbers, b: Numbers) -> F64:
    """Degrees of the rotation from a to b, matrices (..., 3, 3): float64 (...), 0..180.

    2 arcsin(|a - b| / sqrt 8), |.| the Frobenius norm: exact for small angles, where the arccos of the trace is not.
    """
    chord = np.linalg.norm(a.astype(np.float64) - b, axis=(-2, -1)) / np.sqrt(8)
    return np.asarray(np.degrees(2 * np.arcsin(np.minimum(chord, 1))))


def angle(a: Numbers, b: Numbers) -> F64:
    """Degrees between unit vectors (..., 3): float64 (...), 0..180."""
    chord = np.linalg.norm(a.astype(np.float64) - b, axis=-1) / 2
    return np.asarray(np.degrees(2 * np.arcsin(np.minimum(chord, 1))))


def triplet_accuracy(embedding: Numbers, triplets: Integers) -> float:
    """How often, 0..1, the anchor's embedding (N, D) is nearer to the positive than to the negative.

    Args:
        triplets: (T, 3) rows of anchor, positive, negative.
    """
    anchor, near, far = (embedding[triplets[:, k]] for k in range(3))
    return float((np.linalg.norm(anchor - near, axis=1) < np.linalg.norm(anchor - far, axis=1)).mean())


def nearest_centroid(embedding: Numbers, label: Integers) -> float:
    """How often, 0..1, an embedding's nearest class mean is its own class's; its own share of that mean is left out.

    Args:
        embedding: (N, D). label: (N,), each at least twice.
    """
    _, group, size = np.unique(label, return_inverse=True, return_counts=True)
    values = embedding.astype(np.float64)
    sums = np.zeros((len(size), values.shape[1]))
    np.add.at(sums, group, values)
    distance = np.linalg.norm(values[:, None] - (sums / size[:, None])[None], axis=2)
    rest = (sums[group] - values) / (size[group] - 1)[:, None]
    distance[np.arange(len(values)), group] = np.linalg.norm(values - rest, axis=1)
    return float((distance.argmin(1) == group).mean())


def reliability(guess: Numbers, truth: Numbers, bins: int = 10) -> tuple[F64, F64, npt.NDArray[np.int64]]:
    """Calibration: in each of `bins` equal steps of 0..1 of the guess, the mean guess, the mean truth and the count.

    Means are NaN where a bin is empty.
    """
    where = np.clip((np.asarray(guess, np.float64) * bins).astype(np.int64), 0, bins - 1).ravel()
    count = np.bincount(where, minlength=bins)
    sums = [np.bincount(where, np.ravel(values), bins) for values in (guess, truth)]
    return *(np.where(count > 0, total / np.maximum(count, 1), np.nan) for total in sums), count  # type: ignore[return-value]


def calibration_error(guess: Numbers, truth: Numbers, bins: int = 10) -> float:
    """The mean distance between guess and truth over the bins of `reliability`, each weighed by its count."""
    said, was, count = reliability(guess, truth, bins)
    return float(np.nansum(np.abs(said - was) * count) / count.sum())


def crossing(signal: Numbers, after: int) -> float:
    """When (in samples, between them by a straight line) a signal (T,) crosses half of its step, from `after` on.

    The step goes from the mean before `after` to the mean of the last quarter. NaN without a step of 0.05 or more.
    """
    start, end = float(np.mean(signal[:after])), float(np.mean(signal[-max(len(signal) // 4, 1) :]))
    if not abs(end - start) >= 0.05:
        return float("nan")
    along = (np.asarray(signal, np.float64) - start) / (end - start)
    over = np.flatnonzero(along[after:] >= 0.5)
    if not len(over):
        return float("nan")
    at = after + int(over[0])
    before = min(along[at - 1], 0.5)
    return float(at - 1 + (0.5 - before) / max(along[at] - before, 1e-12))


def _centred(values: Numbers) -> F64:
    wide = np.asarray(values, np.float64)
    return np.asarray(wide - wide.mean(0))
