"""The default `face` bundle: landmarks, coefficients, head rotation, gaze and visibility of one upright crop."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from mien.bundle import Bundle
from mien.locate import locate

from export.graph import round_to_half
from export.pictures import fed
from export.recipe import Recipe
from quantization.gate import Limits
from quantization.samples import Arrays, Samples
from training import face_bundle
from training.augment import Augment, Faces
from training.dataset import Dataset, ensure
from training.faces import faces_of, label_map
from training.measures import degrees_between, turned
from training.models.blocks import fold
from training.models.face import SIZE, FaceNetwork
from training.paths import ROOT
from training.performer.coefficients import COEFFICIENTS
from training.performer.landmarks import LEFT_EYE, REGIONS, RIGHT_EYE
from training.weights import load_folded

LIMITS = Limits(
    units={"points": float(SIZE)},
    metrics={"landmark_nme_percent": 0.3, "head_degrees": 0.3, "gaze_degrees": 0.5},
    answered={"presence": math.log(face_bundle.MIN_PRESENCE / (1 - face_bundle.MIN_PRESENCE))},  # a logit
)
COLUMNS = {"coefficients": list(COEFFICIENTS), "visibility": list(REGIONS)}
HEADS = ("pose.", "gaze.", "coefficients.", "geometry.", "maps.", "cells")  # small, and the answers themselves
DATA = ROOT / "out" / "export" / "data"


def recipe(checkpoint: Path | None) -> Recipe:
    """From a checkpoint of `training.train face`, or from a bundle's float weights; by default the shipped bundle's."""
    source = checkpoint or locate("face")
    network = network_of(source)
    return Recipe(
        name="face",
        module=face_bundle.Named(network, len(face_bundle.OUTPUTS)),
        inputs={"image": torch.rand(1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))},
        outputs=list(face_bundle.OUTPUTS),
        manifest=face_bundle.manifest(),
        network="face",
        blobs=geometry(),
        image="image",
        keep_whole=face_bundle.WHOLE,
        keep_float=HEADS,
        columns=COLUMNS,
        samples=samples,
        cut=lambda shown: fed(shown, locate("face"), "face", {"image": "image"}),
        metrics=metrics,
        limits=LIMITS,
    )


def geometry() -> dict[str, bytes]:
    """The members beside the network, from the bundle that ships: exporting needs none of the assets of training."""
    with Bundle.open(locate("face")) as bundle:
        return {name: bytes(bundle.blob(name)) for name in bundle.names() if name.startswith("geometry/")}


def network_of(source: Path) -> FaceNetwork:
    """The folded network, its weights as bundles store them."""
    if source.suffix == ".mien":
        network = load_folded(source)
        assert isinstance(network, FaceNetwork)
    else:
        network = FaceNetwork()
        face_bundle.load_weights(network, source)
        fold(network.eval())
    round_to_half(network, face_bundle.WHOLE)
    return network


def renders(count: int, seed: int, held_out: bool) -> tuple[Dataset, Faces]:
    """Renders with labels, and their faces cut as the runtime cuts; rendered once and kept."""
    split = "validation" if held_out else "train"
    data = ensure(DATA / split, count, seed, split)
    return data, Augment(seed, label_map()).plain(faces_of(data, np.arange(count)))


def samples(count: int, seed: int, held_out: bool) -> Samples:
    """Renders as samples."""
    _, faces = renders(count, seed, held_out)
    labels = {"points": faces.points, "coefficients": faces.coefficients, "rotation": faces.rotation}
    return Samples({"image": values_of(faces.pictures)}, {**labels, "gaze": faces.gaze, "seen": faces.visibility})


def values_of(pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Pictures (N, H, W, 3) as the network takes them."""
    return np.ascontiguousarray(pictures.transpose(0, 3, 1, 2).astype(np.float32) / 255)


def metrics(said: Arrays, truth: Arrays) -> Mapping[str, float]:
    """Landmark error in outer eye distances, degrees of the head and of the gaze of eyes that can be seen."""
    points: npt.NDArray[Any] = truth["points"]
    eyes = np.linalg.norm(points[:, LEFT_EYE[3]] - points[:, RIGHT_EYE[0]], axis=1)
    near = eyes > 30  # a profile has no eye distance
    off = np.linalg.norm(said["points"] - points, axis=2).mean(1)
    seen = truth["seen"][:, :2] > 0.5
    return {
        "landmark_nme_percent": float((off[near] / eyes[near]).mean() * 100),
        "head_degrees": float(turned(said["rotation"], truth["rotation"]).mean()),
        "gaze_degrees": float(degrees_between(said["gaze"], truth["gaze"])[seen].mean()),
    }
