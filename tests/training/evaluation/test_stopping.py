"""When a run is to stop, and when a change was worth it."""

from __future__ import annotations

import numpy as np
import pytest

from training.errors import TrainingError
from training.evaluation.stopping import gained, verdict

SAMPLES = np.arange(1, 31) * 100_000


def test_a_run_that_rises_goes_on():
    assert verdict(SAMPLES, 0.5 + SAMPLES * 4e-9) == "go on"


def test_a_run_shorter_than_the_span_goes_on_whatever_it_scores():
    assert verdict(SAMPLES[:9], np.linspace(0.6, 0.5, 9)) == "go on"


def test_a_run_that_gained_less_than_asked_in_the_last_million_samples_stops():
    flat = 0.6 - 0.1 * np.exp(-SAMPLES / 3e5)
    assert verdict(SAMPLES, flat) == "stop"
    assert verdict(SAMPLES, flat, gain=1e-6) == "go on"
    assert verdict(SAMPLES[:15], flat[:15]) == "go on"


def test_a_run_that_fell_is_worse_and_so_is_one_that_lost_its_numbers():
    falling = np.where(SAMPLES < 1_500_000, 0.6, 0.59)
    assert verdict(SAMPLES, falling) == "worse"
    assert verdict(SAMPLES, np.where(SAMPLES < 3_000_000, 0.6, np.nan)) == "worse"


def test_one_bad_score_in_a_rising_run_does_not_stop_it():
    scores = 0.5 + SAMPLES * 4e-9
    scores[-1] = 0.4
    assert verdict(SAMPLES, scores) == "go on"


@pytest.mark.parametrize(("samples", "scores"), [([], []), ([1, 2], [0.1]), ([2, 1], [0.1, 0.2])])
def test_a_log_that_is_none_is_refused(samples, scores):
    with pytest.raises(TrainingError, match="tells nothing"):
        verdict(samples, scores)


def result(mean_r: float, labels: str | None = "a", pictures: int = 2000) -> dict[str, object]:
    return {"renders": {"mean_r": mean_r, "labels": labels, "pictures": pictures}}


def test_a_gain_counts_from_three_hundredths_on_the_same_pictures():
    assert gained(result(0.6), result(0.6301))
    assert not gained(result(0.6), result(0.6299))
    assert gained(result(0.6), result(0.611), by=0.01)


@pytest.mark.parametrize(
    "after", [result(0.7, "b"), result(0.7, None), result(0.7, pictures=960), {"sweeps": {}}, {"renders": None}]
)
def test_other_pictures_are_no_comparison(after):
    with pytest.raises(TrainingError, match="same pictures"):
        gained(result(0.6), after)


def test_two_results_that_do_not_name_their_pictures_are_no_comparison():
    with pytest.raises(TrainingError, match="same pictures"):
        gained(result(0.6, None), result(0.7, None))
