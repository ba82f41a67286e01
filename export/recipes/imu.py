"""The default `imu` bundle: coefficients from sensors on the skin, fed with features and its own state."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from mien.locate import locate

from export.graph import round_to_half
from export.manifests.imu import INPUTS, OUTPUTS, manifest
from export.named import Named
from export.origin import is_bundle, open_origin
from export.recipe import Recipe
from quantization.gate import Limits
from quantization.samples import Samples
from training import checkpoint, imu_data
from training.models.imu import COEFFICIENTS, REGIONS, ImuNetwork
from training.recipes.imu import random_sensors, take_off
from training.weights import complete, weights_of

COLUMNS = {"coefficients": list(COEFFICIENTS), "confidence": list(REGIONS)}
HEADS = ("coefficients.", "confidence.")  # small, and the answers themselves
# Features reach 40 times their usual size. With ranges that are fixed beforehand int8 leaves the first layer little: it
# cost mouthRollLower 0.09 of r. ExecuTorch and LiteRT find the ranges as they run.
WIDE = ("deep.", "enter.")
# The state is nobody's answer: what its error does to the coefficients is judged, step by step here, and over minutes
# by `python -m training.evaluate_imu --precision int8`.
LIMITS = Limits(free=("next_state",))
_SECONDS, _EACH = 25.0, 6  # of a wearer, and samples from it: many people say more than many moments of few


def recipe(origin: Path | None) -> Recipe:
    """From a checkpoint of `training.train imu`, or from a bundle's float weights; by default the shipped bundle's."""
    path = origin or locate("imu")
    network, known = network_of(path), open_origin(path, "imu")
    module = Named(network, len(OUTPUTS))
    generator = torch.Generator().manual_seed(0)
    inputs = {name: torch.rand(shape, generator=generator) - 0.5 for name, shape in INPUTS.items()}
    lost = round_to_half(module, list(inputs.values()))
    return Recipe(
        name="imu",
        module=module,
        inputs=inputs,
        outputs=list(OUTPUTS),
        manifest={**manifest(), "metrics": known.metrics_with(lost)},
        network="imu",
        blobs=known.members,
        keep_float=HEADS,
        keep_float_fixed=WIDE,
        columns=COLUMNS,
        samples=lambda count, seed, held_out: samples(network, count, seed, held_out),
        limits=LIMITS,
        stored=known.stored,
    )


def network_of(path: Path) -> ImuNetwork:
    """The network of a checkpoint or a bundle, in eval mode."""
    network = ImuNetwork().eval()
    if is_bundle(path):
        network.load_state_dict(complete(network, weights_of(path, "imu"), path))
    else:
        checkpoint.load(network, path)
    return network


def samples(network: ImuNetwork, count: int, seed: int, held_out: bool) -> Samples:
    """Moments of simulated wearers, each with the state that the network has then."""
    rng = np.random.default_rng((seed, 3))
    features, states, truth = [], [], []
    for number in range(-(-count // _EACH)):
        steps = imu_data.wearer_steps((seed, number), _SECONDS, "validation" if held_out else "train")
        shown = steps.features.astype(np.float32)
        take_off(shown, random_sensors(rng))
        rows = np.sort(rng.choice(np.arange(1, len(shown)), _EACH, replace=False))
        with torch.no_grad():
            entered = torch.relu(network.enter(torch.from_numpy(shown)[None]))
            before = network.cell(entered)[0][0].numpy()[rows - 1]
        features.append(shown[rows])
        states.append(before)
        truth.append(steps.truth[rows].astype(np.float32))
    feeds = {"features": np.concatenate(features)[:count], "state": np.concatenate(states)[:count]}
    return Samples(feeds, {"coefficients": np.concatenate(truth)[:count]})
