"""The gate: an int8 network beside its float self, output by output and column by column; what got worse is named.

Where the truth is known both are measured against it; everywhere the int8 network has to agree with the float one, keep
its range, stay alive, and be as still as it under noise. Nothing that breaks a limit leaves.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from quantization.errors import QuantizationError
from quantization.samples import F32, Arrays, Run, Samples, answers

F64 = npt.NDArray[np.float64]

_STILL = 1e-3  # of an output's unit: a column whose float values spread less than this does not move
_NOISE = 6 / 255  # of the brightest pixel: standard deviation of the noise on a still picture
_STILLS, _REPEATS = 12, 24  # pictures, and noisy copies of each
_TAILS = (1, 99)  # percentiles between which a column's range lies


@dataclass(frozen=True)
class Limits:
    """How much worse int8 may be than float.

    Attributes:
        mae_rise: of an output's mean absolute error against the truth, in the output's unit.
        r_fall: of a column's Pearson r with the truth.
        agreement: least Pearson r of a column with its float self; `agreement_beside_truth`: where the truth is known
            too, by which a column is judged first: one that hardly knows anything has little to agree with.
        range_kept: least share of a column's float range (1st to 99th percentile).
        jitter_rise: of an output's standard deviation under noise, as a share.
        units: output -> its unit, 1 where nothing is said: what counts as one for `mae_rise`.
        metrics: figure of the recipe -> how much it may rise.
        free: outputs that are reported but not judged.
        pooled: outputs whose last axis alone tells columns apart: the cells of a map are one and the same thing.
        answered: output -> the value above which the runtime takes the network's word at all. What the float network
            says of other samples reaches nobody and is not judged: of 500 faces one lay wholly behind a hand, and its
            embedding alone pulled r from 0.98 to 0.84.
        flips: most samples, as a share, of which int8 decides otherwise whether there is an answer.
    """

    mae_rise: float = 0.010
    r_fall: float = 0.03
    agreement: float = 0.97
    agreement_beside_truth: float = 0.9
    range_kept: float = 0.8
    jitter_rise: float = 0.20
    units: Mapping[str, float] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    free: Sequence[str] = ()
    pooled: Sequence[str] = ()
    answered: Mapping[str, float] = field(default_factory=dict)
    flips: float = 0.01

    def stricter(self, share: float = 0.75, of_metrics: float = 0.5) -> Limits:
        """With so much of the room alone: for choosing among models, so that the chosen one passes on other samples.

        Metrics that count faces change more from samples to samples than sums over all of them: a detector within
        0.75 % of float in faces missed on 500 pictures was 1.1 % off on 500 others.
        """
        return replace(
            self,
            mae_rise=self.mae_rise * share,
            r_fall=self.r_fall * share,
            jitter_rise=self.jitter_rise * share,
            agreement=1 - (1 - self.agreement) * share,
            agreement_beside_truth=1 - (1 - self.agreement_beside_truth) * share,
            range_kept=1 - (1 - self.range_kept) * share,
            flips=self.flips * share,
            metrics={name: most * of_metrics for name, most in self.metrics.items()},
        )


@dataclass(frozen=True)
class Breach:
    """One broken limit. `column` is "" where the whole output is meant."""

    output: str
    column: str
    what: str
    float_value: float
    int8_value: float
    limit: float

    def __str__(self) -> str:
        where = f"{self.output}[{self.column}]" if self.column else self.output
        values = f"{self.int8_value:.4g} in int8, {self.float_value:.4g} in float"
        return f"{where}: {self.what} {values} (limit {self.limit:.4g})"


@dataclass(frozen=True, eq=False)
class Verdict:
    """What the gate measured.

    Attributes:
        outputs: output -> figure -> a number, or one per column (NaN where there is none).
        metrics: the recipe's figures, (float, int8).
        breaches: what is refused, the worst first.
        samples: how many were judged; labelled: whether against the truth too.
        unanswered: further samples that the runtime would discard on the float network's word; flips: samples of
            which int8 decides otherwise.
        points: output -> some values (float, int8) to draw.
    """

    outputs: Mapping[str, Mapping[str, Any]]
    metrics: Mapping[str, tuple[float, float]]
    breaches: Sequence[Breach]
    samples: int
    labelled: bool
    points: Mapping[str, tuple[F64, F64]] = field(default_factory=dict, repr=False)
    unanswered: int = 0
    flips: int = 0

    @property
    def passed(self) -> bool:
        """Whether no limit is broken."""
        return not self.breaches

    def as_json(self) -> dict[str, Any]:
        """For the report and the manifest; NaN becomes None."""
        return {
            "samples": self.samples,
            "labelled": self.labelled,
            "unanswered": self.unanswered,
            "flips": self.flips,
            "passed": self.passed,
            "outputs": _plain(self.outputs),
            "metrics": _plain({name: {"float": a, "int8": b} for name, (a, b) in self.metrics.items()}),
            "breaches": [_plain(asdict(breach)) for breach in self.breaches],
        }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, np.ndarray):
        return [_plain(inner) for inner in value.tolist()]
    if isinstance(value, (float, np.floating)):
        return round(float(value), 6) if math.isfinite(value) else None
    return value


def pearson(a: F64, b: F64) -> F64:
    """Pearson's r of each column of (N, K); NaN where either does not move."""
    a, b = a - a.mean(0), b - b.mean(0)
    scale = np.sqrt((a * a).sum(0) * (b * b).sum(0))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(scale > 0, (a * b).sum(0) / scale, np.nan))


