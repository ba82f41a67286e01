"""Measures an `imu` bundle on simulated sensors: people and a recording that training never saw.

    python -m training.evaluate_imu [imu.mien] [--precision int8]

The recorded take `facial` is acted out by random people behind three seconds of rest; their sensors are simulated with
all faults and go through the bundle's own pipeline, row by row, as at run time. Baselines are trained on the training
wearers (python -m training.imu_baselines). Writes training/results/imu.json, from which the model card is made.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import mien
import numpy as np
import numpy.typing as npt
import typer
from mien.kinematics import Curve
from mien.layouts import ARKIT52
from mien.machine import describe
from mien.pipeline import Pipeline
from mien.types import ImuWindow
from rich.console import Console
from rich.progress import track

from training import imu_baselines
from training.command import run
from training.commit import commit
from training.evaluate import table
from training.evaluation.metrics import pearson
from training.evaluation.part import Asked
from training.imu_data import raw_at, rested, truth_at
from training.paths import ROOT
from training.performer.head import Head, random_identity
from training.performer.head_motion import head_motion
from training.performer.imu import Glue, Recording, Wearer, sample
from training.performer.imu_layout import layout, skin_moving
from training.performer.takes import RATE, VALIDATION_TAKES, takes

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

REST = 3.2  # seconds before the take
SETTLE = 1.3  # seconds of the take's beginning that do not count
HZ = 100.0
MOVES = 0.01  # standard deviation in the take from which a coefficient counts as moving there
_LIVELY = 0.4
_SLIP = 0.4  # cm
_DRIFT_SECONDS = 600.0


@dataclass(frozen=True)
class Condition:
    """What is worn and what happens.

    Attributes:
        layout: sensors. violent: head motion of 200 deg/s with shocks of 1 g. dead, slipped, turned: how many sensors
            give nothing, slip by 4 mm right after the calibration, or are glued on upside down. moving: seconds of a
            range of motion that refines the calibration. seconds: 0 plays the take once. lost: share of the rows that
            never come. rate: of the samples, Hz.
    """

    layout: str = "imu12"
    violent: bool = False
    dead: int = 0
    slipped: int = 0
    turned: int = 0
    moving: float = 0.0
    seconds: float = 0.0
    lost: float = 0.0
    rate: float = HZ


CONDITIONS = {
    "imu12": Condition(),
    "imu6": Condition("imu6"),
    "imu18": Condition("imu18"),
    "three dead": Condition(dead=3),
    "violent head": Condition(violent=True),
    "slipped 4 mm": Condition(slipped=1),
    "upside down": Condition(turned=1),
    "range of motion": Condition(moving=20.0),
    "ten minutes": Condition(seconds=_DRIFT_SECONDS),
    "rows lost": Condition(lost=0.1),  # 5 % lost and 5 % overtaken, nothing repeated
    "clock astray": Condition(rate=99.3),  # the rows wander through the steps
}


@dataclass(frozen=True, eq=False)
class Played:
    """One person's take: time of each step in seconds, what the bundle said (raw and filtered) and the truth."""

    clock: F64
    raw: F32
    filtered: F32
    truth: F32
    recording: Recording
    face: Curve


def scene(condition: Condition, seed: int, person: int) -> tuple[Recording, Curve, Recording | None]:
    """The simulated samples of one person, and of the range of motion before if there is one."""
    rng = np.random.default_rng((seed, 555, person))
    film = takes(VALIDATION_TAKES)[0].values
    if condition.seconds:
        repeats = int(np.ceil(condition.seconds * RATE / len(film)))
        film = np.tile(film, (repeats, 1))[: int(condition.seconds * RATE)]
    values = np.concatenate([np.zeros((int(RATE * REST), film.shape[1]), np.float32), film])
    face = rested(values)
    places = layout(condition.layout).places
    names = [place.name for place in places]
    head = Head(random_identity(rng))
    picked = list(rng.permutation(names))
    angle = rng.uniform(0, 2 * np.pi, len(names))
    glue = Glue(
        dead=picked[: condition.dead],
        moved={
            n: (_SLIP * np.cos(a), _SLIP * np.sin(a)) for n, a in zip(picked[: condition.slipped], angle, strict=False)
        },
        moved_at=REST,
        turned=dict.fromkeys(picked[: condition.turned], 180.0),
    )
    wearer = Wearer(head, places, glue, rng)
    before = None
    if condition.moving:
        before = _range_of_motion(wearer, condition.moving, rng)
    seconds = len(values) / RATE
    moving = head_motion(rng, seconds, _LIVELY, condition.violent)
    recording = sample(wearer, face, moving, seconds, condition.rate, rng)
    return recording, face, before


