"""Part `renders`: held-out renders, cut exactly, against their exact labels. Part `occlusion`: with 30 % hidden."""

from __future__ import annotations

import hashlib
from dataclasses import fields
from typing import Any

import mien
import numpy as np
import numpy.typing as npt
from mien.layouts import ARKIT52

from training.augment import Augment, Faces
from training.dataset import VERSION, Dataset, ensure
from training.evaluation import metrics, plots, sheets
from training.evaluation.part import Asked, Context, Part
from training.evaluation.studio import occluded_pairs
from training.evaluation.subject import look
from training.faces import faces_of, label_map
from training.performer import landmarks
from training.performer.coefficients import COEFFICIENTS

F32 = npt.NDArray[np.float32]

_ARKIT = len(ARKIT52)
_THROUGH_PIPELINE = 200  # pictures; the detector and two passes cost more than the network alone
_CORNERS = landmarks.UPRIGHT  # outer eye corners
_FRONTAL = 0.2  # crops between the eyes' outer corners, below which a head is seen from the side


def held_out(context: Context) -> Dataset:
    """The renders of `context.data`, rendered first where some are missing. Raises TrainingError as `ensure`."""
    return ensure(context.data, context.pictures, context.seed, "validation")


def cut(faces: Faces, size: int) -> Faces:
    """Exact crops of a network's input size."""
    return Augment(0, label_map(), size).plain(faces)


def scores(faces: Faces, found: dict[str, F32]) -> dict[str, Any]:
    """The figures of predictions for exactly cut faces.

    Landmark error: mean distance over all 220 in % of the distance of the outer eye corners (36, 45), over faces whose
    corners are at least a fifth of the crop apart; and in % of the root of the hull's area, over all.
    """
    size = faces.pictures.shape[1]
    truth, guess = faces.coefficients, found["coefficients"]
    points = found["points"].reshape(faces.points.shape)
    eyes = np.linalg.norm(faces.points[:, _CORNERS[0]] - faces.points[:, _CORNERS[1]], axis=1)
    frontal = eyes > _FRONTAL * size
    hull = np.sqrt(np.ptp(faces.points, axis=1).prod(1))
    r = metrics.pearson(guess, truth)
    off = np.abs(guess - truth).mean(0)
    seen = faces.visibility[:, :2] > 0.5
    by_corners = metrics.nme(points[frontal], faces.points[frontal], eyes[frontal])
    turned = metrics.geodesic(found["rotation"].reshape(-1, 3, 3), faces.rotation)
    gaze = metrics.angle(found["gaze"].reshape(-1, 2, 3), faces.gaze)
    return {
        "pictures": len(truth),
        "mean_r": r[:_ARKIT].mean(),
        "worst_r": r[:_ARKIT].min(),
        "mae": off[:_ARKIT].mean(),
        "nme_eye_corners_percent": metrics.mean(by_corners) * 100,
        "nme_hull_percent": metrics.nme(points, faces.points, hull).mean() * 100,
        "frontal": frontal.mean(),
        "rotation_degrees": turned.mean(),
        "gaze_degrees": metrics.mean(gaze[seen]),
        "calibration_error": metrics.calibration_error(guess[:, :_ARKIT], truth[:, :_ARKIT]),
        "r": r,
        "mae_each": off,
        "bias_each": (guess - truth).mean(0),
    }


def digest(data: Dataset) -> str:
    """What tells these held-out renders from others, whatever their size: SHA-256 of their labels, 16 hex digits."""
    made = hashlib.sha256(str(VERSION).encode())
    for name in ("coefficients", "identity", "rotation", "gaze"):
        made.update(np.ascontiguousarray(data.labels[name]).tobytes())
    return made.hexdigest()[:16]


def clear(faces: Faces) -> npt.NDArray[np.bool_]:
    """The faces within 30 degrees of the camera of which every region can be seen, bool (N,)."""
    return np.asarray((faces.rotation[:, 2, 2] > np.cos(np.radians(30))) & (faces.visibility > 0.5).all(1))


def some(faces: Faces, which: npt.NDArray[np.bool_]) -> Faces:
    """Some of the faces, bool (N,)."""
    return Faces(**{field.name: getattr(faces, field.name)[which] for field in fields(Faces)})


def constant(faces: Faces) -> dict[str, F32]:
    """What the best predictor that never looks would say: medians, mean shape, mean rotation, mean gaze."""
    count = len(faces.points)

    def repeated(value: npt.NDArray[Any]) -> F32:
        return np.broadcast_to(value, (count, *value.shape)).astype(np.float32)

    u, _, v = np.linalg.svd(faces.rotation.mean(0))
    gaze = faces.gaze.mean(0)
    return {
        "coefficients": repeated(np.median(faces.coefficients, axis=0)),
        "points": repeated(faces.points.mean(0)),
        "rotation": repeated(u @ np.diag([1, 1, np.linalg.det(u @ v)]) @ v),
        "gaze": repeated(gaze / np.linalg.norm(gaze, axis=1, keepdims=True)),
    }


