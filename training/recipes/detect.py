"""The default `detect` bundle: faces in whole frames, trained on composed frames of rendered people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from mien.bundle import Bundle

from training.bundling import licence, targets, to_onnx
from training.detection import MIN_SCORE, OVERLAP, DetectBatches, DetectLoss, find, scores
from training.frames import Frame, compose
from training.loop import Settings, Trainer
from training.models.blocks import fold
from training.models.detect import COLUMNS, POINTS, ROWS, STRIDES, DetectNetwork, GridOutputs
from training.sprites import ensure

if TYPE_CHECKING:
    from training.train import Options

SPRITES, STEPS, BATCH = 2_400, 4_000, 32
HELD_OUT, FRAMES = 400, 500  # sprites of other people, and the frames composed of them, for the log
_TOLERANCE = 0.02  # of half-size weights
NETWORK = "detector"
_BLOB = f"onnx/{NETWORK}.onnx"


def train(options: Options) -> None:
    """Renders the sprites that are missing, trains, and writes the bundle."""
    sprites = ensure(options.data / "sprites", options.pictures or SPRITES, options.seed, "train")
    held_out = held_out_frames(options.data / "sprites_held_out", options.seed)
    settings = Settings(
        options.steps or STEPS, options.batch or BATCH, rate=3e-3, warm_up=200, average=0.998, seed=options.seed,
        threads=options.threads,
    )  # fmt: skip
    torch.manual_seed(options.seed)
    network = DetectNetwork()
    if options.start is not None:
        network.load_state_dict(torch.load(options.start, weights_only=True)["average"])
    batches = DetectBatches(sprites, settings.batch, options.seed)
    trainer = Trainer(options.out, network, settings, DetectLoss(), batches)
    trainer.run(250, lambda _, __: evaluate(network, held_out[:200]))
    trainer.averaged()
    how = {**asdict(settings), "sprites": len(sprites), "went_on_from_another": options.start is not None}
    write(options.bundle, network, how, held_out)


def held_out_frames(folder: Path, seed: int) -> list[Frame]:
    """Frames of people whom no training shows."""
    sprites = ensure(folder, HELD_OUT, seed + 1000, "validation")
    rng = np.random.default_rng((seed, 1))
    return [compose(rng, sprites) for _ in range(FRAMES)]


def evaluate(network: DetectNetwork, frames: list[Frame]) -> Mapping[str, Any]:
    """Scores on composed frames."""
    return scores(frames, find(network, np.stack([frame.picture for frame in frames])))


def write(path: Path, network: DetectNetwork, how: Mapping[str, Any], held_out: list[Frame]) -> None:
    """Writes the bundle of a trained network, which is folded on the way.

    Raises:
        TrainingError: `export.parity`.
    """
    measured = evaluate(network.eval(), held_out)
    fold(network)
    module = GridOutputs(network.cpu())
    example = torch.from_numpy(held_out[0].picture.transpose(2, 0, 1)[None]).float() / 255
    model, difference = to_onnx(module, [example], ["image"], module.names, _TOLERANCE)
    path.parent.mkdir(parents=True, exist_ok=True)
    Bundle.write(
        path, manifest({"training": dict(how), "synthetic_held_out": measured, "parity": difference}), {_BLOB: model}
    )
    print(f"{path}: {path.stat().st_size} bytes, differs from torch by {difference:.1e}; {measured}")


def description() -> dict[str, Any]:
    """What the bundle says of itself, but for targets and metrics."""
    image = {
        "layout": "nchw", "color": "rgb", "scale": [1 / 255] * 3, "bias": [0.0] * 3, "align": "center",
        "border": "constant",
    }  # fmt: skip
    widths = {"cls": 1, "obj": 1, "box": 4, "points": 2 * POINTS}
    outputs = {
        f"{part}_{stride}": {"shape": [1, (COLUMNS // stride) * (ROWS // stride), width]}
        for stride in STRIDES
        for part, width in widths.items()
    }
    return {
        "schema": 1,
        "name": "detect",
        "task": "detect",
        "licence": licence(),
        "training_data": "Synthetic only: frames composed of rendered people (ICT-FaceKit geometry, this project's "
        "performer) over procedural backgrounds. No photograph of anybody was used.",
        "networks": {
            NETWORK: {
                "inputs": {"image": {"shape": [1, 3, ROWS, COLUMNS], "dtype": "float32", "image": image}},
                "outputs": outputs,
            }
        },
        "detect": {
            "network": NETWORK,
            "decode": "grid",
            "strides": list(STRIDES),
            "points": POINTS,
            "min_score": MIN_SCORE,
            "nms": "hard",
            "iou": OVERLAP,
        },
    }


def manifest(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest of the bundle that training writes: the network as ONNX in float."""
    described = description()
    network = described["networks"][NETWORK]
    network["targets"] = targets(_BLOB, [*network["inputs"], *network["outputs"]])
    return {**described, "metrics": dict(metrics)}