def _range_of_motion(wearer: Wearer, seconds: float, rng: np.random.Generator) -> Recording:
    """Nodding, shaking and tilting with a face that rests."""
    plain = replace(wearer.glue, moved={})
    still = Curve(np.zeros((4, 52)), 1.0)
    kept, wearer.glue = wearer.glue, plain
    try:
        return sample(wearer, still, head_motion(rng, seconds + REST, 1.0), seconds + REST, HZ, rng)
    finally:
        wearer.glue = kept


def play(pipeline: Pipeline, condition: Condition, seed: int, person: int) -> Played:
    """Through the runtime, row by row."""
    recording, face, before = scene(condition, seed, person)
    window = recording.window
    pipeline.set_calibration(None)
    pipeline.reset()
    if before is not None:
        first = int(2.2 * HZ)
        pipeline.calibrate(_rows(before.window, 0, first), _rows(before.window, first, len(before.window.t_ns)))
    clock, raw, filtered = [], [], []
    rng = np.random.default_rng((seed, 556, person))
    for row in range(len(window.t_ns)):
        if rng.random() < condition.lost:
            continue
        state = pipeline.process(_rows(window, row, row + 1))
        if state.found and not state.stale:
            clock.append(state.t_ns / 1e9)
            raw.append(state.raw)
            filtered.append(state.values)
    times = np.array(clock)
    truth = np.clip(face.at(times - 0.5 / HZ), 0, 1).astype(np.float32)
    late = times > REST + SETTLE
    columns = skin_moving()
    return Played(
        times[late], np.stack(raw)[late][:, columns], np.stack(filtered)[late][:, columns], truth[late][:, columns],
        recording, face,
    )  # fmt: skip


def _rows(window: ImuWindow, first: int, last: int) -> ImuWindow:
    return ImuWindow(window.t_ns[first:last], window.acc[first:last], window.gyro[first:last], window.sensors)


def score(guesses: list[F32], truths: list[F32]) -> dict[str, Any]:
    """Mean over people of r and mean absolute error of each coefficient; means over the moving and over all."""
    r = np.mean([pearson(g, t) for g, t in zip(guesses, truths, strict=True)], axis=0)
    mae = np.mean([np.abs(g - t).mean(0) for g, t in zip(guesses, truths, strict=True)], axis=0)
    moving = truths[0].std(0) >= MOVES
    return {
        "r": float(r[moving].mean()),
        "r_all": float(r.mean()),
        "mae": float(mae.mean()),
        "moving": int(moving.sum()),
        "r_each": _named(r),
        "mae_each": _named(mae),
    }


def _named(values: npt.NDArray[np.floating[Any]]) -> dict[str, float]:
    return {ARKIT52.names[k]: round(float(v), 4) for k, v in zip(skin_moving(), values, strict=True)}


