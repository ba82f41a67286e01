"""What the part `sides` makes of answers that are known."""

from __future__ import annotations

import numpy as np
import pytest

from training.evaluation import sides
from training.performer.coefficients import COEFFICIENTS, INDEX, PAIRS
from training.performer.head import GAZE_PER_UNIT

PEOPLE, STEPS = 2, 5
VALUES = np.linspace(0, 1, STEPS)


def truths() -> dict[str, np.ndarray]:
    """What a perfect network would say of every motion, (people, steps, 57)."""
    return {
        name: np.tile(np.outer(VALUES, end).astype(np.float32), (PEOPLE, 1, 1)) for name, end in sides.moves().items()
    }


def test_a_one_sided_motion_moves_one_side_of_one_pair():
    made = sides.moves()
    assert len(made) == 3 * len(PAIRS) + 2 * len(sides.GESTURES) + len(sides.LOOKS)
    for pair, (left, right) in PAIRS.items():
        assert np.flatnonzero(made[f"{pair} Left"]).tolist() == [left]
        assert np.flatnonzero(made[f"{pair} Right"]).tolist() == [right]
        assert np.flatnonzero(made[f"{pair} both"]).tolist() == [left, right]
    for name in sides.GESTURES:
        moved = [COEFFICIENTS[slot] for slot in np.flatnonzero(made[f"{name} Left"])]
        assert moved
        assert all(coefficient.endswith("Left") for coefficient in moved)


def test_perfect_answers_tell_all_sides_apart():
    found = sides.judged(truths(), VALUES)
    assert [found[f"mean_{name}"] for name in ("own", "other", "told_apart", "slope")] == pytest.approx([1, 0, 1, 1])
    assert set(found["both"].values()) == {1.0}
    assert found["gestures"]["wink"]["told"] == 1
    assert found["gaze"]["mean_together"] == pytest.approx(1)
    assert found["gaze"]["mean_alone"] == pytest.approx(1)


def test_answers_half_on_each_side_have_range_and_tell_nothing():
    answers = truths()
    for left, right in PAIRS.values():
        for rows in answers.values():
            rows[..., [left, right]] = rows[..., [left, right]].mean(-1, keepdims=True)
    found = sides.judged(answers, VALUES)
    assert (found["mean_own"], found["mean_other"], found["mean_told_apart"]) == (0.5, 0.5, 0)
    assert found["slope"]["mouthSmile"] == 0
    assert found["gestures"]["wink"]["told"] == 0
    assert found["both"]["mouthSmile"] == 1
    # Eyes that look up together need no side; eyes that look left do, because one turns in and one out.
    assert found["gaze"]["ways"]["up"] == {"together": 1, "alone": 0.5, "dragged": 0.5}
    assert found["gaze"]["ways"]["left"] == {"together": 0.5, "alone": 0.5, "dragged": 0}


def test_an_eye_that_drags_the_other_one_is_told_though_its_pair_does_not_move():
    answers = truths()
    rows = answers["eyeLookOut Left"]
    rows[..., INDEX["eyeLookInRight"]] = rows[..., INDEX["eyeLookOutLeft"]] = VALUES / 2
    found = sides.judged(answers, VALUES)
    assert found["gaze"]["ways"]["left"] == pytest.approx({"together": 1, "alone": 0.75, "dragged": 0.25})
    assert found["told_apart"]["eyeLookOut"] == 0.75
    assert found["mean_told_apart"] < found["mean_told_apart_without_gaze"] == 1


def test_a_rest_that_is_not_zero_is_no_motion():
    answers = truths()
    for rows in answers.values():
        rows += 0.3
    assert sides.judged(answers, VALUES)["mean_told_apart"] == pytest.approx(1, abs=1e-6)


def test_a_person_who_was_not_found_is_left_out_and_nobody_is_not_a_number():
    answers = truths()
    answers["eyeBlink Left"][0, 2] = np.nan
    answers["eyeBlink Left"][0, 1:] *= 0
    for side in sides.SIDES:
        answers[f"mouthSmile {side}"][:] = np.nan
    found = sides.judged(answers, VALUES)
    assert found["told_apart"]["eyeBlink"] == 1
    assert np.isnan(found["told_apart"]["mouthSmile"])
    assert np.isnan(found["mean_told_apart"])


def test_answers_come_back_by_motion_each_from_the_one_rest():
    ends = {"a": np.zeros(2, np.float32), "b": np.zeros(2, np.float32)}
    rows = np.arange(10, dtype=np.float32).reshape(5, 2)
    made = sides.by_move(rows, ends, 3)
    assert made["a"].tolist() == [[0, 1], [2, 3], [4, 5]]
    assert made["b"].tolist() == [[0, 1], [6, 7], [8, 9]]


def test_gaze_that_turns_as_far_as_the_eyes_turned_all_the_way():
    ways = {"left": (1, 0), "right": (-1, 0), "up": (0, 1), "down": (0, -1)}
    gazes = {}
    for way, (x, y) in ways.items():
        angle = VALUES * GAZE_PER_UNIT * (0.5 if way == "down" else 1)
        ray = np.stack([np.sin(angle) * x, np.sin(angle) * y, np.cos(angle)], 1)
        gazes[f"look {way}"] = np.tile(np.c_[ray, ray], (PEOPLE, 1, 1)).astype(np.float32)
    turned = sides.turned(gazes)["turned"]
    assert turned == pytest.approx({"left": 1, "right": 1, "up": 1, "down": 0.5}, abs=1e-5)


def test_the_true_eyes_turn_the_way_that_the_looks_say():
    from training.performer.head import _eye_rotation

    for way, (axis, sign) in sides._AXIS.items():
        for eye in (0, 1):
            ray = _eye_rotation(sides.moves()[f"look {way}"], eye)[:, 2]
            assert sign * np.arcsin(ray[axis]) == pytest.approx(GAZE_PER_UNIT, abs=1e-5)
