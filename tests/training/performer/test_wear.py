"""What people wear: valid, seeded, in its place, moving with the jaw where it must."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from mien.layouts import ARKIT52

from training.performer import clothes, glasses, wear
from training.performer.anatomy import CENTRE, Head, Shell, angles, ball
from training.performer.assets import facekit
from training.performer.mesh import Mesh
from training.performer.solids import box, egg, ring, tube

pytestmark = pytest.mark.shared
MAKERS: list[Callable[..., list[Mesh] | list[Shell]]] = [
    glasses.glasses,
    wear.hat,
    wear.headphones,
    wear.mask,
    wear.earrings,
    clothes.clothes,
    clothes.scarf,
    clothes.hood,
]


@pytest.fixture(scope="module", params=[1, 7])
def head(request: pytest.FixtureRequest) -> Head:
    kit = facekit()
    draw = np.random.default_rng(request.param).normal(size=20).astype("f4")
    person = kit.neutral + np.tensordot(draw, kit.identities[:20], 1)
    return Head(person, kit.triangles, person[kit.landmarks])


def meshes(things: list[Mesh] | list[Shell], head: Head) -> list[Mesh]:
    return [t.mesh(head.vertices) if isinstance(t, Shell) else t for t in things]


@pytest.mark.parametrize("make", MAKERS)
def test_everything_is_valid_and_seeded(make: Callable[..., list[Mesh]], head: Head) -> None:
    for seed in range(10):
        things = meshes(make(head, np.random.default_rng(seed)), head)
        again = meshes(make(head, np.random.default_rng(seed)), head)
        for mesh, other in zip(things, again, strict=True):
            assert mesh.vertices.tobytes() == other.vertices.tobytes()
            assert mesh.colour.tobytes() == other.colour.tobytes()
            assert mesh.vertices.dtype == mesh.colour.dtype == np.float32
            assert mesh.triangles.dtype == np.int32
            assert np.isfinite(mesh.vertices).all()
            assert 0 <= mesh.triangles.min() <= mesh.triangles.max() < len(mesh.vertices)
            assert 0 <= mesh.colour.min() <= mesh.colour.max() <= 1


@pytest.mark.parametrize(
    "part",
    [
        box((2, 3, 4)),
        egg((0, 1, 2), (1, 2, 3)),
        tube([[0, 0, 0], [0, 0, 2], [0, 1, 4]], 0.5),
        ring(np.array([[np.cos(t), np.sin(t), 0] for t in np.linspace(0, 6, 12)]), 0.2),
    ],
)
def test_solids_are_wound_outwards(part: tuple[np.ndarray, np.ndarray]) -> None:
    a, b, c = (part[0][part[1][:, k]].astype(float) for k in range(3))
    assert np.einsum("ij,ij->i", a, np.cross(b, c)).sum() > 0


def test_lenses_sit_before_the_eyes_and_face_the_viewer(head: Head) -> None:
    for seed in range(12):
        frame, lens = glasses.glasses(head, np.random.default_rng(seed))
        a, b, c = (lens.vertices[lens.triangles[:, k]] for k in range(3))
        assert (np.cross(b - a, c - a)[:, 2] > -1e-6).mean() > 0.97
        for eye in (head.landmarks[36:42].mean(axis=0), head.landmarks[42:48].mean(axis=0)):
            near = lens.vertices[np.hypot(*(lens.vertices[:, :2] - eye[:2]).T) < 1.2]
            assert near.size
            assert near[:, 2].min() > eye[2] + 0.5
        assert frame.vertices[:, 2].min() < 2.5  # the arms reach the ears


def test_clear_lenses_hide_nothing_and_black_ones_the_eyes(head: Head) -> None:
    assert not any(glasses.glasses(head, np.random.default_rng(s), dark=False)[1].occluder for s in range(10))
    dark = [glasses.glasses(head, np.random.default_rng(s), dark=True)[1] for s in range(20)]
    assert any(lens.occluder for lens in dark)
    assert all(lens.colour[:, 3].min() > 0.6 for lens in dark if lens.occluder)


@pytest.mark.parametrize("kind", ["beanie", "cap", "backwards cap", "brimmed", "helmet", "band", "bandana"])
def test_hats_enclose_the_skull_and_leave_the_eyes_free(head: Head, kind: str) -> None:
    for seed in range(4):
        things = wear.hat(head, np.random.default_rng(seed), kind)
        a, b, c = (things[0].vertices[things[0].triangles[:, k]] for k in range(3))
        assert np.einsum("ij,ij->i", np.cross(b - a, c - a), (a + b + c) / 3 - CENTRE).sum() > 0
        for mesh in things:
            distance = np.linalg.norm(mesh.vertices - CENTRE, axis=1)
            skull = np.linalg.norm(ball(head).at(*angles(mesh.vertices)) - CENTRE, axis=1)
            assert (distance - skull).min() > 0.2
            before = mesh.vertices[(mesh.vertices[:, 2] > 8) & (mesh.vertices[:, 2] < 11)]
            assert before.size == 0 or before[:, 1].min() > head.landmarks[36:48, 1].max()


def test_a_mask_covers_nose_mouth_and_chin_and_moves_with_the_jaw(head: Head) -> None:
    drop = facekit().expressions[ARKIT52.names.index("jawOpen")]
    for seed in range(6):
        mask, _ = wear.mask(head, np.random.default_rng(seed))
        assert mask.occluder
        rest, moved = mask.place(head.vertices), mask.place(head.vertices + drop)
        for point in head.landmarks[[30, 51, 57, 8]]:
            near = rest[np.hypot(*(rest[:, :2] - point[:2]).T) < 1.0]
            assert near.size
            assert near[:, 2].max() > point[2]
        middle = np.abs(rest[:, 0]) < 1
        assert moved[middle, 1].min() < rest[middle, 1].min() - 1.5
        top = middle & (rest[:, 1] > head.landmarks[30, 1])
        assert np.abs(moved - rest)[top].max() < 0.1


def test_clothes_enclose_the_bust(head: Head) -> None:
    low = head.vertices[:11248]
    low = low[low[:, 1] < -15]
    for kind in ("crew", "turtle", "shirt", "hoodie"):
        torso = clothes.clothes(head, np.random.default_rng(0), kind)[0].vertices
        for level in (-16.0, -18.0):
            band = torso[np.abs(torso[:, 1] - level) < 1.5]
            skin = low[np.abs(low[:, 1] - level) < 0.5]
            assert np.abs(band[:, 0]).max() > np.abs(skin[:, 0]).max()
            assert band[:, 2].max() > skin[:, 2].max()
