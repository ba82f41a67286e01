"""Part `expression`: action units, emotions, valence and arousal, the embedding, on held-out renders.

The labels follow rules (see performer/labels.py), so the figures say how well the rules were learnt on rendered faces.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from training.dataset import Dataset
from training.evaluation import metrics, plots
from training.evaluation.part import Asked, Context, Part
from training.evaluation.renders import cut, held_out
from training.faces import faces_of
from training.performer import labels

F32 = npt.NDArray[np.float32]

_TRIPLETS = 4000
_NEUTRAL, _EMOTION = labels.KINDS.index("neutral"), labels.KINDS.index("emotion")


def run(context: Context) -> Part:
    """Part `expression`: of the outputs that the bundle has."""
    data = held_out(context)
    faces = cut(faces_of(data, np.arange(len(data))), context.subject)
    found = context.subject.predict(faces.pictures)
    figures: dict[str, Any] = {"pictures": len(data)}
    if "aus" in found:
        figures["aus"] = action_units(context, data, np.clip(found["aus"], 0, 1))
    if "emotion" in found:
        figures["emotion"] = emotions(context, data, found["emotion"])
    if "affect" in found:
        agreed = metrics.ccc(np.clip(found["affect"], -1, 1), labels.valence_arousal(data.coefficients))
        figures["affect"] = dict(zip(("valence_ccc", "arousal_ccc"), agreed, strict=True))
    if "unknown" in found:
        known = labels.known(data.coefficients, data.kind)
        sure = known >= 0
        figures["unknown_auroc"] = metrics.auc(found["unknown"][sure, 0], known[sure] == 0)
    if "embedding" in found:
        figures["embedding"] = embedding(context, data, found["embedding"])
        if "raw_embedding" in found:
            figures["embedding_with_neutral"] = _with_neutral(context, data, faces.pictures, found)
    return Part(figures, _asked(figures))


def _asked(figures: dict[str, Any]) -> list[Asked]:
    lines = []
    if "unknown_auroc" in figures:
        lines.append(Asked("expression: AUROC of unknown", figures["unknown_auroc"], 0.85, most=False))
    if "embedding" in figures:
        accuracy = figures["embedding"]["triplet_accuracy"]
        lines.append(Asked("expression: triplets in order", accuracy, 0.9, most=False))
    return lines


def action_units(context: Context, data: Dataset, guess: F32) -> dict[str, Any]:
    """ICC(3,1) and error of each unit; the plot shows which units are taken for which (correlations)."""
    truth = labels.action_units(data.coefficients)
    agreed = metrics.icc31(guess, truth)
    off = np.abs(guess - truth).mean(0)
    crossed = _cross_correlation(guess, truth)
    plots.matrix(context.out / "aus.png", crossed, labels.ACTION_UNITS, labels.ACTION_UNITS, "said", "was")
    plots.calibration(
        context.out / "aus_calibration.png",
        {name: (guess[:, k], truth[:, k]) for k, name in enumerate(labels.ACTION_UNITS)},
        "action units on held-out renders",
    )
    return {
        "mean_icc": agreed.mean(),
        "icc": dict(zip(labels.ACTION_UNITS, agreed, strict=True)),
        "mae": dict(zip(labels.ACTION_UNITS, off, strict=True)),
        "constant_mae": np.abs(truth - np.median(truth, axis=0)).mean(),
    }


def emotions(context: Context, data: Dataset, probabilities: F32) -> dict[str, Any]:
    """Macro F1 over single emotions and neutral faces; of a compound the guess may be either of its two."""
    single = np.isin(data.kind, (_NEUTRAL, _EMOTION))
    truth = np.where(data.kind == _NEUTRAL, labels.EMOTIONS.index("neutral"), data.emotion).astype(np.intp)[single]
    guess = probabilities.argmax(1)
    count = len(labels.EMOTIONS)
    table = metrics.confusion(guess[single], truth, count)
    shares = table / np.maximum(table.sum(1, keepdims=True), 1)
    plots.matrix(context.out / "emotions.png", shares, labels.EMOTIONS, labels.EMOTIONS, "was", "said")
    sure, right = probabilities.max(1)[single], (guess[single] == truth).astype(np.float32)
    plots.calibration(context.out / "emotions_calibration.png", {"emotion": (sure, right)}, "emotions on renders")
    both = data.compound >= 0
    hit = (guess[both] == data.emotion[both]) | (guess[both] == data.second[both])
    return {
        "faces": int(single.sum()),
        "macro_f1": metrics.macro_f1(guess[single], truth, count),
        "accuracy": right.mean() if len(right) else np.nan,
        "calibration_error": metrics.calibration_error(sure, right),
        "compound_hits": hit.mean() if len(hit) else np.nan,
        "confusion": table,
        "classes": labels.EMOTIONS,
    }


def embedding(context: Context, data: Dataset, values: F32) -> dict[str, float]:
    """Triplet accuracy, and how often the nearest mean of a person's other embeddings tells who it is."""
    rng = np.random.default_rng(context.seed)
    several = np.isin(
        data.person, [who for who, n in zip(*np.unique(data.person, return_counts=True), strict=True) if n > 1]
    )
    people = len(np.unique(data.person[several]))
    return {
        "triplet_accuracy": metrics.triplet_accuracy(values, labels.triplets(data.coefficients, rng, _TRIPLETS)),
        "identity_accuracy": metrics.nearest_centroid(values[several], data.person[several]),
        "identity_chance": 1 / people,
        "people": people,
    }


def _with_neutral(context: Context, data: Dataset, crops: npt.NDArray[np.uint8], found: dict[str, F32]) -> Any:
    """The people who are seen neutral at least once, with and without their mean neutral embedding taken off."""
    neutral = data.kind == _NEUTRAL
    kept = np.flatnonzero(np.isin(data.person, data.person[neutral]) & ~neutral)
    raw = found["raw_embedding"].reshape(len(data), -1)
    if len(np.unique(data.person[kept])) < 2 or len(kept) < 3:
        return None
    rest = np.stack([raw[neutral & (data.person == who)].mean(0) for who in data.person[kept]])
    taken = context.subject.predict(crops[kept], rest)
    some = _rows(data, kept)
    return {
        "with": embedding(context, some, taken["embedding"]),
        "without": embedding(context, some, found["embedding"][kept]),
    }


def _rows(data: Dataset, rows: npt.NDArray[np.intp]) -> Dataset:
    """Labels of some rows; no pictures."""
    return Dataset([], {name: values[rows] for name, values in data.labels.items()})


def _cross_correlation(guess: F32, truth: F32) -> npt.NDArray[np.float64]:
    columns = [metrics.pearson(guess, np.broadcast_to(truth[:, k : k + 1], guess.shape)) for k in range(truth.shape[1])]
    return np.stack(columns, axis=1)
