"""Hair, beards and brows: valid geometry, seeded, outside of the head, riding on the skin."""

from __future__ import annotations

import numpy as np
import pytest

from training.performer.anatomy import CENTRE, Head, Shell, anatomy, angles, ball
from training.performer.assets import facekit
from training.performer.beard import beard, brows
from training.performer.hair import STYLES, hair, hair_colour
from training.performer.mesh import F32, Mesh
from training.performer.wear import HAIR_UNDER_HAT

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def head() -> Head:
    kit = facekit()
    person = kit.neutral + np.tensordot(np.random.default_rng(2).normal(size=20).astype("f4"), kit.identities[:20], 1)
    return Head(person, kit.triangles, person[kit.landmarks])


def check(mesh: Mesh) -> None:
    assert mesh.vertices.dtype == np.float32
    assert mesh.triangles.dtype == np.int32
    assert mesh.colour.shape == (len(mesh.vertices), 4)
    assert mesh.colour.dtype == np.float32
    assert np.isfinite(mesh.vertices).all()
    assert mesh.triangles.min() >= 0
    assert mesh.triangles.max() < len(mesh.vertices)
    assert 0 <= mesh.colour.min() <= mesh.colour.max() <= 1


def height(head: Head, points: F32) -> F32:
    """Centimetres outside of the skull, along the rays from its inside."""
    surface = ball(head).at(*angles(points))
    return np.asarray(np.linalg.norm(points - CENTRE, axis=1) - np.linalg.norm(surface - CENTRE, axis=1), np.float32)


def bytes_of(things: list[Mesh] | list[Shell]) -> bytes:
    return b"".join((t.vertices if isinstance(t, Mesh) else t.base).tobytes() + t.colour.tobytes() for t in things)


@pytest.mark.parametrize("style", [s for s in STYLES if s != "none"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_style_is_valid_and_lies_outside_of_the_head(head: Head, style: str, seed: int) -> None:
    meshes = hair(head, np.random.default_rng(seed), style=style)
    assert meshes
    for mesh in meshes:
        check(mesh)
    for mesh in meshes[:2]:  # a knot may touch the head
        seen = mesh.vertices[(mesh.colour[:, 3] > 0.5) & (mesh.vertices[:, 1] > 0)]
        assert np.quantile(height(head, seen), 0.02) > -0.2


@pytest.mark.parametrize("style", ["buzz", "bob", "bun"])
def test_shell_and_ribbons_face_outwards(head: Head, style: str) -> None:
    for mesh in hair(head, np.random.default_rng(1), style=style)[:2]:
        a, b, c = (mesh.vertices[mesh.triangles[:, k]] for k in range(3))
        normal = np.cross(b - a, c - a)
        assert np.einsum("ij,ij->i", normal, (a + b + c) / 3 - CENTRE).sum() > 0


def test_bald_heads_have_no_hair(head: Head) -> None:
    assert hair(head, np.random.default_rng(0), style="none") == []


def test_hair_under_a_hat_leaves_room_for_it(head: Head) -> None:
    for seed in range(12):
        for mesh in hair(head, np.random.default_rng(seed), under_hat=True):
            crown = mesh.vertices[(mesh.vertices[:, 1] > 10.5) & (mesh.colour[:, 3] > 0.5)]
            assert (height(head, crown) < HAIR_UNDER_HAT + 0.15).mean() > 0.97


def test_the_same_seed_gives_the_same_bytes(head: Head) -> None:
    for make in (hair, beard, brows):
        first, second = (bytes_of(make(head, np.random.default_rng(5))) for _ in range(2))
        assert first == second
        assert first != bytes_of(make(head, np.random.default_rng(6)))


def test_a_given_colour_is_kept(head: Head) -> None:
    colour = np.array([0.3, 0.05, 0.01], np.float32)
    for thing in (
        *hair(head, np.random.default_rng(3), colour, "long"),
        *beard(head, np.random.default_rng(3), colour),
    ):
        mean = thing.colour[:, :3].mean(axis=0)
        assert mean[0] > 3 * mean[1] > 3 * mean[2]


def test_natural_colours_lie_between_black_and_white() -> None:
    rng = np.random.default_rng(0)
    colours = np.stack([hair_colour(rng) for _ in range(500)])
    assert colours.min() > 0
    assert colours.max() < 1
    light = colours.mean(axis=1)
    assert np.quantile(light, 0.1) < 0.02 < 0.2 < np.quantile(light, 0.95)


@pytest.mark.parametrize("style", ["stubble", "moustache", "goatee", "circle", "full"])
def test_beards_are_valid_and_leave_eyes_and_forehead_free(head: Head, style: str) -> None:
    for seed in range(4):
        (shell,) = beard(head, np.random.default_rng(seed), style=style)
        mesh = shell.mesh(head.vertices)
        check(mesh)
        assert not mesh.occluder
        assert mesh.vertices[mesh.colour[:, 3] > 0.1, 1].max() < head.landmarks[36:48, 1].min() + 1.0


def test_brows_lie_along_the_brows(head: Head) -> None:
    (shell,) = brows(head, np.random.default_rng(1))
    mesh = shell.mesh(head.vertices)
    check(mesh)
    solid = mesh.vertices[mesh.colour[:, 3] > 0.3]
    away = np.linalg.norm(solid[:, None] - head.landmarks[17:27], axis=2).min(axis=1)
    assert away.max() < 1.5
    assert (solid[:, 0] > 0.5).any()
    assert (solid[:, 0] < -0.5).any()


def test_shells_ride_on_the_skin(head: Head) -> None:
    (shell,) = beard(head, np.random.default_rng(0), style="full")
    moved = head.vertices + np.array([0.5, -1.0, 2.0], np.float32)
    np.testing.assert_allclose(
        shell.place(moved) - shell.place(head.vertices), [[0.5, -1.0, 2.0]] * len(shell.base), atol=1e-4
    )


def test_the_ball_of_the_neutral_reproduces_its_skin() -> None:
    kit = facekit()
    neutral = Head(kit.neutral, kit.triangles, kit.neutral[kit.landmarks])
    forehead = anatomy().neutral[(anatomy().neutral[:, 1] > 8) & (anatomy().neutral[:, 2] > 0)]
    surface = ball(neutral).at(*angles(forehead))
    assert np.linalg.norm(surface - forehead, axis=1).max() < 0.1
