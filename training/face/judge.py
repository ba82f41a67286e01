"""How well the network does on people it never saw, and how well another bundle does on the same pictures.

python -m training.face.judge sdk/mien/models/face.mien --folder out/training/run
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import torch
import typer
from torch import nn

from training.augment import Augment, Faces
from training.command import run
from training.face.batches import cutter, faces_of
from training.face.layout import halves
from training.face.pool import HELD_OUT, HELD_OUT_SIDES, Content, Pool
from training.faces import label_map
from training.measures import correlations, face_scores
from training.weights import load_face

F32 = npt.NDArray[np.float32]

ORDINARY, ONE_SIDED = 960, 512  # pictures
_FRONT = np.cos(np.radians(30))


class HeldOut:
    """Two sets of other people, with another seed: ordinary expressions, and acts of one side."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._sets = {
            "ordinary": _stored(folder / "ordinary", seed, HELD_OUT, ORDINARY),
            "one_sided": _stored(folder / "one_sided", seed, HELD_OUT_SIDES, ONE_SIDED),
        }

    def scores(self, network: nn.Module) -> dict[str, Any]:
        """The network's figures; see `_scores`."""
        return {
            name: _scores(cut, _predicted(network, cut.pictures))
            for name, cut in ((name, cutter(0).plain(faces)) for name, faces in self._sets.items())
        }

    def scores_of_bundle(self, path: Path) -> dict[str, Any]:
        """The same figures of a face bundle that looks at the whole crop with one trunk, on the same pictures."""
        network = load_face(path)
        found = {}
        for name, faces in self._sets.items():
            cut = Augment(0, label_map()).plain(faces)
            found[name] = _scores(cut, _predicted(network, cut.pictures))
        return found


def _stored(folder: Path, seed: int, content: Content, count: int) -> Faces:
    pictures, labels = Pool(folder, seed, content).all(count)
    return faces_of(pictures, labels)


@torch.no_grad()
def _predicted(network: nn.Module, pictures: npt.NDArray[np.uint8], batch: int = 64) -> list[F32]:
    network.eval()
    device = next(network.parameters()).device
    parts: list[list[F32]] = []
    for start in range(0, len(pictures), batch):
        image = torch.from_numpy(pictures[start : start + batch].transpose(0, 3, 1, 2)).to(device).float() / 255
        parts.append([value.cpu().numpy() for value in network(image)[:5]])
    return [np.concatenate(values) for values in zip(*parts, strict=True)]


def _scores(faces: Faces, found: list[F32]) -> dict[str, Any]:
    """`measures.face_scores`, and: clear_r, mean r of the 52 over faces within 30 degrees of the camera with nothing
    hidden; apart_r and apart_slope, of the difference left - right of the 18 pairs, guess against truth."""
    scores = face_scores(faces, *found)
    guess, truth = np.clip(found[1], 0, 1), faces.coefficients
    clear = (faces.rotation[:, 2, 2] > _FRONT) & (faces.visibility > 0.5).all(1)
    table = halves()
    gaps = [values[:, table.left] - values[:, table.right] for values in (guess, truth)]
    centred = [gap - gap.mean(0) for gap in gaps]
    slope = (centred[0] * centred[1]).sum(0) / np.maximum((centred[1] ** 2).sum(0), 1e-6)
    return scores | {
        "clear_r": float(correlations(guess[clear], truth[clear])[:52].mean()) if clear.sum() > 2 else 0.0,
        "apart_r": float(correlations(*gaps).mean()),
        "apart_slope": float(slope.mean()),
    }


def summary(scores: Mapping[str, Any]) -> str:
    """One line of the figures that matter."""
    plain, sided = scores["ordinary"], scores["one_sided"]
    return (
        f"r {plain['mean_r']:.3f} (clear {plain['clear_r']:.3f}), mae {plain['mae']:.4f}, "
        f"landmarks {plain['nme_percent']:.2f} %, gaze {plain['gaze_degrees']:.1f}, "
        f"head {plain['rotation_degrees']:.2f}; sides r {sided['apart_r']:.3f}, slope {sided['apart_slope']:.3f}"
    )


def main(
    bundle: Annotated[Path, typer.Argument(help="a face bundle that looks at the whole crop with one trunk")],
    folder: Annotated[Path, typer.Option(help="of the run")],
    seed: Annotated[int, typer.Option(help="of the run")] = 1,
) -> None:
    """Measures a bundle on the run's held-out people and writes baseline.json beside its log."""
    found = HeldOut(folder / "held_out", seed + 1000).scores_of_bundle(bundle)
    (folder / "baseline.json").write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    typer.echo(summary(found))


if __name__ == "__main__":
    run(main)
