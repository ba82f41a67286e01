"""Shards with made-up pictures and labels, for what needs a pool but not its people."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from training.face.layout import IDENTITY, neutral
from training.face.pool import SHARD, SIDE, Pool


def shard(folder: Path, number: int, count: int = SHARD) -> None:
    """Writes one shard of flat grey pictures in the pool's own form, the same for the same number."""
    rng = np.random.default_rng(number)
    folder.mkdir(parents=True, exist_ok=True)
    grey = [
        cv2.imencode(".jpg", np.full((SIDE, SIDE, 3), level, np.uint8))[1].ravel() for level in (40, 120, 200)
    ]  # fmt: skip
    jpeg = [grey[k % 3] for k in range(count)]
    points = np.broadcast_to(neutral()[:, :2] * (7.0, -7.0) + SIDE / 2, (count, 220, 2))
    flat = {
        "coefficients": rng.random((count, 57)),
        "points": points + rng.normal(0, 2, points.shape),
        "rotation": np.broadcast_to(np.eye(3), (count, 3, 3)),
        "gaze": np.broadcast_to([0.0, 0.0, 1.0], (count, 2, 3)),
        "visibility": np.ones((count, 9)),
    }
    labels = {key: np.asarray(value, np.float32) for key, value in flat.items()}
    labels["shape"] = rng.normal(0, 0.2, (count, 220, 3)).astype(np.float16)
    labels["identity"] = rng.normal(0, 1, (count, IDENTITY)).astype(np.float16)
    labels["person"] = np.arange(count, dtype=np.int32)
    labels["kind"] = np.zeros(count, np.int8)
    path = Pool(folder, 1).path(number)
    np.save(path.with_suffix(".npy"), np.concatenate(jpeg))
    np.savez(path, ends=np.cumsum([len(data) for data in jpeg]), **labels)
