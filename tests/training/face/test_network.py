"""The network of two halves: mirrored faces get mirrored answers, and a side's answer comes from its own half."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from training.face.layout import BEYOND, SIZE, halves
from training.face.network import FaceOutputs, HalvesNetwork
from training.faces import label_map
from training.models.blocks import fold
from training.performer.coefficients import INDEX

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def network() -> HalvesNetwork:
    torch.manual_seed(0)
    made = HalvesNetwork()
    with torch.no_grad():
        made(torch.rand(8, 3, SIZE, SIZE))  # norms that have seen something
        made.seen.bias.fill_(8.0)  # all regions are seen
        made.seen.weight.mul_(0.01)
    return made.eval()


def answers(network: HalvesNetwork, image: torch.Tensor) -> FaceOutputs:
    with torch.no_grad():
        out: FaceOutputs = network(image)
    return out


def test_its_outputs_are_a_face_s(network: HalvesNetwork) -> None:
    out = answers(network, torch.rand(3, 3, SIZE, SIZE))
    shapes = {name: tuple(getattr(out, name).shape) for name in FaceOutputs._fields[:6]}
    assert shapes == {
        "points": (3, 220, 2), "coefficients": (3, 57), "rotation": (3, 3, 3), "gaze": (3, 2, 3),
        "visibility": (3, 9), "presence": (3, 1),
    }  # fmt: skip
    assert torch.allclose(out.rotation @ out.rotation.mT, torch.eye(3), atol=1e-4)
    assert torch.allclose(out.gaze.norm(dim=-1), torch.ones(3, 2), atol=1e-4)


def test_a_mirrored_face_gets_the_mirrored_answer(network: HalvesNetwork) -> None:
    image = torch.rand(2, 3, SIZE, SIZE)
    straight, mirrored = answers(network, image), answers(network, image.flip(3))
    order = label_map()
    flip = torch.tensor([-1.0, 1, 1])
    points = mirrored.points[:, order.points] * flip[:2] + torch.tensor([SIZE - 1.0, 0])
    assert torch.allclose(points, straight.points, atol=1e-3)
    assert torch.allclose(mirrored.coefficients[:, order.coefficients], straight.coefficients, atol=1e-5)
    assert torch.allclose(mirrored.visibility[:, order.regions], straight.visibility, atol=1e-5)
    assert torch.allclose(torch.diag(flip) @ mirrored.rotation @ torch.diag(flip), straight.rotation, atol=1e-5)
    assert torch.allclose(mirrored.gaze.flip(1) * flip, straight.gaze, atol=1e-5)
    assert torch.allclose(mirrored.presence, straight.presence, atol=1e-5)


def moved_by(network: HalvesNetwork, columns: slice) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """How far each coefficient's gradient reaches into these columns of the crop, float32 (57,)."""
    image = torch.rand(1, 3, SIZE, SIZE, requires_grad=True)
    out = network(image).coefficients[0]
    reach = []
    for k in range(57):
        (grad,) = torch.autograd.grad(out[k], image, retain_graph=True)
        reach.append(float(grad[..., columns].abs().sum()))
    return np.array(reach, np.float32)


def test_a_side_hears_nothing_of_the_other_half_while_its_own_is_seen(network: HalvesNetwork) -> None:
    beyond = moved_by(network, slice(0, SIZE // 2 - BEYOND))  # of the subject's right side alone
    table = halves()
    heard = beyond[table.left] / beyond[table.right]
    assert heard.max() < 2e-3  # the eye's region is seen with a chance of .9997
    own_mouth = [list(table.left).index(INDEX[name]) for name in ("mouthSmileLeft", "noseSneerLeft")]
    assert (beyond[table.left][own_mouth] == 0).all()
    assert beyond[INDEX["jawOpen"]] > 0  # what has no side is read from both


def test_where_a_region_is_hidden_the_other_side_stands_in(network: HalvesNetwork) -> None:
    with torch.no_grad():
        before = network.seen.bias.clone()
        network.seen.bias[0] = -20.0  # the eyes
        try:
            out = answers(network, torch.rand(1, 3, SIZE, SIZE))
        finally:
            network.seen.bias.copy_(before)
    seen = answers(network, torch.rand(1, 3, SIZE, SIZE))
    assert out.visibility[0, 0] < 0 < seen.visibility[0, 0]
    hidden = moved_by_hidden(network)
    assert hidden > 0


def moved_by_hidden(network: HalvesNetwork) -> float:
    """How far the left blink's gradient reaches into the right half's columns while the eyes are hidden."""
    image = torch.rand(1, 3, SIZE, SIZE, requires_grad=True)
    before = network.seen.bias.detach().clone()
    with torch.no_grad():
        network.seen.bias[0] = -20.0
    try:
        network(image).coefficients[0, INDEX["eyeBlinkLeft"]].backward()
    finally:
        with torch.no_grad():
            network.seen.bias.copy_(before)
    assert image.grad is not None
    return float(image.grad[..., : SIZE // 2 - BEYOND].abs().sum())


def test_what_is_exported_gives_the_same_answers(network: HalvesNetwork) -> None:
    import copy

    image = torch.rand(2, 3, SIZE, SIZE)
    folded = fold(copy.deepcopy(network).eval())
    for name, there, here in zip(FaceOutputs._fields, answers(network, image), folded(image), strict=True):
        assert torch.allclose(there, here, atol=1e-3), name
