"""Trains the keypoint baseline of `reenact` on the same pairs, in the same order, with the same schedule.

python -m training.reenact_baseline out/training/keypoints
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import torch
import typer
from torch import Tensor, nn

from training.command import run
from training.loop import Trainer, keep_threads_apart
from training.models.keypoints import POINTS, KeypointNetwork, grid
from training.paths import ROOT
from training.recipes.reenact import BATCH, SITTINGS, STEPS, ensure, settings_of
from training.reenact_pairs import Batch, Batches
from training.reenacting import picture_loss, psnr
from training.train import Options

_TILT, _GROW, _SHIFT = 0.2, 0.15, 0.15  # of the random affine maps that keypoints must follow


class Loss:
    """The picture's loss, where the driver is the truth; keypoints follow what happens to a picture."""

    def __call__(self, network: nn.Module, batch: Batch) -> tuple[Tensor, Mapping[str, float]]:
        assert isinstance(network, KeypointNetwork)
        made, warped = network(batch.source, batch.truth)
        cover = nn.functional.interpolate(batch.cells[:, 24:28].sum(1, keepdim=True), scale_factor=2.0)
        weight = 1 + 2 * cover
        weight = weight / weight.mean()
        loss = picture_loss(made, batch.truth, weight) + 0.3 * picture_loss(warped, batch.truth, weight)
        same = _followed(network, batch.truth)
        figures = {"psnr": psnr(made.detach(), batch.truth), "psnr_warped": psnr(warped.detach(), batch.truth)}
        return loss + 0.3 * same, {**figures, "same": float(same.detach())}


def _followed(network: KeypointNetwork, picture: Tensor) -> Tensor:
    """How far keypoints of a picture that was mapped are from the mapped keypoints (equivariance)."""
    count = len(picture)
    small = nn.functional.interpolate(picture, size=(64, 64), mode="area")
    affine = torch.eye(2).expand(count, 2, 2) * (1 + _GROW * torch.randn(count, 1, 1)) + _TILT * torch.randn(
        count, 2, 2
    )
    shift = _SHIFT * torch.randn(count, 2)
    places = torch.einsum("bij,yxj->byxi", affine, grid(64, picture.device)) + shift[:, None, None]
    mapped = nn.functional.grid_sample(small, places, padding_mode="reflection", align_corners=True)
    points, _ = network.keypoints(small)
    moved, _ = network.keypoints(mapped)
    back = torch.einsum("bij,bkj->bki", affine, moved) + shift[:, None]
    inside = (back.abs() < 1).all(2, keepdim=True).float()
    apart: Tensor = ((back - points).abs() * inside).sum() / (count * POINTS)
    return apart


def main(
    out: Annotated[Path, typer.Argument(help="folder of checkpoints and logs")],
    data: Annotated[Path, typer.Option(help="rendered portraits")] = ROOT / "out" / "training" / "data",
    sittings: Annotated[int, typer.Option(min=1)] = SITTINGS,
    steps: Annotated[int, typer.Option(min=1)] = STEPS,
    batch: Annotated[int, typer.Option(min=2)] = BATCH,
    seed: Annotated[int, typer.Option()] = 1,
    threads: Annotated[int, typer.Option(min=0)] = 0,
) -> None:
    """Trains the baseline; `out/checkpoint.pt` holds it."""
    keep_threads_apart()
    options = Options(out, data, sittings, steps, batch, seed, threads, out / "unused.mien", None)
    settings = settings_of(options)
    torch.manual_seed(seed)
    network = KeypointNetwork()
    batches = Batches(ensure(options, "portraits", sittings, "train"), settings.batch, seed)
    Trainer(out, network, settings, Loss(), batches, device="cpu").run(200)


if __name__ == "__main__":
    run(main)
