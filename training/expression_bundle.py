"""The `expression` bundle, and how well its heads do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from mien.bundle import Bundle

from training.bundling import licence
from training.expressing import Features, inputs_of
from training.face_bundle import (
    BLOB,
    OUTPUTS,
    TRAINING_DATA,
    blobs,
    export,
    face_section,
    network_section,
    with_target,
)
from training.measures import correlations
from training.models.expression import EMBEDDING, EMOTIONS, GRID, UNITS, ExpressionNetwork, Heads
from training.performer import labels

OWN: dict[str, tuple[int, ...]] = {
    "aus": (1, UNITS),
    "emotion": (1, EMOTIONS),
    "affect": (1, 2),
    "embedding": (1, EMBEDDING),
    "raw_embedding": (1, EMBEDDING),
    "unknown": (1, 1),
    "attention": (1, GRID, GRID),
}
NEUTRAL = {"neutral": (1, EMBEDDING)}


def write(path: Path, network: ExpressionNetwork, metrics: Mapping[str, Any]) -> None:
    """Writes the `expression` bundle."""
    onnx, parity = export(network, list(OUTPUTS | OWN), NEUTRAL)
    described = with_target(manifest(), {**metrics, "parity_with_torch": parity})
    path.parent.mkdir(parents=True, exist_ok=True)
    Bundle.write(path, described, {BLOB: onnx, **blobs()})


def manifest() -> dict[str, Any]:
    """What the `expression` bundle says of itself, but for targets and metrics."""
    return {
        "schema": 1,
        "name": "expression",
        "task": "expression",
        "licence": licence(),
        "training_data": TRAINING_DATA + " Action units, emotions, valence and arousal are labels made by rules.",
        "networks": {"face": network_section(OUTPUTS | OWN, NEUTRAL)},
        "detect": {"bundle": "detect"},
        "face": face_section(),
        "expression": {"aus": list(labels.ACTION_UNITS), "emotions": list(labels.EMOTIONS)},
    }


@torch.no_grad()
def scores(heads: Heads, features: Features) -> dict[str, Any]:
    """A few numbers for the log; `training.evaluate` measures the rest through the finished bundle."""
    heads.eval()
    rows = np.arange(len(features))
    out = heads(*inputs_of(features, rows), torch.zeros(len(rows), EMBEDDING))
    meant = features.emotion.max(1) > 0.9
    guess, truth = out.emotion.numpy()[meant].argmax(1), features.emotion[meant].argmax(1)
    decided = features.known >= 0
    unknown = out.unknown.numpy()[decided, 0]
    triplets = labels.triplets(features.truth, np.random.default_rng(0), 4000)
    a, p, n = (out.embedding.numpy()[triplets[:, k]] for k in range(3))
    return {
        "au_r": [round(float(r), 3) for r in correlations(out.aus.numpy(), features.aus)],
        "affect_r": [round(float(r), 3) for r in correlations(out.affect.numpy(), features.affect)],
        "emotion_accuracy": float((guess == truth).mean()),
        "unknown_auc": _auc(unknown, features.known[decided] == 0),
        "triplet_accuracy": float((np.linalg.norm(a - p, axis=1) < np.linalg.norm(a - n, axis=1)).mean()),
    }


def _auc(score: npt.NDArray[np.floating[Any]], positive: npt.NDArray[np.bool_]) -> float:
    """Area under the ROC curve by ranks (Mann-Whitney)."""
    rank = score.argsort().argsort() + 1.0
    ones, zeros = int(positive.sum()), int((~positive).sum())
    return float((rank[positive].sum() - ones * (ones + 1) / 2) / max(ones * zeros, 1))
