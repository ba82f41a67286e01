"""The detection network: small enough, its outputs fit the decoder, folding changes nothing."""

from __future__ import annotations

import copy

import pytest

torch = pytest.importorskip("torch")

from training.models.blocks import fold  # noqa: E402
from training.models.detect import COLUMNS, ROWS, STRIDES, DetectNetwork, GridOutputs, cells  # noqa: E402


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return DetectNetwork().eval()


def test_it_has_at_most_0_3_million_parameters(network):
    assert sum(parameter.numel() for parameter in network.parameters()) <= 300_000


def test_each_level_answers_for_each_of_its_cells_in_the_order_of_cells(network):
    with torch.no_grad():
        levels = network(torch.rand(2, 3, ROWS, COLUMNS))
    counts = [(COLUMNS // stride) * (ROWS // stride) for stride in STRIDES]
    assert [tuple(level.score.shape) for level in levels] == [(2, count) for count in counts]
    assert [tuple(level.box.shape) for level in levels] == [(2, count, 4) for count in counts]
    assert [tuple(level.points.shape) for level in levels] == [(2, count, 10) for count in counts]
    grid = cells()
    assert grid.shape == (sum(counts), 3)
    assert grid[1].tolist() == [1, 0, STRIDES[0]]
    assert grid[-1].tolist() == [COLUMNS // STRIDES[-1] - 1, ROWS // STRIDES[-1] - 1, STRIDES[-1]]


def test_untrained_it_finds_nothing_and_guesses_faces_of_its_levels_size(network):
    with torch.no_grad():
        levels = network(torch.rand(1, 3, ROWS, COLUMNS))
    for level in levels:
        assert level.score.sigmoid().max() < 0.1
        assert level.box[..., 2:].exp().mean() == pytest.approx(2.8, rel=0.2)


def test_folding_changes_nothing(network):
    folded = fold(copy.deepcopy(network))
    image = torch.rand(1, 3, ROWS, COLUMNS)
    with torch.no_grad():
        for before, after in zip(network(image), folded(image), strict=True):
            for a, b in zip(before, after, strict=True):
                torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-3)


def test_the_bundles_outputs_are_named_in_order_and_its_scores_are_probabilities(network):
    outputs = dict(zip(GridOutputs.names, GridOutputs(network)(torch.rand(1, 3, ROWS, COLUMNS)), strict=True))
    for stride in STRIDES:
        count = (COLUMNS // stride) * (ROWS // stride)
        assert outputs[f"points_{stride}"].shape == (1, count, 10)
        assert outputs[f"box_{stride}"].shape == (1, count, 4)
        for part in ("cls", "obj"):
            score = outputs[f"{part}_{stride}"]
            assert score.shape == (1, count, 1)
            assert 0 <= score.min() <= score.max() <= 1
