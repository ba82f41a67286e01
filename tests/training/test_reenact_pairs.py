"""Pairs: what the runtime makes of measured pictures, and how it is learnt from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from training import portraits, reenact_pairs
from training.errors import TrainingError
from training.models.keypoints import KeypointNetwork
from training.models.reenact import CELLS, DRIVE, ReenactNetwork, composed
from training.reenact_baseline import Loss as KeypointLoss
from training.reenact_pairs import Batches, Sittings
from training.reenacting import Loss, picture_loss, psnr, texture_lost


@pytest.fixture(scope="module")
def sittings(tmp_path_factory: pytest.TempPathFactory) -> Sittings:
    folder = tmp_path_factory.mktemp("portraits")
    try:
        portraits.render_shard(folder, 0, 9, "train", 3)
    except TrainingError as error:
        if error.code != "render.no_egl":
            raise
        pytest.skip(f"needs OpenGL through EGL: {error.message}")
    reenact_pairs.states(folder)
    return reenact_pairs.load(folder)


@pytest.mark.shared
def test_labelled_motion_carries_landmarks_to_the_truth(sittings: Sittings) -> None:
    stage = reenact_pairs.Stage()
    before, after = [], []
    for row in range(len(sittings)):
        if not sittings.labels["found"][row, :2].all():
            continue
        source = stage.fitted(sittings, row, 0)
        motion = reenact_pairs.labelled_motion(sittings, row, 0, 1, source)
        points = reenact_pairs.move(stage.mesh, source, motion)[stage.mesh.landmarks, :2]
        truth = sittings.labels["true_points"][row]
        before.append(np.linalg.norm(truth[0] - truth[1], axis=1).mean())
        after.append(np.linalg.norm(points - truth[1], axis=1).mean())
    assert np.mean(after) < 0.5 * np.mean(before)


@pytest.mark.shared
def test_a_batch_depends_on_the_step_alone(sittings: Sittings) -> None:
    one, other = (Batches(sittings, 2, 1)(3) for _ in range(2))
    assert one.cells.shape == (2, CELLS, 128, 128)
    assert one.drive.shape == (2, DRIVE)
    assert torch.equal(one.cells, other.cells)
    assert torch.equal(torch.pixel_shuffle(one.cells[:, :12], 2), one.warped)
    assert torch.equal(torch.pixel_shuffle(one.cells[:, 12:24], 2), one.source)
    maps = one.cells[:, 24:]
    assert float(maps[:, :4].sum(1).max()) == pytest.approx(1, abs=1e-5)


@pytest.mark.shared
@pytest.mark.parametrize("kind", ["reenact", "keypoints"])
def test_a_few_steps_on_a_batch_lower_its_loss(sittings: Sittings, kind: str) -> None:
    torch.manual_seed(0)
    network, loss = (ReenactNetwork(), Loss()) if kind == "reenact" else (KeypointNetwork(), KeypointLoss())
    batch = Batches(sittings, 2, 1)(0)
    optimiser = torch.optim.AdamW(network.parameters(), 2e-3)
    values = []
    for _ in range(6):
        value, figures = loss(network, batch)
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        values.append(float(value.detach()))
    assert values[-1] < values[0]
    assert figures["psnr"] > 5


def test_a_folder_without_measured_portraits_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"dataset\.missing"):
        reenact_pairs.load(tmp_path)


def test_keeping_all_of_the_warp_is_the_warp() -> None:
    warped, source = torch.rand(1, 3, 256, 256), torch.rand(1, 3, 256, 256)
    keep, change = torch.ones(1, 4, 128, 128), torch.zeros(1, 12, 128, 128)
    assert torch.allclose(composed(keep, change, warped, source), warped)
    assert psnr(warped, warped) == pytest.approx(80)
    assert float(picture_loss(warped, warped, torch.ones(1, 1, 256, 256))) < 0.01


def test_blur_loses_texture_and_moved_detail_does_not() -> None:
    truth, ones = torch.rand(1, 3, 64, 64), torch.ones(1, 1, 64, 64)
    blurred = torch.nn.functional.avg_pool2d(truth, 3, 1, 1)
    moved = torch.roll(truth, 1, dims=3)
    assert float(texture_lost(blurred, truth, ones)) > 4 * float(texture_lost(moved, truth, ones))
    assert float(texture_lost(truth, truth, ones)) == 0
