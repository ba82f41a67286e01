"""The face network's batches and loss: seeded, labelled, and least where the guess is the truth."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from training.dataset import Dataset
from training.faces import FaceBatch, FaceBatches, FaceLoss, faces_of, label_map, region_of_coefficient
from training.models.face import SIZE, FaceOutputs
from training.performer.coefficients import COEFFICIENTS, INDEX
from training.performer.labels import displacement
from training.performer.landmarks import REGIONS

pytestmark = pytest.mark.shared

BATCH = 12


@pytest.fixture
def batch(pictures: Dataset) -> FaceBatch:
    return FaceBatches(pictures, BATCH, 3)(1)


class Told(nn.Module):
    """Answers with the labels, changed by `off`."""

    def __init__(self, batch: FaceBatch, **off: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        certain = 40 * (batch.visibility > 0.5) - 20.0
        self.answers = {
            "points": batch.points,
            "coefficients": batch.coefficients,
            "rotation": batch.rotation,
            "gaze": batch.gaze,
            "visibility": certain,
            "presence": 40 * batch.face[:, None] - 20,
        }
        for name, value in off.items():
            self.answers[name] = self.answers[name] + value

    def forward(self, image: Tensor) -> FaceOutputs:
        nothing = torch.zeros(len(image), 1)
        return FaceOutputs(**self.answers, features=nothing, spatial=nothing)


def test_a_batch_has_pictures_with_labels(batch: FaceBatch) -> None:
    assert batch.image.shape == (BATCH, 3, SIZE, SIZE)
    assert batch.image.dtype == torch.uint8
    assert batch.points.shape == (BATCH, 220, 2)
    assert batch.coefficients.shape == (BATCH, 57)
    assert set(batch.face.tolist()) <= {0.0, 1.0}
    inside = ((batch.points > -1) & (batch.points < SIZE)).float().mean()
    assert inside > 0.8


def test_the_same_seed_and_step_give_the_same_batch(pictures: Dataset, batch: FaceBatch) -> None:
    again, later = (FaceBatches(pictures, BATCH, 3)(step) for step in (1, 0))
    other = FaceBatches(pictures, BATCH, 4)(1)
    for field in fields(FaceBatch):
        assert torch.equal(getattr(batch, field.name), getattr(again, field.name)), field.name
    assert not torch.equal(batch.image, later.image)
    assert not torch.equal(batch.image, other.image)


def test_the_loss_is_least_where_the_guess_is_the_truth(pictures: Dataset, batch: FaceBatch) -> None:
    loss = FaceLoss(pictures.coefficients, displacement())
    best, parts = loss(Told(batch), batch)
    for name in ("coefficients", "mesh", "rotation", "gaze", "visibility", "presence"):
        assert parts[name] == pytest.approx(0, abs=1e-4), name
    for name in ("points", "coefficients", "rotation", "gaze"):
        worse, changed = loss(Told(batch, **{name: 0.2}), batch)
        assert worse > best, name
        assert changed[name] > parts[name], name


def test_a_shift_of_all_landmarks_is_no_error_within_a_region(pictures: Dataset, batch: FaceBatch) -> None:
    loss = FaceLoss(pictures.coefficients, displacement())
    _, still = loss(Told(batch), batch)
    _, shifted = loss(Told(batch, points=3.0), batch)
    assert shifted["points"] > 5 * still["points"]
    assert shifted["local"] == pytest.approx(still["local"], rel=1e-3)
    bent = Told(batch)
    bent.answers["points"] = batch.points.clone()
    bent.answers["points"][:, 48:54] += 3.0  # half of the mouth
    assert loss(bent, batch)[1]["local"] > 1.5 * still["local"]


def test_pictures_without_a_face_teach_presence_alone(pictures: Dataset, batch: FaceBatch) -> None:
    loss = FaceLoss(pictures.coefficients, displacement())
    nobody = replace(batch, face=torch.zeros(BATCH))
    _, parts = loss(Told(nobody, coefficients=0.5, points=9.0, rotation=1.0), nobody)
    assert all(parts[name] == 0 for name in ("points", "coefficients", "mesh", "rotation", "gaze", "visibility"))


def test_rows_keep_their_order(pictures: Dataset) -> None:
    rows = np.array([3, 1])
    faces = faces_of(pictures, rows)
    assert np.array_equal(faces.coefficients, pictures.coefficients[rows])
    assert np.array_equal(faces.pictures[1], pictures.pictures(rows)[1])


def test_every_coefficient_shows_in_a_region_of_its_own_side() -> None:
    region = [REGIONS[index] for index in region_of_coefficient()]
    assert len(region) == len(COEFFICIENTS)
    known = {"eyeBlinkRight": "eyeRight", "jawOpen": "mouth", "jawLeft": "jaw", "tongueOut": "mouth"}
    assert {name: region[INDEX[name]] for name in known} == known
    for name, shows in zip(COEFFICIENTS, region, strict=True):
        if shows.startswith(("eye", "brow", "cheek")) and name != "browInnerUp":
            assert name[-4:] == shows[-4:]


def test_the_label_map_covers_every_label() -> None:
    labels = label_map()
    assert (len(labels.points), len(labels.coefficients), len(labels.regions)) == (220, 57, 9)
    assert labels.upright == (36, 45)
