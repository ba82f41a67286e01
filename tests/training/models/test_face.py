"""The face network's outputs are what the bundle promises, whatever its weights are."""

from __future__ import annotations

import pytest
import torch

from training.models.blocks import Dense
from training.models.face import COEFFICIENTS, FEATURES, POINTS, REGIONS, SIZE, FaceNetwork, FaceOutputs


@pytest.fixture(scope="module")
def network() -> FaceNetwork:
    torch.manual_seed(3)
    return FaceNetwork().eval()


@pytest.fixture(scope="module")
def outputs(network: FaceNetwork) -> FaceOutputs:
    with torch.no_grad():
        out: FaceOutputs = network(torch.rand(3, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0)))
    return out


def test_shapes(outputs: FaceOutputs) -> None:
    shapes = [tuple(value.shape) for value in outputs]
    assert shapes == [
        (3, POINTS, 2),
        (3, COEFFICIENTS),
        (3, 3, 3),
        (3, 2, 3),
        (3, REGIONS),
        (3, 1),
        (3, FEATURES),
        (3, 48, 18, 18),
    ]
    assert (POINTS, COEFFICIENTS, REGIONS, SIZE) == (220, 57, 9, 144)


def test_rotations_are_orthonormal(outputs: FaceOutputs) -> None:
    turns = outputs.rotation
    torch.testing.assert_close(turns @ turns.mT, torch.eye(3).expand(3, 3, 3), rtol=0, atol=1e-4)
    torch.testing.assert_close(torch.linalg.det(turns), torch.ones(3), rtol=0, atol=1e-4)


def test_gazes_are_unit_vectors(outputs: FaceOutputs) -> None:
    torch.testing.assert_close(outputs.gaze.norm(dim=-1), torch.ones(3, 2), rtol=0, atol=1e-4)


def test_both_eyes_share_a_branch(network: FaceNetwork) -> None:
    image = torch.rand(1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))
    seen: list[torch.Tensor] = []
    hook = network.eye.register_forward_hook(lambda module, inputs, output: seen.append(output))
    with torch.no_grad():
        network(image)
    hook.remove()
    (eyes,) = seen
    assert eyes.shape == (2, 64 + 2 * 32)  # what is seen, and where its key points lie
    assert not torch.equal(*eyes)


def test_every_weight_learns(network: FaceNetwork) -> None:
    out = network(torch.rand(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(2)))
    torch.stack([value.square().sum() for value in out[:6]]).sum().backward()
    for name, value in network.named_parameters():
        assert value.grad is not None, name
        assert torch.isfinite(value.grad).all(), name
    network.zero_grad()


def test_no_layer_is_born_dead(network: FaceNetwork) -> None:
    """Features that are never above zero teach nothing; a whole branch once was so, and nobody saw it."""
    answers: dict[str, torch.Tensor] = {}
    hooks = [
        part.register_forward_hook(lambda _, __, out, name=name: answers.__setitem__(name, out))
        for name, part in network.named_modules()
        if isinstance(part, Dense)
    ]
    network.train()
    with torch.no_grad():
        network(torch.rand(16, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(3)))
    network.eval()
    for hook in hooks:
        hook.remove()
    assert len(answers) == 6
    for name, out in answers.items():
        assert (out.amax(0) > 0).float().mean() > 0.9, name
