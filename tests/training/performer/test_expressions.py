"""Expressions: anatomy holds, everything is seen, recordings stay in their split, seeds repeat."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from training.errors import TrainingError
from training.performer import expressions, overlays
from training.performer.coefficients import (
    COEFFICIENTS,
    GAZE,
    INDEX,
    MUSCLE,
    PAIRS,
    TONGUE,
    constrain,
    mirror_order,
    parting,
    vector,
)
from training.performer.expressions import Expressions, ExpressionSampler, coverage, sweep
from training.performer.labels import COMPOUNDS, EMOTIONS, KINDS, action_units, resemblance
from training.performer.performance import performance
from training.performer.takes import TRAIN_TAKES, VALIDATION_TAKES, Take, takes

F32 = npt.NDArray[np.float32]
SYNTHETIC = {name: 1.0 for name in KINDS if name != "take"}


def draw(count: int = 4000, seed: int = 0, **kinds: float) -> Expressions:
    return ExpressionSampler("train", kinds or SYNTHETIC).sample(np.random.default_rng(seed), count)


def anything(seed: int = 0, count: int = 5000) -> F32:
    """Coefficients that no face makes."""
    return np.random.default_rng(seed).uniform(-0.5, 1.5, (count, len(COEFFICIENTS))).astype(np.float32)


def column(c: F32, name: str) -> F32:
    return c[:, INDEX[name]]


def test_the_vector_is_arkit_and_the_tongue() -> None:
    assert len(COEFFICIENTS) == 57
    assert COEFFICIENTS[51:] == ("tongueOut", *TONGUE)


def test_a_mirror_twice_is_no_mirror() -> None:
    order = mirror_order()
    np.testing.assert_array_equal(order[order], np.arange(57))
    assert COEFFICIENTS[order[INDEX["jawLeft"]]] == "jawRight"
    assert COEFFICIENTS[order[INDEX["eyeLookInLeft"]]] == "eyeLookInRight"


def test_an_unknown_coefficient_is_refused() -> None:
    with pytest.raises(TrainingError, match="mouthSmirk"):
        vector({"mouthSmirk": 1})
    with pytest.raises(TrainingError, match="mouthSmile"):
        sweep("mouthSmile", [0.5])


def test_constraining_twice_changes_nothing() -> None:
    once = constrain(anything())
    np.testing.assert_array_equal(constrain(once), once)
    assert once.min() >= 0
    assert once.max() <= 1


def test_constraining_treats_both_sides_alike() -> None:
    c = anything(1)
    np.testing.assert_allclose(constrain(c[:, mirror_order()]), constrain(c)[:, mirror_order()], atol=1e-6)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("jawLeft", "jawRight"),
        ("mouthLeft", "mouthRight"),
        ("tongueUp", "tongueDown"),
        ("tongueLeft", "tongueRight"),
        ("eyeLookUpLeft", "eyeLookDownLeft"),
        ("eyeLookInRight", "eyeLookOutRight"),
    ],
)
def test_opposite_directions_exclude_each_other(one: str, other: str) -> None:
    c = constrain(anything(2))
    assert (np.minimum(column(c, one), column(c, other)) == 0).all()


def test_lips_jaw_and_tongue_agree() -> None:
    c = constrain(anything(3))
    apart = parting(c)[:, 0]
    assert (column(c, "mouthClose") <= column(c, "jawOpen")).all()
    assert column(c, "cheekPuff")[apart > 0.35].max() == 0
    assert column(c, "mouthPressLeft")[apart > 0.35].max() == 0
    assert column(c, "tongueOut")[apart < 0.05].max(initial=0) == 0
    assert (
        column(c, "mouthRollLower")[column(c, "mouthLowerDownLeft") + column(c, "mouthLowerDownRight") > 1.9].max()
        < 0.3
    )
    rounded = np.maximum(column(c, "mouthPucker"), column(c, "mouthFunnel"))
    assert column(c, "mouthSmileLeft")[rounded > 0.9].max() < 0.4


def test_directions_need_a_tongue() -> None:
    c = constrain(vector({"jawOpen": 0.5, "tongueUp": 1, "tongueRoll": 1})[None])
    assert c[0, [INDEX[name] for name in TONGUE]].max() == 0


def test_closing_lids_are_not_wide_and_lowered_brows_not_high() -> None:
    c = constrain(vector({"eyeBlinkLeft": 0.8, "eyeWide": 0.9, "browDown": 1, "browOuterUp": 1}))
    assert c[INDEX["eyeWideLeft"]] == 0
    assert c[INDEX["eyeWideRight"]] == pytest.approx(0.9)
    assert c[INDEX["browOuterUpLeft"]] == pytest.approx(0.5)


def test_prototypes_and_sweeps_are_possible_faces() -> None:
    for name in COEFFICIENTS:
        values = np.linspace(0, 1, 11, dtype=np.float32)
        moved = sweep(name, values)
        np.testing.assert_allclose(column(moved, name), values)
        np.testing.assert_allclose(constrain(moved), moved, atol=1e-6)


def test_a_sweep_brings_only_what_its_coefficient_needs() -> None:
    assert sweep("browInnerUp", [0.7]).sum() == pytest.approx(0.7)
    assert column(sweep("mouthClose", [0.3]), "jawOpen") == 1
    assert column(sweep("tongueOut", [0.3]), "jawOpen") == pytest.approx(0.35)
    assert column(sweep("tongueRoll", [0.3]), "tongueOut") == 1


def test_the_same_seed_gives_the_same_bytes() -> None:
    one, two, other = draw(seed=1), draw(seed=1), draw(seed=2)
    assert one.coefficients.tobytes() == two.coefficients.tobytes()
    assert one.coefficients.tobytes() != other.coefficients.tobytes()


def test_samples_are_constrained_and_finite() -> None:
    c = draw().coefficients
    assert c.dtype == np.float32
    assert np.isfinite(c).all()
    np.testing.assert_array_equal(constrain(c), c)


def test_kinds_come_in_their_proportions() -> None:
    kind = draw(8000, random=3, neutral=1).kind
    assert np.mean(kind == KINDS.index("random")) == pytest.approx(0.75, abs=0.03)
    assert set(kind) == {KINDS.index("random"), KINDS.index("neutral")}


def test_each_kind_says_what_is_known_of_it() -> None:
    drawn = draw()
    kind = np.array(KINDS)[drawn.kind]
    unlabelled = np.isin(kind, ["random", "single", "viseme"])
    assert (drawn.emotion[unlabelled] == -1).all()
    assert (drawn.emotion[kind == "neutral"] == 0).all()
    assert set(drawn.emotion[kind == "emotion"]) == set(range(1, len(EMOTIONS)))
    compound = kind == "compound"
    assert ((drawn.compound >= 0) == compound).all()
    assert ((drawn.second >= 0) == compound).all()
    pairs = np.array(COMPOUNDS)[drawn.compound[compound]]
    np.testing.assert_array_equal(pairs, np.stack([drawn.emotion, drawn.second], axis=1)[compound])
    graded = compound | (kind == "emotion")
    assert drawn.intensity[graded].min() >= 0.3
    assert drawn.intensity[~graded].max() == 0


def test_emotions_look_like_their_prototypes() -> None:
    assert np.median(resemblance(draw(emotion=1).coefficients)) > 0.9


def test_happiness_smiles_the_more_the_more_intense() -> None:
    drawn = draw(emotion=1)
    happy = drawn.emotion == EMOTIONS.index("happiness")
    smile = action_units(drawn.coefficients[happy])[:, 8]
    assert np.corrcoef(smile, drawn.intensity[happy])[0, 1] > 0.7


def test_near_neutral_faces_hardly_move() -> None:
    c = np.delete(draw(neutral=1).coefficients, [*GAZE, *range(14), 47, 48], axis=1)  # gaze, lids and winks aside
    assert np.median(c) < 0.05
    assert c.max() < 0.7


def test_both_eyes_look_at_one_point() -> None:
    c = draw(random=1).coefficients
    left = column(c, "eyeLookOutLeft") - column(c, "eyeLookInLeft")
    right = column(c, "eyeLookInRight") - column(c, "eyeLookOutRight")
    inside = (np.abs(left) < 1) & (np.abs(right) < 1)
    assert (right - left)[inside].min() > -1e-6  # never further apart than parallel
    assert np.median((right - left)[inside]) < 0.1
    np.testing.assert_allclose(column(c, "eyeLookUpLeft"), column(c, "eyeLookUpRight"))


def test_gaze_to_the_subjects_left_turns_the_left_eye_out() -> None:
    yaw, pitch, vergence = (np.array([value]) for value in (0.5, -0.2, 0.1))
    looks = dict(zip((COEFFICIENTS[slot] for slot in GAZE), overlays.gaze(yaw, pitch, vergence)[0], strict=True))
    assert {name: round(float(value), 6) for name, value in looks.items() if value > 0} == {
        "eyeLookOutLeft": 0.4,
        "eyeLookInRight": 0.6,
        "eyeLookDownLeft": 0.2,
        "eyeLookDownRight": 0.2,
    }


def test_sides_are_mostly_alike_and_sometimes_apart() -> None:
    c = draw(random=1).coefficients
    left, right = (column(c, f"mouthFrown{side}") for side in ("Left", "Right"))
    strong = np.maximum(left, right) > 0.5
    ratio = np.minimum(left, right)[strong] / np.maximum(left, right)[strong]
    assert np.mean(ratio > 0.85) > 0.6
    assert np.mean(ratio < 0.3) > 0.03
    assert left.mean() == pytest.approx(right.mean(), rel=0.1)


def test_a_muscle_stands_for_both_sides() -> None:
    assert all(MUSCLE[left] == MUSCLE[right] for left, right in PAIRS.values())


@pytest.mark.parametrize("kinds", [{}, {"take": -1.0}, {"yawn": 1.0}, {"random": float("nan")}, {"random": 0.0}])
def test_weights_that_are_none_are_refused(kinds: dict[str, float]) -> None:
    with pytest.raises(TrainingError) as caught:
        ExpressionSampler("train", kinds)
    assert caught.value.code == "training.config"


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(TrainingError, match="test"):
        ExpressionSampler("test")  # type: ignore[arg-type]


def test_missing_recordings_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIEN_SHARED", str(tmp_path))
    with pytest.raises(TrainingError, match="facial") as caught:
        ExpressionSampler("validation").sample(np.random.default_rng(0), 100)
    assert caught.value.code == "asset.missing"


@pytest.mark.parametrize(("split", "own"), [("train", TRAIN_TAKES), ("validation", VALIDATION_TAKES)])
def test_a_split_reads_its_own_recordings_only(
    split: expressions.Split, own: tuple[str, ...], shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, ...]] = []

    def listened(names: tuple[str, ...]) -> tuple[Take, ...]:
        asked.append(names)
        return takes(names)

    monkeypatch.setattr(expressions, "takes", listened)
    ExpressionSampler(split).sample(np.random.default_rng(0), 100)
    assert asked == [own]


@pytest.mark.parametrize("split", ["train", "validation"])
def test_every_coefficient_is_seen_over_its_whole_range(split: expressions.Split, shared: Path) -> None:
    counted = coverage(ExpressionSampler(split).sample(np.random.default_rng(0), 30000).coefficients)
    weak = {name: float(part) for name, part in zip(COEFFICIENTS, counted.strong, strict=True) if part < 0.03}
    assert weak == {}
    assert counted.bins.min() >= 0.004
    np.testing.assert_allclose(counted.bins.sum(axis=1), 1, atol=1e-5)
    assert counted.spread.min() > 0.1


def test_a_performance_moves_as_smoothly_as_a_face(shared: Path) -> None:
    c = performance(np.random.default_rng(0), 30)
    assert c.shape == (1800, 57)
    np.testing.assert_array_equal(constrain(c), c)
    still = np.delete(np.abs(np.diff(c, axis=0)), [*GAZE, *range(14)], axis=1)  # saccades and blinks jump by nature
    assert still.max() < 0.35
    assert c[0].max() < 0.05
    assert column(c, "eyeBlinkLeft").max() > 0.9
    assert c.max(axis=0).mean() > 0.3


def test_a_performance_takes_as_long_at_any_rate(shared: Path) -> None:
    assert [len(performance(np.random.default_rng(1), 5, rate)) for rate in (24, 60, 120)] == [120, 300, 600]
    one, two = (performance(np.random.default_rng(2), 3, split="validation") for _ in range(2))
    assert one.tobytes() == two.tobytes()


@pytest.mark.parametrize(("seconds", "rate"), [(0, 60), (1, 5), (float("nan"), 60), (1, float("inf"))])
def test_a_performance_without_frames_is_refused(seconds: float, rate: float) -> None:
    with pytest.raises(TrainingError, match="performance"):
        performance(np.random.default_rng(0), seconds, rate)
