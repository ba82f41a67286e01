"""The default `face` bundle: landmarks, coefficients, head rotation, gaze and visibility of one upright crop."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from mien.locate import locate
from torch import nn

from export.graph import round_to_half
from export.manifests.face import MIN_PRESENCE, OUTPUTS, manifest, members
from export.named import Named
from export.origin import is_bundle, open_origin
from export.pictures import fed
from export.recipe import Recipe
from quantization.gate import Limits
from quantization.samples import Arrays, Samples
from training import checkpoint
from training.augment import Augment, Faces
from training.dataset import VERSION, Dataset, ensure
from training.faces import faces_of, label_map
from training.measures import degrees_between, turned
from training.models.blocks import fold
from training.models.face import FaceNetwork
from training.paths import ROOT
from training.performer.coefficients import COEFFICIENTS
from training.performer.landmarks import LEFT_EYE, REGIONS, RIGHT_EYE
from training.weights import load_folded

LIMITS = Limits(
    units={"points": float(FaceNetwork.size)},
    metrics={"landmark_nme_percent": 0.3, "head_degrees": 0.3, "gaze_degrees": 0.5},
    answered={"presence": math.log(MIN_PRESENCE / (1 - MIN_PRESENCE))},  # a logit
)
COLUMNS = {"coefficients": list(COEFFICIENTS), "visibility": list(REGIONS)}
HEADS = ("pose.", "gaze.", "coefficients.", "geometry.", "maps.", "cells")  # small, and the answers themselves
WHOLE = ("geometry.weight",)  # stored in float32: sums of it cancel
DATA = ROOT / "out" / "export" / "data"


def recipe(origin: Path | None) -> Recipe:
    """From a checkpoint of `training.train face`, or from a bundle's float weights; by default the shipped bundle's."""
    path = origin or locate("face")
    network, known = network_of(path), open_origin(path, "face", members)
    module = Named(network, len(OUTPUTS))
    image = torch.rand(1, 3, network.size, network.size, generator=torch.Generator().manual_seed(0))
    lost = round_to_half(module, [image], WHOLE)
    return Recipe(
        name="face",
        module=module,
        inputs={"image": image},
        outputs=list(OUTPUTS),
        manifest={**manifest(network.size), "metrics": known.metrics_with(lost)},
        network="face",
        blobs=known.members,
        image="image",
        keep_whole=WHOLE,
        keep_float=HEADS,
        columns=COLUMNS,
        samples=samples,
        cut=lambda shown: fed(shown, path if is_bundle(path) else locate("face"), "face", {"image": "image"}),
        metrics=metrics,
        limits=LIMITS,
        stored=known.stored,
    )


def network_of(path: Path) -> FaceNetwork:
    """The folded network of a checkpoint or a bundle, in eval mode."""
    if is_bundle(path):
        network: nn.Module = load_folded(path)
        assert isinstance(network, FaceNetwork)
        return network
    network = FaceNetwork()
    checkpoint.load(network, path)
    fold(network.eval())
    return network


def renders(count: int, seed: int, held_out: bool) -> tuple[Dataset, Faces]:
    """Renders with labels, and their faces cut as the runtime cuts; rendered once and kept."""
    split = "validation" if held_out else "train"
    data = ensure(DATA / f"{split}_{VERSION}", count, seed, split)
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
