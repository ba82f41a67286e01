"""The default `expression` bundle: the face network with its heads for action units, emotions and the embedding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from mien.locate import locate

from export.graph import round_to_half
from export.manifests.expression import NEUTRAL, OWN, manifest
from export.manifests.face import OUTPUTS, members
from export.named import Named
from export.origin import is_bundle, open_origin
from export.pictures import fed
from export.recipe import Recipe
from export.recipes import face
from quantization.samples import Arrays, Samples
from training import checkpoint
from training.errors import TrainingError
from training.evaluation.metrics import ccc, icc31, macro_f1
from training.expressing import places
from training.models.blocks import fold
from training.models.expression import EMBEDDING, ExpressionNetwork, Heads
from training.models.face import FaceNetwork
from training.performer import labels
from training.weights import load_folded

LIMITS = replace(
    face.LIMITS,
    metrics={**face.LIMITS.metrics, "au_icc_missing": 0.02, "emotion_f1_missing": 0.05, "affect_ccc_missing": 0.02},
    free=("attention",),
)
HEADS = (*face.HEADS, "heads.")


def recipe(origin: Path | None) -> Recipe:
    """From a checkpoint of `training.train expression`, or a bundle's float weights; by default the shipped one's."""
    path = origin or locate("expression")
    network, known = network_of(path), open_origin(path, "face", members)
    outputs = list(OUTPUTS | OWN)
    named = Named(network, len(outputs))
    size = network.face.size
    image = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    inputs = {"image": image, "neutral": torch.zeros(NEUTRAL["neutral"])}
    lost = round_to_half(named, list(inputs.values()), face.WHOLE)
    shown_to = path if is_bundle(path) else locate("expression")
    return Recipe(
        name="expression",
        module=named,
        inputs=inputs,
        outputs=outputs,
        manifest={**manifest(size), "metrics": known.metrics_with(lost)},
        network="face",
        blobs=known.members,
        image="image",
        keep_whole=face.WHOLE,
        keep_float=HEADS,
        columns={**face.COLUMNS, "aus": labels.ACTION_UNITS, "emotion": labels.EMOTIONS},
        cut=lambda shown: fed(shown, shown_to, "face", {"image": "image", "neutral": "neutral"}),
        samples=lambda count, seed, held_out: samples(named, count, seed, held_out),
        metrics=metrics,
        limits=LIMITS,
        stored=known.stored,
    )


def network_of(path: Path) -> ExpressionNetwork:
    """The folded network of a checkpoint or a bundle, in eval mode."""
    if is_bundle(path):
        network = load_folded(path)
        if not isinstance(network, ExpressionNetwork):
            raise TrainingError("training.weights", f"{path.name} tells no expressions.", "Give an expression bundle.")
        return network
    network = ExpressionNetwork(FaceNetwork(), Heads(places()))
    checkpoint.load(network, path)
    fold(network.eval())
    return network


def samples(network: Named, count: int, seed: int, held_out: bool) -> Samples:
    """Renders, half of them with no neutral embedding and half with that of somebody else's face."""
    data, faces = face.renders(count, seed, held_out)
    plain = face.samples(count, seed, held_out)
    neutral = np.zeros((count, EMBEDDING), np.float32)
    place = list(OUTPUTS | OWN).index("raw_embedding")
    images = torch.from_numpy(plain.feeds["image"])
    with torch.no_grad():
        for row in range(0, count - 1, 2):
            neutral[row] = network(images[row + 1 : row + 2], torch.zeros(1, EMBEDDING))[place][0].numpy()
    truth = {
        "aus": labels.action_units(faces.coefficients),
        "affect": labels.valence_arousal(faces.coefficients),
        "felt": data.emotion[:count].astype(np.float32)[:, None],
    }
    return Samples({**plain.feeds, "neutral": neutral}, {**plain.labels, **truth})


def metrics(said: Arrays, truth: Arrays) -> Mapping[str, float]:
    """Those of the face, and how much of ICC(3,1), macro-F1 and concordance is missing to 1."""
    felt = truth["felt"][:, 0].astype(int)
    meant = felt >= 0
    count = len(labels.EMOTIONS)
    return {
        **face.metrics(said, truth),
        "au_icc_missing": 1 - float(icc31(said["aus"], truth["aus"]).mean()),
        "emotion_f1_missing": 1 - macro_f1(said["emotion"][meant].argmax(1), felt[meant], count),
        "affect_ccc_missing": 1 - float(ccc(said["affect"], truth["affect"]).mean()),
    }
