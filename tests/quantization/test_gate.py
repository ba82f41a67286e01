"""The gate: what is as good passes, and each way of being worse is refused by the column's name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from quantization.errors import QuantizationError
from quantization.gate import Limits, judge
from quantization.samples import F32, Arrays, Run, Samples

NAMES = ("jawOpen", "mouthSmileLeft", "mouthSmileRight", "eyeBlinkLeft")
WAY = np.random.default_rng(0).normal(0, 0.1, (4, 12)).astype(np.float32)


def network(change: Callable[[F32], F32] = lambda said: said) -> Run:
    """Four coefficients as linear functions of 12 pixels, changed in some way."""

    def run(feed: Arrays, outputs: Sequence[str]) -> Sequence[F32]:
        said = change((feed["image"] @ WAY.T).astype(np.float32))
        return [said for _ in outputs]

    return run


@pytest.fixture(scope="module")
def samples() -> Samples:
    rng = np.random.default_rng(1)
    images = rng.random((300, 12)).astype(np.float32)
    truth = images @ WAY.T + rng.normal(0, 0.03, (300, 4))
    return Samples({"image": images}, {"coefficients": truth.astype(np.float32)})


def verdict(samples: Samples, changed: Run, limits: Limits | None = None, **how: Any):  # type: ignore[no-untyped-def]
    return judge(
        network(), changed, samples, ["coefficients"], limits or Limits(), columns={"coefficients": NAMES},
        image="image", **how,
    )  # fmt: skip


def test_the_same_network_passes(samples: Samples) -> None:
    said = verdict(samples, network())
    assert said.passed
    figures = said.outputs["coefficients"]
    assert np.allclose(figures["agreement_r"], 1)
    assert (figures["r_float"] == figures["r_int8"]).all()
    assert figures["jitter_float"] == pytest.approx(figures["jitter_int8"])
    assert said.labelled


def test_small_rounding_passes(samples: Samples) -> None:
    assert verdict(samples, network(lambda said: np.round(said, 2))).passed


def test_two_swapped_columns_are_both_named(samples: Samples) -> None:
    said = verdict(samples, network(lambda said: said[:, [0, 2, 1, 3]]))
    assert {breach.column for breach in said.breaches} - {""} == {"mouthSmileLeft", "mouthSmileRight"}
    assert "mouthSmileLeft" in str(next(b for b in said.breaches if b.column == "mouthSmileLeft"))


def test_a_dead_column_is_named(samples: Samples) -> None:
    def kill(said: F32) -> F32:
        out = said.copy()
        out[:, 3] = 0.2
        return out

    (breach, *others) = verdict(samples, network(kill)).breaches
    assert breach.what == "dead: range"
    assert {b.column for b in (breach, *others)} <= {"eyeBlinkLeft", ""}


def test_a_shrunken_column_is_named(samples: Samples) -> None:
    def shrink(said: F32) -> F32:
        return np.asarray(said * np.array([0.6, 1, 1, 1]), np.float32)

    assert {b.column for b in verdict(samples, network(shrink)).breaches} >= {"jawOpen"}


def test_a_constant_error_is_refused_by_its_mean(samples: Samples) -> None:
    said = verdict(samples, network(lambda said: said + np.float32(0.2)))
    assert [breach.what for breach in said.breaches] == ["mean absolute error"]


def test_a_trembling_network_is_refused(samples: Samples) -> None:
    """Noise in the picture comes through ten times as strong."""
    mean = samples.feeds["image"].mean() * WAY.sum(1)

    def tremble(said: F32) -> F32:
        steps = np.round((said - mean) * 12) / 12
        return np.asarray(mean + steps, np.float32)

    said = verdict(samples, network(tremble), Limits(agreement_beside_truth=0, range_kept=0, r_fall=2, mae_rise=2))
    assert [breach.what for breach in said.breaches] == ["jitter under noise"]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(samples: Samples, bad: float) -> None:
    def spoil(said: F32) -> F32:
        out = said.copy()
        out[:, 1] = bad
        return out

    assert any("not finite" in str(breach) for breach in verdict(samples, network(spoil)).breaches)


def test_the_recipes_figures_have_limits_of_their_own(samples: Samples) -> None:
    def metrics(said: Arrays, truth: Arrays) -> Mapping[str, float]:
        return {"off_percent": float(100 * np.abs(said["coefficients"] - truth["coefficients"]).mean())}

    loose = Limits(
        mae_rise=1, agreement_beside_truth=0, r_fall=2, range_kept=0, jitter_rise=9, metrics={"off_percent": 0.5}
    )
    said = verdict(samples, network(lambda said: said + np.float32(0.1)), loose, metrics=metrics)
    (breach,) = said.breaches
    assert breach.output == "off_percent"
    assert said.metrics["off_percent"][1] > said.metrics["off_percent"][0]


def test_what_nobody_knows_is_compared_with_float_alone(samples: Samples) -> None:
    said = verdict(Samples(samples.feeds), network(lambda said: said[:, ::-1].copy()))
    assert not said.labelled
    assert {breach.column for breach in said.breaches} == set(NAMES)


def test_outputs_that_are_free_are_shown_and_not_judged(samples: Samples) -> None:
    said = verdict(samples, network(lambda said: -said), Limits(free=["coefficients"]))
    assert said.passed
    assert said.outputs["coefficients"]["agreement_r"][0] == pytest.approx(-1)


def test_cells_of_a_map_are_judged_as_one(samples: Samples) -> None:
    """One column for the whole map: a single cell that hardly ever moves cannot fail it."""
    said = verdict(samples, network(), Limits(pooled=["coefficients"]))
    assert said.outputs["coefficients"]["agreement_r"].shape == (4,)


def test_a_handful_of_samples_judges_nothing(samples: Samples) -> None:
    with pytest.raises(QuantizationError) as caught:
        verdict(samples.rows(np.arange(29)), network())
    assert caught.value.code == "gate.samples"


def test_the_verdict_is_json_without_nan(samples: Samples) -> None:
    import json

    still = Samples({"image": np.repeat(samples.feeds["image"][:1], 40, 0)})
    text = json.dumps(verdict(still, network()).as_json(), allow_nan=False)
    assert "null" in text


def test_models_are_chosen_with_less_room_than_the_gate_gives() -> None:
    limits = Limits(metrics={"nme": 0.4}, units={"points": 144.0})
    strict = limits.stricter(0.5)
    assert strict.mae_rise == limits.mae_rise / 2
    assert strict.agreement == pytest.approx((1 + limits.agreement) / 2)
    assert strict.range_kept == pytest.approx((1 + limits.range_kept) / 2)
    assert strict.metrics == {"nme": 0.2}
    assert strict.units == limits.units


def present(change: Callable[[F32], F32] = lambda sure: sure, spoil: float = 0.0) -> Run:
    """The network with an output of its own that says whether there is an answer; elsewhere `spoil` is added."""

    def run(feed: Arrays, outputs: Sequence[str]) -> Sequence[F32]:
        sure = (feed["image"][:, :1] - 0.2).astype(np.float32)
        said = (feed["image"] @ WAY.T).astype(np.float32) + np.float32(spoil) * (sure < 0)
        answers = {"coefficients": said, "presence": change(sure)}
        return [answers[name] for name in outputs]

    return run


def judged(samples: Samples, float_run: Run, int8_run: Run, limits: Limits):  # type: ignore[no-untyped-def]
    return judge(float_run, int8_run, samples, ["coefficients", "presence"], limits, columns={"coefficients": NAMES})


def test_what_the_runtime_discards_is_not_judged_but_counted(samples: Samples) -> None:
    limits = Limits(answered={"presence": 0.0})
    said = judged(samples, present(), present(spoil=5), limits)
    assert said.passed
    assert said.unanswered == (samples.feeds["image"][:, 0] < 0.2).sum() > 0
    assert said.samples + said.unanswered == len(samples)
    assert not judged(samples, present(), present(spoil=5), Limits()).passed


def test_int8_may_not_decide_otherwise_whether_there_is_an_answer(samples: Samples) -> None:
    limits = Limits(answered={"presence": 0.0}, agreement=0, agreement_beside_truth=0, range_kept=0)
    assert judged(samples, present(), present(lambda sure: sure + np.float32(1e-4)), limits).passed
    said = judged(samples, present(), present(lambda sure: sure + np.float32(0.1)), limits)
    assert said.flips > 3
    assert "answers" in {breach.output for breach in said.breaches}


def test_a_network_that_answers_nothing_judges_nothing(samples: Samples) -> None:
    with pytest.raises(QuantizationError, match="answers 0 of 300"):
        judged(samples, present(), present(), Limits(answered={"presence": 9.0}))
