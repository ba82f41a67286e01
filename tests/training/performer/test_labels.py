"""The rules that make labels say what a person would see."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from training.errors import TrainingError
from training.performer.coefficients import COEFFICIENTS, mirror_order, vector
from training.performer.labels import (
    ACTION_UNITS,
    COMPOUNDS,
    EMOTIONS,
    KINDS,
    action_units,
    displacement,
    expression_distance,
    known,
    prototypes,
    resemblance,
    triplets,
    valence_arousal,
)

F32 = npt.NDArray[np.float32]


def units(**recipe: float) -> dict[str, float]:
    """The action units above 0 of one recipe."""
    values = action_units(vector(recipe)[None])[0]
    return {name: round(float(value), 3) for name, value in zip(ACTION_UNITS, values, strict=True) if value > 0}


def prototype(name: str) -> F32:
    variants: F32 = prototypes().coefficients[prototypes().emotion == EMOTIONS.index(name)]
    return variants


def random_faces(seed: int, count: int) -> F32:
    return np.random.default_rng(seed).random((count, len(COEFFICIENTS)), dtype=np.float32)


def test_seventeen_units_unite_disfa_and_bp4d() -> None:
    disfa, bp4d = {1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26}, {1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24}
    assert tuple(f"AU{number:02d}" for number in sorted(disfa | bp4d)) == ACTION_UNITS


def test_units_stay_within_their_range() -> None:
    values = action_units(random_faces(0, 500))
    assert values.shape == (500, 17)
    assert values.dtype == np.float32
    assert values.min() >= 0
    assert values.max() <= 1


def test_the_stronger_side_counts() -> None:
    assert units(mouthSmileLeft=0.2, mouthSmileRight=0.7) == {"AU12": 0.7}


def test_closed_lips_over_an_open_jaw_are_no_parted_lips() -> None:
    assert units(jawOpen=0.4) == {"AU25": 0.8, "AU26": 0.4}
    assert units(jawOpen=0.4, mouthClose=0.4) == {"AU26": 0.4}
    assert "AU25" in units(mouthLowerDown=0.5)
    assert "AU25" in units(mouthUpperUp=0.5)


def test_rolled_lips_tell_tight_from_pressed() -> None:
    assert units(mouthPress=0.6) == {"AU24": 0.6}
    assert units(mouthPress=0.6, mouthRollLower=0.4, mouthRollUpper=0.4) == {"AU23": 0.6}
    assert units(mouthRollLower=0.4) == {}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("happiness", {6, 12}),
        ("sadness", {1, 4, 15}),
        ("surprise", {1, 2, 5, 26}),
        ("fear", {1, 2, 4, 5, 7, 20, 26}),
        ("anger", {4, 5, 7, 23}),
        ("disgust", {9, 15}),
        ("contempt", {12, 14}),
    ],
)
def test_the_first_variant_shows_its_emfacs_units(name: str, expected: set[int]) -> None:
    shown = action_units(prototype(name)[:1])[0]
    assert all(shown[ACTION_UNITS.index(f"AU{number:02d}")] >= 0.25 for number in expected)


@pytest.mark.parametrize(
    ("name", "valence", "arousal"),
    [
        ("neutral", (-0.01, 0.01), (-0.01, 0.01)),
        ("happiness", (0.5, 1.0), (0.1, 0.7)),
        ("sadness", (-1.0, -0.4), (-0.9, -0.1)),
        ("surprise", (-0.3, 0.4), (0.5, 1.0)),
        ("fear", (-1.0, -0.3), (0.5, 1.0)),
        ("disgust", (-1.0, -0.4), (0.1, 0.7)),
        ("anger", (-1.0, -0.4), (0.4, 1.0)),
        ("contempt", (-0.8, -0.2), (-0.1, 0.4)),
    ],
)
def test_prototypes_lie_in_their_place_of_the_circumplex(
    name: str, valence: tuple[float, float], arousal: tuple[float, float]
) -> None:
    affect = valence_arousal(prototype(name))
    assert ((affect[:, 0] >= valence[0]) & (affect[:, 0] <= valence[1])).all()
    assert ((affect[:, 1] >= arousal[0]) & (affect[:, 1] <= arousal[1])).all()


def test_affect_is_bounded_and_the_same_in_a_mirror() -> None:
    faces = random_faces(1, 500)
    affect = valence_arousal(faces)
    assert np.abs(affect).max() <= 1
    np.testing.assert_allclose(affect, valence_arousal(faces[:, mirror_order()]), atol=1e-6)


def test_what_moves_the_face_more_counts_more() -> None:
    rest = vector({})
    assert displacement().shape == (57,)
    assert expression_distance(rest, vector({"jawOpen": 1})) > expression_distance(rest, vector({"mouthFrown": 1}))
    assert expression_distance(rest, vector({"mouthFrown": 1})) > expression_distance(rest, vector({"eyeWide": 1}))


def test_distance_takes_other_weights() -> None:
    weights = vector({"eyeWideLeft": 4})
    assert expression_distance(vector({}), vector({"eyeWide": 0.5, "jawOpen": 1}), weights) == pytest.approx(1)


def test_triplets_are_three_faces_in_order_of_likeness() -> None:
    faces = random_faces(2, 40)
    chosen = triplets(faces, np.random.default_rng(3), 500, margin=0.15)
    anchor, positive, negative = (faces[chosen[:, column]] for column in range(3))
    gain = expression_distance(anchor, negative) - expression_distance(anchor, positive)
    assert (gain >= 0).all()
    assert np.mean(gain >= 0.15) > 0.9
    assert (np.diff(np.sort(chosen, axis=1), axis=1) > 0).all()


def test_triplets_repeat_with_their_seed_and_need_three_faces() -> None:
    faces = random_faces(4, 3)
    one, two = (triplets(faces, np.random.default_rng(5), 20) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    with pytest.raises(TrainingError, match="2 expressions"):
        triplets(faces[:2], np.random.default_rng(5), 1)


def test_a_prototype_resembles_itself_at_any_strength_and_in_a_mirror() -> None:
    faces = prototypes().coefficients[prototypes().emotion > 0]
    for likeness in (resemblance(faces), resemblance(0.5 * faces), resemblance(faces[:, mirror_order()])):
        np.testing.assert_allclose(likeness, 1, atol=1e-5)
    assert resemblance(vector({})[None])[0] == 1
    assert resemblance(vector({"cheekPuff": 1})[None])[0] < 0.3


def test_the_unknown_are_what_resembles_no_prototype() -> None:
    odd, smile = vector({"cheekPuff": 1, "mouthLeft": 0.7}), prototype("happiness")[0]
    cases = [("emotion", smile, 1), ("compound", odd, 1), ("neutral", vector({}), 1)]
    cases += [("random", odd, 0), ("single", odd, 0), ("viseme", odd, 0)]
    cases += [("random", smile, -1), ("viseme", vector({}), -1), ("take", odd, -1)]
    kinds = np.array([KINDS.index(kind) for kind, _, _ in cases])
    assert known(np.stack([face for _, face, _ in cases]), kinds).tolist() == [label for _, _, label in cases]


def test_the_compounds_are_the_seven_of_cexpr() -> None:
    assert len(set(COMPOUNDS)) == 7
    assert (EMOTIONS.index("happiness"), EMOTIONS.index("surprise")) in COMPOUNDS
