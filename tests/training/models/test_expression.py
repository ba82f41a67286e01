"""The expression heads' outputs are what the bundle promises, and see what they should."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from training.models.expression import EMBEDDING, EMOTIONS, GRID, UNITS, ExpressionNetwork, Heads, Mixed
from training.models.face import COEFFICIENTS, FEATURES, REGIONS, SIZE, FaceNetwork

BATCH = 3


@pytest.fixture(scope="module")
def heads() -> Heads:
    torch.manual_seed(5)
    places = torch.zeros(REGIONS, GRID, GRID)
    places[0, :4, :4] = 1  # the first region lies in a corner
    return Heads(places).eval()


def inputs() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    shapes = ((BATCH, FEATURES), (BATCH, 48, 18, 18), (BATCH, COEFFICIENTS))
    features, spatial, coefficients = (torch.randn(shape, generator=generator) for shape in shapes)
    return features, spatial, coefficients, torch.full((BATCH, REGIONS), 6.0)


@torch.no_grad()
def test_shapes_and_ranges(heads: Heads) -> None:
    out = heads(*inputs(), torch.zeros(BATCH, EMBEDDING))
    assert out.aus.shape == (BATCH, UNITS)
    assert out.emotion.shape == (BATCH, EMOTIONS)
    assert out.attention.shape == (BATCH, GRID, GRID)
    one = torch.ones(BATCH)
    torch.testing.assert_close(out.emotion.sum(1), one)
    torch.testing.assert_close(out.attention.sum((1, 2)), one)
    torch.testing.assert_close(out.embedding.norm(dim=1), one, rtol=0, atol=1e-4)
    assert out.attention.min() >= 0
    assert out.affect.abs().max() <= 1
    assert 0 <= out.unknown.min() <= out.unknown.max() <= 1


@torch.no_grad()
def test_the_users_neutral_is_taken_off_the_embedding(heads: Heads) -> None:
    neutral = torch.randn(BATCH, EMBEDDING, generator=torch.Generator().manual_seed(1))
    plain, own = heads(*inputs(), torch.zeros(BATCH, EMBEDDING)), heads(*inputs(), neutral)
    assert torch.equal(plain.raw_embedding, own.raw_embedding)
    expected = torch.nn.functional.normalize(plain.raw_embedding - neutral + heads.pole)
    torch.testing.assert_close(own.embedding, expected, rtol=0, atol=1e-4)
    assert not torch.equal(plain.emotion, own.emotion)


@torch.no_grad()
def test_a_users_own_neutral_face_is_the_pole_of_the_embedding(heads: Heads) -> None:
    raw = heads(*inputs(), torch.zeros(BATCH, EMBEDDING)).raw_embedding
    torch.testing.assert_close(heads(*inputs(), raw).embedding, heads.pole.expand(BATCH, -1))


@torch.no_grad()
def test_what_is_hidden_is_not_looked_at(heads: Heads) -> None:
    features, spatial, coefficients, visibility = inputs()
    hidden = visibility.clone()
    hidden[:, 0] = -6
    seen, blind = (
        heads(features, spatial, coefficients, v, torch.zeros(BATCH, EMBEDDING)).attention for v in (visibility, hidden)
    )
    assert (blind[:, :4, :4].sum((1, 2)) < 0.2 * seen[:, :4, :4].sum((1, 2))).all()


@torch.no_grad()
def test_a_cell_of_the_attention_map_stands_for_the_mean_of_the_cells_that_it_sees(heads: Heads) -> None:
    taken: list[Tensor] = []
    hook = heads.scale.register_forward_pre_hook(lambda _, given: taken.append(given[0]))
    features, spatial, coefficients, visibility = inputs()
    out = heads(features, spatial, coefficients, visibility, torch.zeros(BATCH, EMBEDDING))
    hook.remove()
    means = torch.nn.functional.avg_pool2d(spatial, 5, 1)
    expected = (means * out.attention[:, None]).sum((2, 3))
    torch.testing.assert_close(taken[0][:, FEATURES : FEATURES + 48], expected)


def test_training_hides_a_part_and_use_does_not() -> None:
    heads = Heads(torch.zeros(REGIONS, GRID, GRID))

    def twice() -> bool:
        one, two = (heads(*inputs(), torch.zeros(BATCH, EMBEDDING)).aus for _ in range(2))
        return torch.equal(one, two)

    heads.train()
    assert not twice()
    heads.eval()
    assert twice()


def test_experts_are_mixed_at_random_in_training_and_evenly_afterwards() -> None:
    torch.manual_seed(0)
    layer = Mixed(5, 2)
    x = torch.randn(4, 5)
    assert not torch.equal(layer(x), layer(x))
    layer.eval()
    expected = torch.stack([expert(x) for expert in layer.experts]).mean(0)
    torch.testing.assert_close(layer(x), expected)
    torch.testing.assert_close(layer.fold()(x), expected)


@torch.no_grad()
def test_the_whole_network_gives_the_faces_outputs_and_its_own(heads: Heads) -> None:
    face = FaceNetwork().eval()
    image = torch.rand(1, 3, SIZE, SIZE)
    out = ExpressionNetwork(face, heads).eval()(image, torch.zeros(1, EMBEDDING))
    assert len(out) == 6 + 7
    for value, expected in zip(out, face(image)[:6], strict=False):
        assert torch.equal(value, expected)
