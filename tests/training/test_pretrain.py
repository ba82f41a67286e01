"""Pretraining: what is hidden is hidden, a step repeats itself, and the face recipe can begin with the result."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from training import checkpoint, pretrain
from training.errors import TrainingError
from training.loop import Settings
from training.models.face import SIZE, FaceNetwork
from training.pretrain import GRID, HIDDEN, PATCH, Masked, MaskedBatch, MaskedBatches, OwnPictures


def pictures(count: int = 6, side: int = 180) -> OwnPictures:
    """Smooth noise, so that a hidden patch follows from its neighbours."""
    coarse = np.random.default_rng(2).integers(0, 256, (count, 6, 6, 3)).astype(np.uint8)
    return OwnPictures(coarse.repeat(side // 6, 1).repeat(side // 6, 2))


def test_a_step_gives_the_same_batch_again_and_another_step_another() -> None:
    batches = MaskedBatches(pictures(), 4, 1)
    first, again, other = batches(3), batches(3), batches(4)
    for name in ("image", "other", "hidden"):
        assert torch.equal(getattr(first, name), getattr(again, name))
    assert not torch.equal(first.image, other.image)
    assert first.image.shape == (4, 3, SIZE, SIZE) and first.image.dtype == torch.uint8
    assert not torch.equal(first.image, first.other)
    assert (first.hidden.sum((1, 2)) == round(HIDDEN * GRID * GRID)).all()


def test_what_is_hidden_is_not_seen_and_alone_is_judged() -> None:
    class Spy(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gain = torch.nn.Parameter(torch.ones(1))
            self.saw = torch.zeros(0)

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            self.saw = image
            return torch.zeros(len(image), 4, SIZE, SIZE) * self.gain

    batch = MaskedBatches(pictures(), 4, 1)(0)
    spy = Spy()
    before, _ = pretrain.loss(spy, batch)
    pixels = batch.hidden[:, None].repeat_interleave(PATCH, 2).repeat_interleave(PATCH, 3).expand(-1, 3, -1, -1)
    assert (spy.saw[pixels] == 0.5).all()
    assert (spy.saw[~pixels] == (batch.image.float() / 255)[~pixels]).all()
    changed = batch.other.clone()
    changed[:, :, :PATCH, :PATCH] = 255 - changed[:, :, :PATCH, :PATCH]
    seen = batch.hidden.clone()
    seen[:, :2, :2] = False  # the edges of the corner patch reach into its neighbours
    one, _ = pretrain.loss(spy, MaskedBatch(batch.image, batch.other, seen))
    two, _ = pretrain.loss(spy, MaskedBatch(batch.image, changed, seen))
    assert float(before.detach()) > 0
    assert float(two.detach()) == pytest.approx(float(one.detach()), rel=0.2)


def test_the_target_is_normalised_by_patch_and_the_edges_by_picture() -> None:
    image = torch.rand(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))
    patch = pretrain._normalised(image)[0, 1, PATCH : 2 * PATCH, :PATCH]
    assert float(patch.mean()) == pytest.approx(0, abs=1e-4)
    assert 0.8 < float(patch.std()) <= 1
    np.testing.assert_allclose(pretrain._edges(image * 0.4).numpy(), pretrain._edges(image).numpy(), atol=0.02)


def test_the_convolutions_learn_and_the_recipe_takes_them(tmp_path: Path) -> None:
    torch.manual_seed(1)
    untrained = {name: value.clone() for name, value in Masked(FaceNetwork()).face.state_dict().items()}
    out, folder = tmp_path / "backbone.pt", tmp_path / "run"
    pretrain.pretrain(pictures(), out, folder, Settings(6, 4, warm_up=2, average=0.5, seed=1, threads=1))
    network = FaceNetwork()
    checkpoint.load(network, out)
    parts = ("stem.", "fine.", "coarse.", "eye.", "mouth.")
    for name in [name for name in untrained if name.startswith(parts) and name.endswith("conv.weight")]:
        assert not torch.equal(network.state_dict()[name], untrained[name]), name
    assert torch.equal(network.state_dict()["coefficients.weight"], untrained["coefficients.weight"])
    assert json.loads((folder / "log.jsonl").read_text("utf-8"))["step"] == 6


def test_pictures_of_no_faces_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError) as caught:
        pretrain.open_pictures(tmp_path, "face")
    assert caught.value.code == "dataset.missing"


def test_a_crop_keeps_the_middle_of_the_picture() -> None:
    picture = np.zeros((216, 216, 3), np.uint8)
    picture[98:118, 98:118] = 255
    crops = np.stack([pretrain._crop(np.random.default_rng(k), picture) for k in range(8)])
    for crop in crops:
        y, x = np.argwhere(crop[..., 0] > 128).mean(0)
        assert abs(y - 71.5) < 12 and abs(x - 71.5) < 12
    assert len(np.unique(crops.reshape(8, -1), axis=0)) == 8
