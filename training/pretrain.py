"""Teaches the face network's convolutions what faces look like, without a label: masked autoencoding (He et al. 2022).

    python -m training.pretrain --data out/training/data/faces -o backbone.pt
    python -m training.train face --start backbone.pt

60 % of the 16 x 16 patches of a picture are painted over. From what is left the network has to tell the hidden patches,
and the edges that they have in another colouring. Any folder of face pictures will do: rendered ones (dataset.py), or a
user's own, in which a bundle finds and cuts the faces.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
import typer
from mien.locate import locate
from torch import Tensor, nn

from training import dataset
from training.command import run
from training.errors import TrainingError
from training.loop import Settings, Trainer, keep_threads_apart, rows_of
from training.models.face import FEATURES, SIZE, FaceNetwork
from training.own_faces import OwnFace, find_all, pictures_in
from training.paths import ROOT

U8 = npt.NDArray[np.uint8]
Rows = npt.NDArray[np.integer[Any]]

PATCH = 16  # pixels of a patch's side
GRID = SIZE // PATCH  # patches along a side
HIDDEN = 0.6  # share of the patches that are painted over
_EDGE = 0.5  # weight of the edges
_WIDTH, _FAR = 192, 32  # channels of the decoder, and of what it makes of the features
_LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True, eq=False)
class OwnPictures:
    """A user's pictures, cut: wide: uint8 (N, 216, 216, 3), the crop in the middle."""

    wide: U8

    def __len__(self) -> int:
        return len(self.wide)

    def pictures(self, index: Rows) -> U8:
        """The pictures of these rows."""
        chosen: U8 = self.wide[index]
        return chosen


Pictures = dataset.Dataset | OwnPictures


def open_pictures(folder: Path, bundle: str) -> Pictures:
    """Rendered pictures where the folder holds shards, else the faces that the bundle finds in its pictures.

    Raises:
        TrainingError: ``dataset.*``, there are none, or they are damaged. BundleError: there is no such bundle.
    """
    if any(folder.glob("shard-*.npz")):
        return dataset.load(folder)
    paths = pictures_in(folder)
    wide = [found.wide for _, found in find_all(locate(bundle), paths) if isinstance(found, OwnFace)]
    if not wide:
        raise TrainingError(
            "dataset.missing", f"No face was found in the {len(paths)} pictures of {folder}.", "Give pictures of faces."
        )
    return OwnPictures(np.stack(wide))


@dataclass(frozen=True, eq=False)
class MaskedBatch:
    """B pictures: image and other, uint8 (B, 3, 144, 144), the same in two random colours; hidden: bool (B, 9, 9)."""

    image: Tensor
    other: Tensor
    hidden: Tensor


class MaskedBatches:
    """Step -> MaskedBatch, the same for the same seed."""

    def __init__(self, data: Pictures, batch: int, seed: int) -> None:
        self._data, self._batch, self._seed = data, batch, seed

    def __call__(self, step: int) -> MaskedBatch:
        rng = np.random.default_rng((self._seed, step, 5))
        rows = rows_of(step, self._batch, len(self._data), self._seed)
        crops = np.stack([_crop(rng, picture) for picture in self._data.pictures(np.sort(rows))])
        image, other = (_coloured(rng, crops).transpose(0, 3, 1, 2) for _ in range(2))
        order = rng.random((len(crops), GRID * GRID)).argsort(1)
        hidden = (order < round(HIDDEN * GRID * GRID)).reshape(-1, GRID, GRID)
        return MaskedBatch(torch.from_numpy(image), torch.from_numpy(other), torch.from_numpy(hidden))


