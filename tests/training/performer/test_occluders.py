"""Occluders: valid, seeded, before the face, hiding what is asked for."""

from __future__ import annotations

import numpy as np
import pytest

from training.performer.anatomy import Head
from training.performer.assets import facekit
from training.performer.hand import POSES, hand
from training.performer.occluders import KINDS, coverage, occluder

pytestmark = pytest.mark.shared
TONE = np.array([0.45, 0.25, 0.17], np.float32)


@pytest.fixture(scope="module")
def head() -> Head:
    kit = facekit()
    return Head(kit.neutral, kit.triangles, kit.neutral[kit.landmarks])


@pytest.mark.parametrize("kind", KINDS)
def test_everything_is_valid_and_seeded(head: Head, kind: str) -> None:
    for seed in range(5):
        things = occluder(head, np.random.default_rng(seed), TONE, 0.2, kind)
        again = occluder(head, np.random.default_rng(seed), TONE, 0.2, kind)
        for mesh, other in zip(things, again, strict=True):
            assert mesh.vertices.tobytes() == other.vertices.tobytes()
            assert mesh.colour.tobytes() == other.colour.tobytes()
            assert mesh.vertices.dtype == mesh.colour.dtype == np.float32
            assert mesh.triangles.dtype == np.int32
            assert np.isfinite(mesh.vertices).all()
            assert 0 <= mesh.triangles.min() <= mesh.triangles.max() < len(mesh.vertices)
            assert 0 <= mesh.colour.min() <= mesh.colour.max() <= 1
            assert mesh.occluder


def test_the_wanted_share_of_the_face_is_hidden(head: Head) -> None:
    rng = np.random.default_rng(0)
    wanted = rng.uniform(0.05, 0.4, 60)
    found = np.array([coverage(head, occluder(head, rng, TONE, share)) for share in wanted])
    assert np.abs(found - wanted).mean() < 0.02
    assert np.quantile(np.abs(found - wanted), 0.9) < 0.05


@pytest.mark.parametrize("kind", KINDS)
def test_more_is_hidden_when_more_is_asked_for(head: Head, kind: str) -> None:
    for seed in range(4):
        found = [
            coverage(head, occluder(head, np.random.default_rng(seed), TONE, share, kind))
            for share in (0.05, 0.12, 0.2, 0.3, 0.4)
        ]
        assert (np.diff(found) > -0.025).all()
        assert found[-1] > found[0]


def test_things_lie_before_the_face_and_keep_the_wanted_distance(head: Head) -> None:
    nose = head.landmarks[27:36]
    for seed in range(20):
        near, far = (occluder(head, np.random.default_rng(seed), TONE, 0.25, clearance=c) for c in (0.0, 2.0))
        for a, b in zip(near, far, strict=True):
            np.testing.assert_allclose(b.vertices - a.vertices, [[0, 0, 2.0]] * len(a.vertices), atol=1e-4)
            for point in nose:
                over = a.vertices[np.hypot(*(a.vertices[:, :2] - point[:2]).T) < 0.3]
                assert over.size == 0 or over[:, 2].min() > point[2] - 0.3


@pytest.mark.parametrize("pose", POSES)
def test_every_pose_of_the_hand_is_as_large_as_a_hand(pose: str) -> None:
    skin = hand(np.random.default_rng(0), TONE, np.zeros(3, np.float32), pose)[0].vertices
    assert 6 < np.ptp(skin[:, 0]) < 16
    assert 8 < np.ptp(skin[:, 1]) < 22
