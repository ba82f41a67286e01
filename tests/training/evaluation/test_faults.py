"""What the parts `regions`, `lids`, `mouth`, `framing` and `negatives` make of answers that are known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from training.evaluation import framing, lids, mouth, negatives, regions
from training.evaluation.framing import Outcome
from training.evaluation.studio import Stills
from training.negatives import KINDS
from training.performer.coefficients import COEFFICIENTS, vector

NAN = float("nan")


def test_every_coefficient_belongs_to_one_region():
    slots = [slot for region in regions.REGIONS.values() for slot in region]
    assert sorted(slots) == list(range(len(COEFFICIENTS)))


def test_regions_are_means_of_their_coefficients_alone():
    values = vector({"jawOpen": 1, "jawLeft": 1, "mouthSmile": 1})
    found = regions.by_region(values)
    assert found["jaw"] == 0.5
    assert found["mouth"] == pytest.approx(2 / 23)
    assert found["eyes"] == found["tongue"] == 0


def test_scores_by_region_of_answers_half_as_large():
    truth = np.random.default_rng(0).random((50, len(COEFFICIENTS)), np.float32)
    guess = truth.copy()
    guess[:, list(regions.REGIONS["brows"])] *= 0.5
    guess[:, list(regions.REGIONS["tongue"])] = 0.2
    found = regions.scores(guess, truth)
    assert found["r"]["brows"] == pytest.approx(1)
    assert found["r"]["tongue"] == 0
    assert found["mae"]["mouth"] == 0
    assert found["mae"]["brows"] == pytest.approx(0.25, abs=0.03)


def test_lids_count_false_blinks_and_missed_shut_eyes_by_eye_and_case():
    truth = np.array([[0, 0], [0.1, 0], [1, 0.97], [1, 0.5]])
    answers = np.array([[0.6, 0.4], [0.2, 0.51], [0.9, 0.69], [NAN, NAN]])
    found = lids.judged(answers, truth, ["open", "shut"])
    assert (found["open_eyes"], found["false_blink"]) == (4, 0.5)
    assert (found["shut_eyes"], found["missed_shut"]) == (2, 0.5)
    assert found["found"] == 0.75
    assert found["cases"]["open"]["mean_open"] == pytest.approx(0.4275)
    assert found["cases"]["open"]["shut_eyes"] == 0
    assert np.isnan(found["cases"]["open"]["missed_shut"])
    assert np.isnan(found["cases"]["shut"]["false_blink"])


def test_mouths_count_tongues_that_rest_and_tongues_that_are_out():
    truth = np.array([0, 0, 0, 0, 0.8, 0.9, 0.7, 1.0])
    answers = np.array([0.1, 0.2, 0.6, 0.3, 0.9, 0.3, 0.6, 0.8])
    found = mouth.judged(answers, truth, ["in", "out"])
    assert (found["in"], found["false_tongue"], found["out"], found["hit"]) == (4, 0.25, 4, 0.75)
    assert found["cases"]["in"]["mean_in"] == pytest.approx(0.3)
    assert np.isnan(found["cases"]["in"]["hit"])


def test_the_cases_of_eyes_and_mouths_are_what_their_names_say():
    for cases in (lids.NARROWED, mouth.RESTING):
        assert all(
            name.removesuffix("Left") not in ("eyeBlink", "tongueOut") for case in cases.values() for name in case
        )
    assert all("tongueOut" in case for case in mouth.OUT.values())
    assert all(any(name.startswith("eyeBlink") for name in case) for case in lids.SHUT.values())


def marked(side: int = 400) -> Stills:
    """A picture with three dots at three landmarks."""
    points = np.array([[[170, 150], [230, 160], [200, 270]]], np.float32)
    picture = np.zeros((side, side, 3), np.uint8)
    for channel, (x, y) in enumerate(points[0].astype(int).tolist()):
        cv2.circle(picture, (x, y), 4, tuple(255 * (k == channel) for k in range(3)), -1)
    return Stills(picture[None], points, np.zeros((1, 57), np.float32))


@pytest.mark.parametrize(
    ("share", "place", "angle"), [(0.6, (0, 0), 0), (0.6, (-0.25, 0), 0), (0.5, (0, 0), 75), (0.5, (0, 0.1), 180)]
)
def test_landmarks_follow_the_frame_that_is_cut(share, place, angle):
    frame, points = framing.frame(marked(), 0, share, place, angle)
    side = len(frame)
    for channel, point in enumerate(points):
        y, x = np.nonzero(frame[..., channel] > 128)
        assert (x.mean(), y.mean()) == pytest.approx(point, abs=0.5)
    if angle == 0:
        assert np.ptp(points, axis=0).max() == pytest.approx(share * side, abs=1e-3)
        middle = (points.min(0) + points.max(0)) / 2
        assert middle == pytest.approx((side - 1) / 2 + side * np.array(place), abs=1e-3)


def test_cut_faces_are_found_where_their_landmarks_are():
    cut = [(share, place) for share in framing.SHARES for place in framing.PLACES]
    good, lost, away = Outcome(1.0, 0.02), Outcome(0.0, NAN), Outcome(0.9, 0.5)
    framed = [[good if share < 1 else lost if place == "left" else away for share, place in cut]]
    found = framing.cuts(framed, cut)
    assert found["by_share"]["0.6"] == {"found": 1, "elsewhere": 0, "error_percent": 2}
    assert found["by_share"]["1.2"]["elsewhere"] == pytest.approx(0.8)
    assert np.isnan(found["by_share"]["1.2"]["error_percent"])
    assert found["found"] == 0.5
    assert found["by_place"]["left"]["elsewhere"] == 0
    assert found["each"]["1.3 top"]["elsewhere"] == 1


def test_rolled_faces_are_right_not_found_or_wrong():
    row = [Outcome(1.0, 0.02) if abs(angle) <= 45 else Outcome(0.99, 0.6) for angle in framing.ANGLES]
    other = [Outcome(1.0, 0.02) if abs(angle) <= 45 else Outcome(0.4, 0.6) for angle in framing.ANGLES]
    found = framing.rolls([row, other])
    assert (found["right"]["45"], found["wrong"]["45"]) == (1, 0)
    assert (found["right"]["180"], found["wrong"]["180"]) == (0, 0.5)
    assert found["right_all"] + found["wrong_all"] + found["not_found_all"] == pytest.approx(1)
    assert found["right_all"] == pytest.approx(7 / 24)


def test_false_faces_are_counted_by_finder_and_kind():
    kinds = ["animal", "ear", "animal", "ear"]
    found = negatives.judged({"pipeline": [True, False, False, False], "yunet": [True] * 4}, kinds)
    assert found["pictures"] == 4
    assert (found["pipeline"]["all"], found["pipeline"]["animal"], found["pipeline"]["ear"]) == (0.25, 0.5, 0)
    assert found["yunet"]["ear"] == 1
    assert all(np.isnan(found["yunet"][kind]) for kind in KINDS if kind not in kinds)
