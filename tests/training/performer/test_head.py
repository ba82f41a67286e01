"""People's geometry: lids and lips that meet and never cross, eyes that look where the label says."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest

from training.performer.assets import facekit
from training.performer.coefficients import INDEX
from training.performer.head import GAZE_PER_UNIT, Head, Posed, random_identity, rig

pytestmark = pytest.mark.shared

F32 = npt.NDArray[np.float32]
LIDS = (((43, 47), (44, 46)), ((37, 41), (38, 40)))  # upper and lower, left eye, right eye
LIPS = ((61, 67), (62, 66), (63, 65))


@pytest.fixture(scope="module")
def people() -> list[Head]:
    rng = np.random.default_rng(4)
    return [Head(random_identity(rng)) for _ in range(8)]


@pytest.fixture(scope="module")
def average() -> Head:
    return Head(np.zeros(1, np.float32))


def face(**values: float) -> F32:
    out = np.zeros(57, np.float32)
    for name, value in values.items():
        out[INDEX[name]] = value
    return out


def heights(posed: Posed, pairs: tuple[tuple[int, int], ...]) -> list[float]:
    """Centimetres from each lower landmark to its upper one."""
    points = posed.vertices[facekit().landmarks]
    return [float(points[upper, 1] - points[lower, 1]) for upper, lower in pairs]


def test_a_blink_of_one_closes_the_eyes_of_everybody(people: list[Head]) -> None:
    for head in people:
        posed = head.pose(face(eyeBlinkLeft=1, eyeBlinkRight=1))
        for pairs in LIDS:
            assert max(heights(posed, pairs)) < 0.2
    left_only = people[0].pose(face(eyeBlinkLeft=1))
    assert max(heights(left_only, LIDS[0])) < 0.2 < 0.5 < min(heights(left_only, LIDS[1]))


def test_lids_never_cross(people: list[Head]) -> None:
    rng = np.random.default_rng(0)
    names = [f"{n}{s}" for n in ("eyeBlink", "eyeSquint", "cheekSquint", "eyeLookDown") for s in ("Left", "Right")]
    for head in people:
        for strength in (1.0, rng.random()):
            posed = head.pose(face(**{name: float(strength * (rng.random() > 0.3)) for name in names}))
            for pairs in LIDS:
                assert np.mean(heights(posed, pairs)) > 0


def test_mouth_close_shuts_an_open_jaw_and_never_passes_the_lips(people: list[Head]) -> None:
    for head in people:
        for jaw in (0.0, 0.15, 0.6):
            open_, shut = (head.pose(face(jawOpen=jaw, mouthClose=close)) for close in (0, 1))
            assert heights(shut, LIPS[1:2])[0] > -0.01
            assert heights(shut, LIPS[1:2])[0] <= heights(open_, LIPS[1:2])[0] + 1e-4
    assert max(heights(people[0].pose(face(jawOpen=0.15, mouthClose=1)), LIPS)) < 0.15


@pytest.mark.parametrize(
    ("name", "eye", "axis", "sign"),
    [
        ("eyeLookOutLeft", 0, 0, 1),
        ("eyeLookInLeft", 0, 0, -1),
        ("eyeLookInRight", 1, 0, 1),
        ("eyeLookOutRight", 1, 0, -1),
        ("eyeLookUpLeft", 0, 1, 1),
        ("eyeLookDownRight", 1, 1, -1),
    ],
)
def test_a_look_of_one_turns_one_eye_by_35_degrees(average: Head, name: str, eye: int, axis: int, sign: int) -> None:
    posed = average.pose(face(**{name: 1}))
    assert posed.gaze[eye, axis] == pytest.approx(sign * math.sin(GAZE_PER_UNIT), abs=1e-5)
    assert math.degrees(GAZE_PER_UNIT) == pytest.approx(35, abs=0.1)
    assert posed.gaze[1 - eye].tolist() == pytest.approx([0, 0, 1], abs=1e-6)


def test_the_gaze_label_is_where_the_eyeball_points(people: list[Head]) -> None:
    rng = np.random.default_rng(1)
    looks = [name for name in INDEX if name.startswith("eyeLook")]
    for head in people:
        posed = head.pose(face(**{name: float(rng.random()) for name in looks}))
        for k in range(2):
            before = rig().eye_local[k]
            after = posed.vertices[rig().eyes[k]] - posed.eye_centres[k]
            u, _, vt = np.linalg.svd(before.T @ after)  # the rotation that explains the vertices (Kabsch 1976)
            turned = vt.T @ np.diag([1, 1, np.linalg.det(vt.T @ u.T)]) @ u.T
            assert float(turned[:, 2] @ posed.gaze[k]) > math.cos(math.radians(0.1))
            np.testing.assert_allclose(posed.eye_rotation[k], turned, atol=1e-3)


def test_the_label_is_what_the_face_shows(people: list[Head]) -> None:
    """Eyes squeezed shut keep their squint; lips that touch already are less than asked; all else is as asked."""
    rng = np.random.default_rng(2)
    held = {INDEX[f"{name}{side}"] for name in ("eyeBlink", "eyeSquint", "cheekSquint") for side in ("Left", "Right")}
    held.add(INDEX["mouthClose"])
    for head in people:
        asked = face(eyeBlinkLeft=1, eyeSquintLeft=1, cheekSquintLeft=0.5, mouthClose=1, jawOpen=0.2, tongueOut=0.3)
        shown = head.shown(asked)
        assert shown[INDEX["eyeSquintLeft"]] == shown[INDEX["eyeBlinkLeft"]] == 1
        lids = head.pose(asked).vertices[rig().kit.landmarks][[43, 47], 1]
        assert abs(float(lids[0] - lids[1])) < 0.2  # cm: shut
        assert shown[INDEX["mouthClose"]] < 0.5
        assert 0 <= shown.min() <= shown.max() <= 1
        np.testing.assert_allclose(head.pose(shown).vertices, head.pose(asked).vertices, atol=2e-3)
        free = rng.random(57).astype(np.float32)
        changed = np.flatnonzero(np.abs(head.shown(free) - free) > 1e-6)
        assert set(changed.tolist()) <= held
        alone = face(eyeBlinkLeft=0.6, mouthSmileRight=0.8)
        np.testing.assert_allclose(head.shown(alone), alone, atol=1e-6)


def test_expressions_add_where_nothing_is_limited(average: Head) -> None:
    first, second = {"jawOpen": 0.4, "browInnerUp": 0.7}, {"mouthSmileLeft": 0.5, "noseSneerRight": 0.3}
    one, two, both = (average.pose(face(**names)).vertices for names in (first, second, first | second))
    np.testing.assert_allclose(both - average.neutral, one + two - 2 * average.neutral, atol=1e-4)


def test_a_face_at_rest_is_the_neutral_one_with_unit_normals(people: list[Head]) -> None:
    posed = people[0].pose(face())
    skin = np.setdiff1d(np.arange(len(posed.vertices)), np.concatenate(rig().eyes))
    assert np.array_equal(posed.vertices[skin], people[0].neutral[skin])
    np.testing.assert_allclose(np.linalg.norm(posed.normals, axis=1), 1, atol=1e-3)
    forehead = facekit().landmarks[27]  # between the eyes
    assert posed.normals[forehead, 2] > 0.5


def test_labels_are_left_as_they_were(average: Head) -> None:
    asked = face(eyeBlinkLeft=1, eyeSquintLeft=1, cheekSquintLeft=1, mouthClose=1)
    kept = asked.copy()
    average.limited(asked)
    assert np.array_equal(asked, kept)


def test_identities_are_seeded_and_held() -> None:
    first, again, other = (random_identity(np.random.default_rng(seed), 2000) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.abs(first).max() <= 2.5
    assert first.std() == pytest.approx(1, abs=0.1)