def judge(
    float_run: Run,
    int8_run: Run,
    samples: Samples,
    outputs: Sequence[str],
    limits: Limits,
    *,
    columns: Mapping[str, Sequence[str]] | None = None,
    metrics: Callable[[Arrays, Arrays], Mapping[str, float]] | None = None,
    image: str = "",
    white: float = 1.0,
) -> Verdict:
    """Measures both networks on held-out samples.

    Args:
        columns: output -> names of its columns; numbers where nothing is said.
        metrics: (answers, labels) -> figures, the smaller the better.
        image: the input that takes pixels, for the jitter; "" leaves it out.
        white: how far apart black and white are in that input.

    Raises:
        QuantizationError: ``gate.samples``, there are fewer than 30: their correlations say nothing.
    """
    if len(samples) < 30:
        raise QuantizationError("gate.samples", f"{len(samples)} held-out samples judge nothing.", "Give 30 or more.")
    names = dict(columns or {})
    plain, small = (answers(run, samples, outputs) for run in (float_run, int8_run))
    bad = {name: int((~np.isfinite(values)).sum()) for name, values in small.items()}
    small = {name: np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0) for name, values in small.items()}
    figures: dict[str, dict[str, Any]] = {}
    breaches: list[Breach] = []
    kept = _answered(plain, limits)
    flips = int((kept != _answered(small, limits)).sum())
    if flips > limits.flips * len(samples):
        breaches.append(Breach("answers", "", "samples with and without one:", 0, flips, limits.flips * len(samples)))
    whole, samples = (plain, small), samples.rows(np.flatnonzero(kept))
    if len(samples) < 30:
        raise QuantizationError(
            "gate.samples", f"The float network answers {len(samples)} of {len(kept)} samples.", "Give 30 or more."
        )
    plain, small = ({name: values[kept] for name, values in said.items()} for said in whole)
    still = _stillness(float_run, int8_run, samples, outputs, image, white * _NOISE) if image else {}
    for name in outputs:
        unit = limits.units.get(name, 1.0)
        pool = name in limits.pooled
        decides = name in limits.answered  # so every sample is its own
        a, b = (_table(said[name], pool) for said in (whole if decides else (plain, small)))
        truth = _table(samples.labels[name]) if name in samples.labels and not decides else None
        if bad[name]:
            breaches.append(Breach(name, "", "values that are not finite:", 0.0, bad[name], 0.0))
        figures[name] = _figures(a, b, truth, unit)
        if name in still:
            figures[name]["jitter_float"], figures[name]["jitter_int8"] = still[name]
        if name not in limits.free:
            known = names.get(name, [str(k) for k in range(a.shape[1])])
            breaches += _breaches(name, known, figures[name], limits, unit)
    scored = _scored(metrics, plain, small, samples, limits, breaches)
    breaches.sort(key=lambda breach: -_severity(breach))
    drawn = {name: (_few(plain[name]), _few(small[name])) for name in outputs}
    dropped = int((~kept).sum())
    return Verdict(figures, scored, breaches, len(samples), bool(samples.labels), drawn, dropped, flips)


def _answered(said: Arrays, limits: Limits) -> npt.NDArray[np.bool_]:
    """Of each sample, whether the runtime would take the network's word."""
    kept = np.ones(len(next(iter(said.values()))), bool)
    for name, least in limits.answered.items():
        kept &= _table(said[name]).min(1) > least
    return kept