def visibility_auc(faces: Faces, found: dict[str, F32]) -> dict[str, float]:
    """AUC of each region's output, and `all` for the regions together."""
    logits, seen = found["visibility"].reshape(faces.visibility.shape), faces.visibility > 0.5
    areas = {name: metrics.auc(logits[:, k], seen[:, k]) for k, name in enumerate(landmarks.REGIONS)}
    return {**areas, "all": metrics.auc(logits.ravel(), seen.ravel())}


def run(context: Context) -> Part:
    """Part `renders`."""
    data = held_out(context)
    faces = cut(faces_of(data, np.arange(len(data))), context.subject.size)
    found = context.subject.predict(faces.pictures)
    ours, blind = scores(faces, found), scores(faces, constant(faces))
    truth, easy = faces.coefficients, clear(faces)
    plots.bars(context.out / "coefficients.png", COEFFICIENTS, ours["r"], ours["mae_each"], blind["mae_each"])
    plots.calibration(
        context.out / "calibration.png",
        {name: (found["coefficients"][:, k], truth[:, k]) for k, name in enumerate(COEFFICIENTS)},
        "coefficients on held-out renders",
    )
    sheets.renders(context.out / "renders.png", faces, found)
    figures = {
        **ours,
        "labels": digest(data),
        "constant": {name: value for name, value in blind.items() if np.ndim(value) == 0},
        "constant_mae_each": blind["mae_each"],
        "coefficients": COEFFICIENTS,
        "visibility_auc": visibility_auc(faces, found),
        "clear": scores(some(faces, easy), {name: value[easy] for name, value in found.items()})
        if easy.sum() > 1
        else None,
        "pipeline": _pipeline(context, data),
    }
    named = [
        Asked("renders: mean Pearson r of the 52", ours["mean_r"], 0.85, most=False),
        Asked("renders: worst Pearson r of the 52", ours["worst_r"], 0.6, most=False),
        Asked("renders: mean absolute error of the 52", ours["mae"], 0.06),
        Asked("renders: landmarks, % of outer eye corners", ours["nme_eye_corners_percent"], 3.0),
        Asked("renders: head rotation, mean degrees", ours["rotation_degrees"], 2.5),
        Asked("renders: gaze of visible eyes, mean degrees", ours["gaze_degrees"], 4.0),
    ]
    return Part(figures, named)


def run_occlusion(context: Context) -> Part:
    """Part `occlusion`."""
    pairs = occluded_pairs(context)
    free, hidden = (cut(faces, context.subject.size) for faces in pairs)
    clear, found = context.subject.predict(free.pictures), context.subject.predict(hidden.pictures)
    ours, area = scores(hidden, found), visibility_auc(hidden, found)
    sheets.renders(context.out / "occlusion.png", hidden, found)
    regions = np.mean([value for name, value in area.items() if name != "all"])
    figures = {
        **ours,
        "free": scores(free, clear),
        "hidden_regions": (hidden.visibility <= 0.5).mean(0),
        "visibility_auc": area,
    }
    return Part(
        figures,
        [
            Asked("occlusion: mean Pearson r of the 52", ours["mean_r"], 0.75, most=False),
            Asked("occlusion: visibility AUC, mean of regions", float(regions), 0.9, most=False),
        ],
    )


def _pipeline(context: Context, data: Dataset) -> dict[str, Any]:
    """Some of the pictures through detector, crops and networks as a user runs them."""
    rows = np.arange(min(len(data), _THROUGH_PIPELINE))
    pictures, truth = data.pictures(rows), data.coefficients[rows]
    with mien.open(context.bundle, tracking=False) as pipeline:
        states = look(pipeline, pictures)
    found = np.array([state.found for state in states])
    figures: dict[str, Any] = {"pictures": len(rows), "found": found.mean()}
    if found.sum() > 1:
        seen = [state for state in states if state.found]
        r = metrics.pearson(np.stack([state.raw for state in seen]), truth[found][:, :_ARKIT])
        marks = data.points[rows][found]
        hull = np.sqrt(np.ptp(marks, axis=1).prod(1))
        guess = np.stack([state.landmarks[:, :2] for state in seen if state.landmarks is not None])
        figures |= {"mean_r": r.mean(), "nme_hull_percent": metrics.nme(guess, marks, hull).mean() * 100}
    return figures
