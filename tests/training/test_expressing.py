"""What the expression heads learn from: features of the face network, soft labels, triplets."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
import torch

from training.dataset import Dataset
from training.expressing import Batch, Batches, Features, extract, inputs_of, loss, places, scores, soft_emotions, widen
from training.models.expression import EMBEDDING, GRID, Heads
from training.models.face import FEATURES, FaceNetwork
from training.performer.landmarks import REGIONS

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def network() -> FaceNetwork:
    torch.manual_seed(0)
    return FaceNetwork().eval()


@pytest.fixture
def features(network: FaceNetwork, pictures: Dataset) -> Features:
    return extract(network, pictures, None, batch=10)


def test_emotions_are_one_or_two_halves_or_none() -> None:
    out = soft_emotions(np.array([1, -1, 2], np.int8), np.array([-1, -1, 4], np.int8))
    assert out.tolist() == [[0, 1, 0, 0, 0, 0, 0, 0], [0] * 8, [0, 0, 0.5, 0, 0.5, 0, 0, 0]]


def test_regions_lie_where_they_are_on_an_upright_face() -> None:
    maps = places().numpy()
    assert maps.shape == (len(REGIONS), GRID, GRID)
    assert 0 <= maps.min() <= maps.max() <= 1
    rows, columns = np.mgrid[0:GRID, 0:GRID]
    at = {
        name: (float((map_ * rows).sum() / map_.sum()), float((map_ * columns).sum() / map_.sum()))
        for name, map_ in zip(REGIONS, maps, strict=True)
    }
    assert at["browLeft"][0] < at["eyeLeft"][0] < at["nose"][0] < at["mouth"][0] < at["jaw"][0]
    assert at["eyeRight"][1] < at["nose"][1] < at["eyeLeft"][1]  # the subject's left is the picture's right
    assert at["mouth"][1] == pytest.approx((GRID - 1) / 2, abs=0.3)


def test_features_are_of_every_picture_in_order(network: FaceNetwork, pictures: Dataset, features: Features) -> None:
    assert len(features) == len(pictures)
    assert features.features.shape == (len(pictures), FEATURES)
    assert features.spatial.shape == (len(pictures), 48, 18, 18)
    assert np.array_equal(features.truth, pictures.coefficients)  # exact cuts are not mirrored
    assert np.array_equal(features.person, pictures.person)
    spoiled, again = (extract(network, pictures, seed, batch=10) for seed in (7, 7))
    assert np.array_equal(spoiled.features, again.features)
    assert not np.array_equal(spoiled.features, features.features)


def test_a_second_look_sees_the_same_pictures_spoiled_anew(network: FaceNetwork, pictures: Dataset) -> None:
    once, twice = (extract(network, pictures, 7, batch=len(pictures), looks=looks) for looks in (1, 2))
    count = len(pictures)
    assert len(twice) == 2 * count
    assert np.array_equal(twice.features[:count], once.features)
    assert not np.array_equal(twice.features[count:], once.features)
    for name in ("emotion", "person", "neutral"):
        assert np.array_equal(getattr(twice, name), np.concatenate([getattr(once, name)] * 2)), name


def test_neutral_rows_show_the_same_person(features: Features) -> None:
    rows = np.flatnonzero(features.neutral >= 0)
    assert np.array_equal(features.person[features.neutral[rows]], features.person[rows])


def test_batches_repeat_themselves(features: Features) -> None:
    first, again, later = (Batches(features, len(features), 2)(step) for step in (1, 1, 2))
    for field in fields(Batch):
        one, two = getattr(first, field.name), getattr(again, field.name)
        for a, b in zip(one, two, strict=True) if isinstance(one, tuple) else [(one, two)]:
            assert torch.equal(a, b), field.name
    assert not torch.equal(first.truth, later.truth)
    assert first.triplets.shape == (4 * len(features), 3)


def test_the_loss_falls_and_every_part_is_finite(features: Features) -> None:
    torch.manual_seed(1)
    heads = Heads(places()).train()
    batch = Batches(features, len(features), 2)(0)
    optimiser = torch.optim.Adam(heads.parameters(), 3e-3)
    history = []
    for _ in range(12):
        optimiser.zero_grad()
        value, parts = loss(heads, batch)
        assert all(np.isfinite(list(parts.values())))
        value.backward()
        optimiser.step()
        history.append(float(value.detach()))
    assert min(history[-3:]) < 0.9 * history[0]
    measured = scores(heads, features)
    assert len(measured["au_r"]) == 17
    assert 0 <= measured["triplet_accuracy"] <= 1


@torch.no_grad()
def test_action_units_spread_halfway_to_the_truth_about_the_same_mean(features: Features) -> None:
    torch.manual_seed(0)
    heads = Heads(places()).eval()
    given = (*inputs_of(features, np.arange(len(features))), torch.zeros(len(features), EMBEDDING))
    before = heads(*given).aus
    widen(heads, features)
    after = heads(*given).aus
    torch.testing.assert_close(after.mean(0), before.mean(0), rtol=0, atol=1e-5)
    truth = torch.from_numpy(features.aus).std(0)
    halfway = torch.where(truth > 0, torch.sqrt(before.std(0) * truth), before.std(0))
    torch.testing.assert_close(after.std(0), halfway, rtol=1e-3, atol=1e-5)
