"""The default `detect` bundle: scores, boxes and points of the cells of four grids over a whole frame."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from mien import _native
from mien.locate import locate

from export.graph import round_to_half
from export.manifests.detect import NETWORK, manifest
from export.origin import is_bundle, open_origin
from export.pictures import fed
from export.recipe import Recipe
from quantization.gate import Limits
from quantization.samples import F32, Arrays, Samples
from training import checkpoint
from training.detection import MIN_SCORE, OVERLAP, scores
from training.frames import Frame, compose
from training.models.blocks import fold
from training.models.detect import COLUMNS, POINTS, ROWS, STRIDES, DetectNetwork, GridOutputs
from training.paths import ROOT
from training.performer.expressions import Split
from training.sprites import ensure
from training.weights import complete, weights_of

_SPRITES = 200  # busts of which all frames are composed, for each of the two sets
DATA = ROOT / "out" / "export" / "data"
_HALF = 0.02  # of the largest value of an output: what half weights may change
_SHOWN = tuple(f"cls_{stride}" for stride in STRIDES)
# A cell's box matters where there is a face; what comes of it is judged by the faces found.
LIMITS = Limits(
    agreement=0.9,
    range_kept=0.0,
    metrics={"faces_missed_percent": 1.0, "false_per_100_frames": 2.0, "box_error_percent": 1.0},
    free=tuple(name for name in GridOutputs.names if name not in _SHOWN),
    pooled=GridOutputs.names,
)
# Fields of a frame's labels as one row of numbers; frames hold different numbers of faces.
_FACES = 24


def recipe(origin: Path | None) -> Recipe:
    """From a checkpoint of `training.train detect`, or from a bundle's float weights; by default the shipped one's."""
    path = origin or locate("detect")
    module, known = GridOutputs(network_of(path)), open_origin(path, NETWORK)
    image = torch.rand(1, 3, ROWS, COLUMNS, generator=torch.Generator().manual_seed(0))
    lost = round_to_half(module, [image], tolerance=_HALF)
    return Recipe(
        name="detect",
        module=module,
        inputs={"image": image},
        outputs=list(GridOutputs.names),
        manifest={**manifest(), "metrics": known.metrics_with(lost)},
        network=NETWORK,
        blobs=known.members,
        image="image",
        keep_float=("head.",),
        cut=lambda shown: fed(shown, path if is_bundle(path) else locate("detect"), NETWORK, {"image": "image"}),
        samples=samples,
        metrics=metrics,
        limits=LIMITS,
        stored=known.stored,
    )


def network_of(path: Path) -> DetectNetwork:
    """The folded network of a checkpoint or a bundle, in eval mode."""
    network = DetectNetwork().eval()
    if is_bundle(path):
        fold(network)
        network.load_state_dict(complete(network, weights_of(path, NETWORK), path))
    else:
        checkpoint.load(network, path)
        fold(network.eval())
    return network


def samples(count: int, seed: int, held_out: bool) -> Samples:
    """Frames composed of rendered people; the sprites are rendered once and kept."""
    split: Split = "validation" if held_out else "train"
    sprites = ensure(DATA / f"sprites_{split}", _SPRITES, seed, split)
    rng = np.random.default_rng((seed, 1))
    frames = [compose(rng, sprites) for _ in range(count)]
    pictures = np.stack([frame.picture for frame in frames]).transpose(0, 3, 1, 2)
    return Samples(
        {"image": np.divide(pictures, 255, dtype=np.float32)}, {"faces": np.stack([_row(frame) for frame in frames])}
    )


def _row(frame: Frame) -> F32:
    """A frame's faces as (24, 18): box, points, spared box, which of the two there are; NaN elsewhere."""
    out = np.full((_FACES, 18), np.nan, np.float32)
    count, spared = min(len(frame.boxes), _FACES), min(len(frame.spared), _FACES)
    out[:count, :4] = frame.boxes[:count]
    out[:count, 4:14] = frame.points[:count].reshape(count, 2 * POINTS)
    out[:spared, 14:] = frame.spared[:spared]
    return out


def _frame(row: F32) -> Frame:
    faces, spared = row[~np.isnan(row[:, 0])], row[~np.isnan(row[:, 14])]
    nothing = np.zeros((0, 0, 3), np.uint8)
    return Frame(nothing, faces[:, :4], faces[:, 4:14].reshape(-1, POINTS, 2), spared[:, 14:])


def metrics(said: Arrays, truth: Arrays) -> Mapping[str, float]:
    """Faces missed, false ones, and how far boxes are from overlapping wholly."""
    found = []
    for k in range(len(truth["faces"])):
        rows, count = np.zeros((1024, 21), np.float32), 0
        for stride in STRIDES:
            cls, box, points = (np.ascontiguousarray(said[f"{part}_{stride}"][k]) for part in ("cls", "box", "points"))
            place = (COLUMNS // stride, ROWS // stride, stride)
            count = _native.decode_grid(
                cls[:, 0].copy(), cls[:, 0].copy(), box, points, *place, POINTS, MIN_SCORE, rows, count
            )
        found.append(rows[: _native.nms(rows, count, POINTS, OVERLAP, "hard"), : 5 + 2 * POINTS])
    frames = [_frame(row) for row in truth["faces"]]
    counted = scores(frames, found)
    shown = sum(map(len, found))
    return {
        "faces_missed_percent": 100 * (1 - counted["recall_all"]),
        "false_per_100_frames": 100 * shown * (1 - counted["precision"]) / len(frames),
        "box_error_percent": 100 * (1 - counted["iou"]),
    }