def measure(pipeline: Pipeline, people: int, seed: int) -> dict[str, Any]:
    """All conditions, and the baselines on what the first one has recorded."""
    figures: dict[str, Any] = {}
    for name, condition in CONDITIONS.items():
        count = max(people // 2, 1) if condition.seconds else people
        played = [play(pipeline, condition, seed, k) for k in track(range(count), description=name)]
        truths = [one.truth for one in played]
        figures[name] = score([one.raw for one in played], truths)
        if name == "imu12":
            figures["filtered"] = score([one.filtered for one in played], truths)
            figures |= _baselines(played)
        if condition.seconds:
            figures[name] |= _drift(played)
    return figures


def _baselines(played: list[Played]) -> dict[str, Any]:
    out = {}
    for name, predict in imu_baselines.load().items():
        guesses, truths = [], []
        for one in played:
            clock = np.arange(2 * HZ, one.clock[-1] * HZ) / HZ + 0.5 / HZ
            late = clock > REST + SETTLE
            guesses.append(predict(raw_at(one.recording, clock))[late])
            truths.append(truth_at(one.face, clock)[late])
        out[name] = score(guesses, truths)
    return out


def _drift(played: list[Played]) -> dict[str, float]:
    """What the last minute has that the first had not: a shift of the mean error, and more error."""
    shift, rise = [], []
    for one in played:
        error = one.raw - one.truth
        film = len(takes(VALIDATION_TAKES)[0].values) / RATE
        repeats = int((one.clock[-1] - REST) / film)
        first = one.clock < REST + film
        last = (one.clock >= REST + (repeats - 1) * film) & (one.clock < REST + repeats * film)
        shift.append(np.abs(error[last].mean(0) - error[first].mean(0)).mean())
        rise.append(np.abs(error[last]).mean() - np.abs(error[first]).mean())
    return {"drift": float(np.mean(shift)), "mae_rise": float(np.mean(rise))}


def verdicts(figures: dict[str, Any]) -> list[Asked]:
    """What was asked beside what was measured."""
    base = figures["imu12"]
    ridge, plain = figures["ridge"]["mae"] / base["mae"], figures["plain GRU"]["mae"] / base["mae"]
    return [
        Asked(f"simulated, 12 sensors: mean r of the {base['moving']} coefficients that move", base["r"], 0.80, False),
        Asked("simulated, 12 sensors: mean r of all 43, those that stand still too", base["r_all"], 0.80, False),
        Asked("simulated, 12 sensors: mean absolute error", base["mae"], 0.08),
        Asked("error of ridge regression on raw windows, times ours", ridge, 1.25, False),
        Asked("error of a plain GRU on raw windows, times ours", plain, 1.25, False),
        Asked("r lost with three dead sensors", base["r"] - figures["three dead"]["r"], 0.08),
        Asked("r lost with a violent head", base["r"] - figures["violent head"]["r"], 0.05),
        Asked("r lost with one row of ten lost", base["r"] - figures["rows lost"]["r"], 0.02),
        Asked("drift after ten minutes", figures["ten minutes"]["drift"], 0.05),
        Asked("r lost by a sensor 4 mm off", base["r"] - figures["slipped 4 mm"]["r"], 0.05),
    ]


def main(
    bundle: Annotated[str, typer.Argument(help="a bundle, or the name of a shipped one")] = "imu",
    people: Annotated[int, typer.Option(min=2)] = 6,
    seed: Annotated[int, typer.Option()] = 1,
    precision: Annotated[str, typer.Option(help="only targets of this precision")] = "",
    output: Annotated[Path, typer.Option("-o", "--output")] = ROOT / "training" / "results" / "imu.json",
) -> None:
    """Measures, prints and writes."""
    with mien.open(bundle, device="cpu", precision=precision or None, threads=1) as pipeline:
        figures = measure(pipeline, people, seed)
        blobs = dict(pipeline.bundle.manifest.blobs)
        ran = [f"{choice.used} {choice.precision}" for choice in pipeline.report().networks]
    rows = verdicts(figures)
    about = {
        "simulated": True,
        "people": people,
        "seed": seed,
        "commit": commit(),
        "machine": describe(),
        "ran_on": ran,
        "blobs": blobs,
        "asked": [{**vars(row), "met": row.met} for row in rows],
        "figures": figures,
    }
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(about, indent=1) + "\n")
    for name, row in figures.items():
        print(f"{name:<18} r {row['r']:.3f} ({row['moving']} moving; all: {row['r_all']:.3f})  mae {row['mae']:.4f}")
    Console().print(table(rows))


if __name__ == "__main__":
    run(main)
