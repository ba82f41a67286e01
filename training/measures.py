"""How well a face network does: the few numbers that training logs."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from training.augment import Faces
from training.performer.landmarks import LEFT_EYE, RIGHT_EYE

F32 = npt.NDArray[np.float32]


def correlations(guess: F32, truth: F32) -> npt.NDArray[np.float64]:
    """Pearson's r of each column of (N, K); 0 where the guess does not move."""
    a, b = guess - guess.mean(0, dtype=np.float64), truth - truth.mean(0, dtype=np.float64)
    scale = np.sqrt((a * a).sum(0) * (b * b).sum(0))
    return np.asarray((a * b).sum(0) / np.where(scale > 0, scale, 1))


def degrees_between(a: F32, b: F32) -> F32:
    """Angles between unit vectors (..., 3)."""
    return np.asarray(np.degrees(np.arccos(np.clip((a * b).sum(-1), -1, 1))))


def turned(a: F32, b: F32) -> F32:
    """Degrees of the rotation between matrices (..., 3, 3)."""
    trace = np.einsum("...ij,...ij->...", a, b)
    return np.asarray(np.degrees(np.arccos(np.clip((trace - 1) / 2, -1, 1))))


def face_scores(
    faces: Faces, points: F32, coefficients: F32, rotation: F32, gaze: F32, visibility: F32
) -> dict[str, Any]:
    """The network's outputs for `faces` against their labels; the landmark error is in outer eye distances."""
    guess = np.clip(coefficients, 0, 1)
    r = correlations(guess, faces.coefficients)
    eyes = np.linalg.norm(faces.points[:, LEFT_EYE[3]] - faces.points[:, RIGHT_EYE[0]], axis=1)
    off = np.linalg.norm(points - faces.points, axis=2).mean(1)
    near = eyes > faces.pictures.shape[2] * 30 / 144  # a profile has no eye distance
    seen = faces.visibility[:, :2] > 0.5
    return {
        "mean_r": float(r[:52].mean()),
        "worst_r": float(r[:52].min()),
        "mae": float(np.abs(guess - faces.coefficients)[:, :52].mean()),
        "nme_percent": float((off[near] / eyes[near]).mean() * 100),
        "rotation_degrees": float(turned(rotation, faces.rotation).mean()),
        "gaze_degrees": float(degrees_between(gaze, faces.gaze)[seen].mean()),
        "visibility_accuracy": float(((visibility > 0) == (faces.visibility > 0.5)).mean()),
        "r": [round(float(value), 3) for value in r],
    }