def _crop(rng: np.random.Generator, picture: U8) -> U8:
    """A face crop out of the middle of a picture: turned, scaled, shifted, mirrored at random."""
    middle = (picture.shape[0] - 1) / 2
    angle, scale = math.radians(rng.normal(0, 8)), rng.uniform(0.85, 1.15)
    cos, sin = math.cos(angle) * scale, math.sin(angle) * scale
    turn = np.array([[cos, -sin], [sin, cos]]) * ((-1, 1) if rng.random() < 0.5 else (1, 1))
    place = middle + rng.uniform(-0.05, 0.05, 2) * SIZE - turn @ np.full(2, (SIZE - 1) / 2)
    affine = np.concatenate([turn, place[:, None]], 1)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    crop: U8 = cv2.warpAffine(picture, affine, (SIZE, SIZE), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return crop


def _coloured(rng: np.random.Generator, crops: U8) -> U8:
    """The crops under other lamps and cameras: gains per channel, gamma, now and then without colour."""
    shape = (len(crops), 1, 1)
    light = (crops.astype(np.float32) / 255) ** np.exp(rng.normal(0, 0.2, (*shape, 1))).astype(np.float32)
    gray = light @ np.array(_LUMA, np.float32)
    colour = np.where(rng.random((*shape, 1)) < 0.15, 0, rng.uniform(0.4, 1.5, (*shape, 1))).astype(np.float32)
    light = gray[..., None] + (light - gray[..., None]) * colour
    light *= np.exp(rng.normal(0, 0.12, (*shape, 3))).astype(np.float32)
    out: U8 = (np.clip(light, 0, 1) * 255).round().astype(np.uint8)
    return out


class Masked(nn.Module):
    """The face network as an encoder, and a small decoder, which is thrown away.

    The decoder sees the network's map of the crop (`spatial`), from which a patch's neighbours tell it, and its
    `features` of the whole face, the eyes and the mouth; what comes behind them in the network stays as it is.
    """

    def __init__(self, face: FaceNetwork) -> None:
        super().__init__()
        self.face = face
        self.near = nn.Conv2d(48, _WIDTH, 1)
        self.far = nn.Linear(FEATURES, _FAR * GRID * GRID)
        self.mix = nn.Conv2d(_FAR, _WIDTH, 1)
        self.out = nn.Sequential(
            nn.ReLU(), nn.Conv2d(_WIDTH, _WIDTH, 3, padding=1), nn.ReLU(), nn.Conv2d(_WIDTH, 4 * PATCH * PATCH, 1)
        )

    def forward(self, image: Tensor) -> Tensor:
        """(B, 4, 144, 144): normalised colours and edges, for pictures (B, 3, 144, 144) 0..1 with hidden parts."""
        seen = self.face(image)
        near = self.near(nn.functional.avg_pool2d(seen.spatial, 2))  # a cell for each patch
        far = self.mix(self.far(seen.features).reshape(-1, _FAR, GRID, GRID))
        return nn.functional.pixel_shuffle(self.out(near + far), PATCH)


def loss(network: nn.Module, batch: MaskedBatch) -> tuple[Tensor, Mapping[str, float]]:
    """Mean squared error of the hidden patches' pixels, each patch brought to mean 0 and variance 1 (as He et al.), and
    of the edges."""
    device = next(network.parameters()).device
    image, other = (value.to(device).float().div_(255) for value in (batch.image, batch.other))
    mask = batch.hidden.to(device).float()[:, None]
    pixels = nn.functional.interpolate(mask, scale_factor=PATCH)
    with torch.autocast(device.type, torch.bfloat16):
        out = network(image * (1 - pixels) + 0.5 * pixels)
    guess = out.float()
    truth = _normalised(image)
    area = pixels.sum().clamp(min=1)
    parts = {
        "pixels": (((guess[:, :3] - truth) ** 2).mean(1, keepdim=True) * pixels).sum() / area,
        "edges": (((guess[:, 3:] - _edges(other)) ** 2) * pixels).sum() / area,
    }
    total = parts["pixels"] + _EDGE * parts["edges"]
    return total, {name: float(value.detach()) for name, value in parts.items()}


def _normalised(image: Tensor) -> Tensor:
    """Each patch of each channel with mean 0 and variance 1."""
    mean = nn.functional.avg_pool2d(image, PATCH)
    spread = (nn.functional.avg_pool2d(image**2, PATCH) - mean**2).clamp(min=0).sqrt() + 0.02
    mean, spread = (nn.functional.interpolate(value, scale_factor=PATCH) for value in (mean, spread))
    return (image - mean) / spread


def _edges(image: Tensor) -> Tensor:
    """Strength of the edges, float (B, 1, 144, 144), by Sobel's operator; each picture's own mean is 1."""
    gray = (image * torch.tensor(_LUMA, device=image.device)[:, None, None]).sum(1, keepdim=True)
    across = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]], device=image.device)
    kernels = torch.stack([across, across.T])[:, None]
    slopes = nn.functional.conv2d(nn.functional.pad(gray, (1, 1, 1, 1), "replicate"), kernels)
    strength = slopes.square().sum(1, keepdim=True).sqrt()
    return strength / (strength.mean((1, 2, 3), keepdim=True) + 1e-3)


def pretrain(data: Pictures, out: Path, folder: Path, settings: Settings) -> None:
    """Trains, going on from `folder` where a run was stopped, and writes the network's weights to `out`.

    Raises:
        TrainingError: ``training.*``, as the loop says; ``training.write``.
    """
    torch.manual_seed(settings.seed)
    network = Masked(FaceNetwork())
    trainer = Trainer(folder, network, settings, loss, MaskedBatches(data, settings.batch, settings.seed))
    trainer.run(500)
    trainer.averaged()
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        part = out.with_name(f"{out.name}.part")
        torch.save({"average": network.face.cpu().state_dict()}, part)
        part.replace(out)
    except (OSError, RuntimeError) as error:
        raise TrainingError("training.write", f"{out} could not be written ({error}).", "Free some space.") from error


def main(
    data: Annotated[Path, typer.Option(help="a folder of rendered shards, or of pictures of faces")],
    output: Annotated[Path, typer.Option("-o", "--output", help="the weights")] = Path("backbone.pt"),
    out: Annotated[Path, typer.Option(help="checkpoint and log")] = ROOT / "out" / "training" / "pretrain",
    bundle: Annotated[str, typer.Option(help="finds the faces in pictures")] = "face",
    steps: Annotated[int, typer.Option(min=1, help="of the optimiser")] = 4_000,
    batch: Annotated[int, typer.Option(min=2, help="pictures per step")] = 64,
    seed: Annotated[int, typer.Option(help="of everything")] = 1,
    threads: Annotated[int, typer.Option(min=0, help="of torch; 0: its own choice")] = 0,
) -> None:
    """Trains the face network's convolutions on pictures without labels."""
    keep_threads_apart()
    pictures = open_pictures(data, bundle)
    settings = Settings(steps, min(batch, len(pictures)), rate=1e-3, decay=0.05, seed=seed, threads=threads)
    pretrain(pictures, output, out, settings)


if __name__ == "__main__":
    run(main)
