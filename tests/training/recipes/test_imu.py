"""What the imu network is trained on: sensors that are there, and those that are not."""

from __future__ import annotations

import numpy as np
import torch

from training.imu_data import Steps
from training.models.imu import COEFFICIENTS, FEATURES, PER_SENSOR, SLOTS, ImuNetwork
from training.recipes.imu import (
    LENGTH,
    Batches,
    Loss,
    halfway,
    mirror_features,
    mirror_truth,
    random_sensors,
    take_off,
    worn,
)


def data(count: int = 3) -> list[Steps]:
    rng = np.random.default_rng(1)
    out = []
    for _ in range(count):
        features = rng.normal(size=(LENGTH + 50, FEATURES)).astype(np.float16)
        features[:, SLOTS * PER_SENSOR : SLOTS * (PER_SENSOR + 1)] = 1
        truth, raw = rng.random((LENGTH + 50, 43)), np.zeros((LENGTH + 50, 19, 6))
        out.append(Steps(features, truth.astype(np.float16), raw.astype(np.float16)))
    return out


def test_a_sensor_that_is_taken_off_leaves_nothing_behind() -> None:
    features = np.ones((4, FEATURES), np.float32)
    take_off(features, worn("imu6"))
    assert features[:, : 6 * PER_SENSOR].all()
    assert not features[:, 6 * PER_SENSOR : SLOTS * PER_SENSOR].any()
    flags = features[:, SLOTS * PER_SENSOR : SLOTS * (PER_SENSOR + 1)]
    assert flags.sum(1).tolist() == [6] * 4
    assert features[:, -6:].all()


def test_all_layouts_and_failures_are_drawn() -> None:
    rng = np.random.default_rng(2)
    counts = np.array([random_sensors(rng).sum() for _ in range(500)])
    assert {6, 12, 18} <= set(counts.tolist())
    assert 0.2 < np.mean(~np.isin(counts, (6, 12, 18))) < 0.5
    assert counts.min() >= 2


def test_a_batch_follows_from_its_number_alone() -> None:
    batches = Batches(data(), 4, 5)
    one, other = batches(7), Batches(data(), 4, 5)(7)
    torch.testing.assert_close(one[0], other[0])
    assert one[0].shape == (4, LENGTH, FEATURES)
    assert not torch.equal(one[0], batches(8)[0])


def test_the_loss_is_less_for_what_is_nearer() -> None:
    steps = data()
    loss, network = Loss(), ImuNetwork()
    batch = Batches(steps, 4, 5)(1)
    before, parts = loss(network, batch)
    with torch.no_grad():
        network.coefficients.bias.copy_(batch[1].mean((0, 1)))
        network.coefficients.weight.zero_()
    after, better = loss(network, batch)
    assert after < before
    assert better["mae"] < parts["mae"]


def test_a_mirrored_wearer_has_left_and_right_exchanged_and_twice_is_as_before() -> None:
    order, signs = mirror_features()
    features = np.arange(1.0, FEATURES + 1)
    mirrored = features[order] * signs
    left, right = 2 * PER_SENSOR, 3 * PER_SENSOR  # the mouth's corners
    np.testing.assert_array_equal(
        mirrored[left : left + 6], features[right : right + 6] * np.array([1, -1, -1, 1, -1, -1])
    )
    np.testing.assert_array_equal(mirrored[left + 6 : left + 9], features[right + 6 : right + 9] * np.array([-1, 1, 1]))
    np.testing.assert_array_equal(mirrored[order] * signs, features)
    names = [COEFFICIENTS[k] for k in mirror_truth()]
    assert names[COEFFICIENTS.index("jawLeft")] == "jawRight"
    assert names[COEFFICIENTS.index("browInnerUp")] == "browInnerUp"


def test_halfway_is_the_mean_of_both() -> None:
    one, other = ImuNetwork(), ImuNetwork()
    expected = (one.deep.weight + other.deep.weight) / 2
    halfway(one, other)
    torch.testing.assert_close(one.deep.weight, expected)


def test_half_precision_says_nearly_the_same() -> None:
    torch.manual_seed(3)
    network, features = ImuNetwork(), torch.randn(2, 20, FEATURES)
    with torch.no_grad():
        full, half = network.sequence(features)[0], network.sequence(features, half=True)[0]
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, full, atol=0.03, rtol=0)
