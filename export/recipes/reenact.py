"""The default `reenact` bundle: the network that refines a warped portrait."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from mien.locate import locate
from mien.portrait.canvas import unpack

from export.graph import round_to_half
from export.manifests.reenact import INPUTS, OUTPUTS, manifest, members
from export.named import Named
from export.origin import is_bundle, open_origin
from export.recipe import Recipe
from quantization.gate import Limits
from quantization.samples import Arrays, Samples
from training import checkpoint, portraits, reenact_pairs
from training.evaluation.pictures import psnr, ssim
from training.models.blocks import fold
from training.models.reenact import ReenactNetwork
from training.paths import ROOT
from training.weights import complete, weights_of

DATA = ROOT / "out" / "export" / "data"
_SITTINGS = 40  # of each of the two sets
_MOST = 240  # samples, of 2 MB each
# The picture is the answer: what it loses is judged in decibels and structure, not cell by cell.
LIMITS = Limits(
    metrics={"psnr_lost_db": 0.3, "ssim_lost": 0.01},
    free=tuple(OUTPUTS),
    pooled=tuple(OUTPUTS),
)


def recipe(origin: Path | None) -> Recipe:
    """From a checkpoint of `training.train reenact`, or from a bundle's float weights; by default the shipped one's."""
    path = origin or locate("reenact")
    network, known = network_of(path), open_origin(path, "reenact", members)
    module = Named(network, len(OUTPUTS))
    generator = torch.Generator().manual_seed(0)
    inputs = {name: torch.rand(shape, generator=generator) for name, shape in INPUTS.items()}
    lost = round_to_half(module, list(inputs.values()))
    return Recipe(
        name="reenact",
        module=module,
        inputs=inputs,
        outputs=list(OUTPUTS),
        manifest={**manifest(), "metrics": known.metrics_with(lost)},
        network="reenact",
        blobs=known.members,
        keep_float=("end.",),
        samples=samples,
        metrics=metrics,
        limits=LIMITS,
        stored=known.stored,
    )


def network_of(path: Path) -> ReenactNetwork:
    """The folded network of a checkpoint or a bundle, in eval mode."""
    network = ReenactNetwork().eval()
    if is_bundle(path):
        fold(network)
        network.load_state_dict(complete(network, weights_of(path, "reenact"), path))
    else:
        checkpoint.load(network, path)
        fold(network.eval())
    return network


def samples(count: int, seed: int, held_out: bool) -> Samples:
    """Pairs of rendered people; the sittings are rendered and measured once and kept."""
    folder = DATA / f"portraits_{'held_out' if held_out else 'train'}"
    for _ in portraits.render(folder, _SITTINGS, 4000 + held_out, "train"):
        pass
    reenact_pairs.states(folder)
    batches = reenact_pairs.Batches(reenact_pairs.load(folder, _SITTINGS), 4, seed)
    parts = [batches(step) for step in range(-(-min(count, _MOST) // 4))]
    names = ("cells", "drive", "warped", "source", "truth")
    stacked = {name: torch.cat([getattr(part, name) for part in parts]).numpy() for name in names}
    feeds = {name: stacked.pop(name) for name in INPUTS}
    return Samples(feeds, {name: values.astype(np.float16) for name, values in stacked.items()})


def metrics(said: Arrays, truth: Arrays) -> Mapping[str, float]:
    """How far the pictures are from the truth: dB below 60, and structure."""
    below, apart = [], []
    for k in range(len(truth["truth"])):
        keep, change = unpack(said["keep"][k]), unpack(said["change"][k])
        warped, source, wanted = (truth[name][k].astype(np.float32) for name in ("warped", "source", "truth"))
        made = keep * warped + (1 - keep) * source + change
        pictures = [np.rint(np.clip(p, 0, 1) * 255).astype(np.uint8).transpose(1, 2, 0) for p in (made, wanted)]
        below.append(60 - psnr(*pictures))
        apart.append(1 - ssim(*pictures))
    return {"psnr_lost_db": float(np.mean(below)), "ssim_lost": float(np.mean(apart))}