def _few(values: F32) -> F64:
    flat = values.reshape(-1).astype(np.float64)
    return flat[:: max(len(flat) // 4000, 1)]


def _table(values: F32, pooled: bool = False) -> F64:
    return values.reshape(
        -1 if pooled else len(values), values.shape[-1] if pooled else int(np.prod(values.shape[1:]))
    ).astype(np.float64)


def _figures(a: F64, b: F64, truth: F64 | None, unit: float) -> dict[str, Any]:
    low, high = _TAILS
    moves = a.std(0) > _STILL * unit
    spread = np.percentile(a, high, 0) - np.percentile(a, low, 0)
    kept = np.percentile(b, high, 0) - np.percentile(b, low, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        out: dict[str, Any] = {
            "agreement_r": np.where(moves, pearson(a, b), np.nan),
            "agreement_mae": np.abs(a - b).mean(0) / unit,
            "range_float": spread / unit,
            "range_kept": np.where(moves, kept / spread, np.nan),
            "dead": moves & (b.std(0) < 0.25 * a.std(0)),
        }
    if truth is not None:
        out |= {"r_float": pearson(a, truth), "r_int8": pearson(b, truth)}
        out |= {"mae_float": np.abs(a - truth).mean(0) / unit, "mae_int8": np.abs(b - truth).mean(0) / unit}
    return out


def _breaches(name: str, columns: Sequence[str], f: Mapping[str, Any], limits: Limits, unit: float) -> list[Breach]:
    found = []
    least = limits.agreement_beside_truth if "r_float" in f else limits.agreement
    for k, column in enumerate(columns):
        if f["dead"][k]:
            found.append(Breach(name, column, "dead: range", f["range_float"][k], f["range_kept"][k], 0.25))
            continue
        if f["agreement_r"][k] < least:
            found.append(Breach(name, column, "r with float", 1.0, f["agreement_r"][k], least))
        if f["range_kept"][k] < limits.range_kept:
            found.append(Breach(name, column, "share of the range", 1.0, f["range_kept"][k], limits.range_kept))
        if "r_float" in f and f["r_float"][k] - f["r_int8"][k] > limits.r_fall:
            found.append(
                Breach(
                    name, column, "r with the truth", f["r_float"][k], f["r_int8"][k], f["r_float"][k] - limits.r_fall
                )
            )
    if "mae_float" in f and (rise := f["mae_int8"].mean() - f["mae_float"].mean()) > limits.mae_rise:
        before = float(f["mae_float"].mean())
        found.append(Breach(name, "", "mean absolute error", before, before + rise, before + limits.mae_rise))
    if "jitter_float" in f and f["jitter_float"] > 1e-6 * unit:
        most = f["jitter_float"] * (1 + limits.jitter_rise)
        if not f["jitter_int8"] <= most:
            found.append(Breach(name, "", "jitter under noise", f["jitter_float"], f["jitter_int8"], most))
    return found


def _severity(breach: Breach) -> float:
    """How far beyond its limit, in shares of it."""
    return abs(breach.int8_value - breach.limit) / max(abs(breach.limit), 1e-6)


def _scored(
    metrics: Callable[[Arrays, Arrays], Mapping[str, float]] | None,
    plain: Arrays,
    small: Arrays,
    samples: Samples,
    limits: Limits,
    breaches: list[Breach],
) -> dict[str, tuple[float, float]]:
    if metrics is None or not samples.labels:
        return {}
    before, after = metrics(plain, samples.labels), metrics(small, samples.labels)
    for name, most in limits.metrics.items():
        if not after[name] - before[name] <= most:
            breaches.append(Breach(name, "", "figure", before[name], after[name], before[name] + most))
    return {name: (before[name], after[name]) for name in before}


def _stillness(
    float_run: Run, int8_run: Run, samples: Samples, outputs: Sequence[str], image: str, noise: float
) -> dict[str, tuple[float, float]]:
    """Output -> mean standard deviation of its columns over noisy copies of still pictures, float and int8."""
    rng = np.random.default_rng(0)
    sums = {name: [0.0, 0.0] for name in outputs}
    rows = np.linspace(0, len(samples) - 1, min(_STILLS, len(samples))).astype(int)
    for row in rows:
        one = samples.rows(np.full(_REPEATS, row))
        copies = one.feeds[image] + rng.normal(0, noise, one.feeds[image].shape).astype(np.float32)
        noisy = Samples({**one.feeds, image: copies})
        for k, run in enumerate((float_run, int8_run)):
            for name, values in answers(run, noisy, outputs).items():
                if not np.isfinite(values).all():
                    continue  # refused already
                sums[name][k] += float(_table(values).std(0).mean()) / len(rows)
    return {name: (a, b) for name, (a, b) in sums.items()}
