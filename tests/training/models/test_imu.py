"""The network of the imu bundle."""

from __future__ import annotations

import torch

from training.models.imu import COEFFICIENTS, FEATURES, HIDDEN, REGIONS, ImuNetwork, region_matrix


def test_steps_one_by_one_are_the_sequence() -> None:
    torch.manual_seed(1)
    network = ImuNetwork().eval()
    features = torch.randn(1, 20, FEATURES)
    with torch.no_grad():
        whole, logits, last = network.sequence(features)
        state = torch.zeros(1, HIDDEN)
        for k in range(20):
            coefficients, confidence, state = network(features[:, k], state)
            torch.testing.assert_close(coefficients, whole[:, k], atol=1e-5, rtol=1e-5)
            torch.testing.assert_close(confidence, torch.sigmoid(logits[:, k]), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(state, last[0], atol=1e-5, rtol=1e-5)


def test_it_is_small_enough_for_a_bundle() -> None:
    assert sum(p.numel() for p in ImuNetwork().parameters()) * 4 < 1e6


def test_each_coefficient_belongs_to_one_region() -> None:
    matrix = region_matrix()
    assert matrix.shape == (len(COEFFICIENTS), len(REGIONS)) == (43, 6)
    assert ((matrix > 0).sum(1) == 1).all()
    torch.testing.assert_close(matrix.sum(0), torch.ones(6))
