"""Batches are a matter of (seed, number); the loss sees sides; coefficients begin as a map of shapes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from made_up import shard

from training.face.batches import HalvesBatches, HalvesLoss, begin, spoiled
from training.face.layout import SIZE, halves, neutral
from training.face.network import FaceOutputs, HalvesNetwork
from training.face.pool import Pool, wanted
from training.performer.coefficients import INDEX

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Pool:
    folder: Path = tmp_path_factory.mktemp("pool")
    for number in wanted(0):
        shard(folder, number)
    return Pool(folder, 1)


def test_a_batch_is_a_matter_of_seed_and_number(pool: Pool) -> None:
    def made(seed: int, number: int) -> bytes:
        return HalvesBatches(pool, 8, 2, 100, seed)(number).image.numpy().tobytes()

    first = made(1, 0)
    assert first == made(1, 0)
    assert len({first, made(1, 1), made(2, 0)}) == 3


def test_a_batch_has_the_crop_and_the_head_s_own_landmarks(pool: Pool) -> None:
    batch = HalvesBatches(pool, 8, 2, 100, 1)(0)
    assert batch.image.shape == (4, 3, SIZE, SIZE)
    assert batch.shape.shape == (4, 220, 3)
    assert float((batch.shape - torch.tensor(neutral())).abs().max()) < 2  # centimetres


def test_spoiling_eases_toward_the_end() -> None:
    shares = [spoiled(along) for along in (0.0, 0.5, 0.8, 1.0, 1.2)]
    assert shares[0] == shares[1] > shares[2] > shares[3] == shares[4] > 0


def perfect(pool: Pool) -> tuple[FaceOutputs, torch.Tensor]:
    """Outputs that say the truth of a batch, and the batch."""
    batch = HalvesBatches(pool, 8, 1, 100, 1)(0)
    table = halves()
    flip = torch.tensor([-1.0, 1, 1])
    shape = torch.cat([batch.shape[:, table.own], batch.shape[:, table.other] * flip]) - torch.from_numpy(table.neutral)
    truth = FaceOutputs(
        batch.points, batch.coefficients, batch.rotation, batch.gaze, batch.visibility * 40 - 20,
        batch.face[:, None] * 40 - 20, shape, batch.identity,
    )  # fmt: skip
    return truth, batch


def test_the_truth_costs_next_to_nothing_and_swapped_sides_cost(pool: Pool) -> None:
    loss = HalvesLoss()
    truth, batch = perfect(pool)
    parts = loss.parts(truth, batch)
    assert set(parts) == set(loss.weights)
    assert float(parts["sides"]) == float(parts["coefficients"]) == 0
    assert float(parts["shape"]) < 0.05
    table = halves()
    swapped = truth.coefficients.clone()
    swapped[:, table.left] = truth.coefficients[:, table.right]
    swapped[:, table.right] = truth.coefficients[:, table.left]
    assert float(loss.parts(truth._replace(coefficients=swapped), batch)["sides"]) > 1
    both = (truth.coefficients[:, table.left] + truth.coefficients[:, table.right]) / 2
    same = truth.coefficients.clone()
    same[:, table.left] = same[:, table.right] = both
    assert float(loss.parts(truth._replace(coefficients=same), batch)["sides"]) > 0.3


def test_coefficients_begin_as_the_map_that_exact_shapes_give(pool: Pool) -> None:
    rng = np.random.default_rng(0)
    coefficients = rng.random((600, 57)).astype(np.float32)
    shapes = rng.normal(0, 0.3, (57, 220, 3)).astype(np.float32)
    shape = np.einsum("nk,kpx->npx", coefficients, shapes).astype(np.float32)
    torch.manual_seed(0)
    network = HalvesNetwork()
    begin(network, shape, coefficients)
    table = halves()
    own = torch.from_numpy(shape[:, table.own] + neutral()[table.own] - table.neutral).flatten(1)
    with torch.no_grad():
        told = network.geometry(own)[:, : len(table.left)] + network.sided.bias
    smile = list(table.left).index(INDEX["mouthSmileLeft"])
    assert np.corrcoef(told[:, smile].numpy(), coefficients[:, INDEX["mouthSmileLeft"]])[0, 1] > 0.9
