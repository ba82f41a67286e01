"""Evaluates a bundle, on held-out renders and on real faces, and says what was asked and what was measured.

    python -m training.evaluate face.mien -o out/evaluation

Writes metrics.json, plots and contact sheets. Each part is a function of training/evaluation.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from mien.importers.select import import_model
from mien.machine import describe
from rich.console import Console
from rich.table import Table

from training.command import run
from training.commit import commit
from training.errors import TrainingError
from training.evaluation import (
    expression,
    framing,
    lids,
    mouth,
    negatives,
    real,
    regions,
    renders,
    sides,
    sweeps,
    temporal,
)
from training.evaluation.part import Asked, Context, Part, plain
from training.evaluation.subject import Subject
from training.paths import ROOT, shared

PARTS: Mapping[str, Callable[[Context], Part]] = {
    "renders": renders.run,
    "occlusion": renders.run_occlusion,
    "sweeps": sweeps.run,
    "sides": sides.run,
    "regions": regions.run,
    "lids": lids.run,
    "mouth": mouth.run,
    "framing": framing.run,
    "negatives": negatives.run,
    "real": real.run,
    "temporal": temporal.run,
    "expression": expression.run,
}
_EXPRESSIVE = ("aus", "emotion", "affect", "embedding", "unknown")


def parts_of(subject: Subject, wanted: str | None) -> list[str]:
    """The parts to run, in their order: those named, else all that fit the bundle.

    Raises:
        TrainingError: ``training.config``; there is no such part.
    """
    if wanted is None:
        expressive = any(name in subject.outputs for name in _EXPRESSIVE)
        return [name for name in PARTS if name != "expression" or expressive]
    names = [name.strip() for name in wanted.split(",")]
    for name in names:
        if name not in PARTS:
            raise TrainingError("training.config", f"There is no part {name!r}.", f"There are: {', '.join(PARTS)}.")
    return [name for name in PARTS if name in names]


def evaluate(context: Context, parts: list[str]) -> list[Asked]:
    """Runs the parts and writes metrics.json after each, so that what was measured is kept whatever comes next."""
    context.out.mkdir(parents=True, exist_ok=True)
    result: dict[str, Any] = {
        **context.subject.about(),
        "commit": commit(),
        "seed": context.seed,
        "machine": describe(),
        "asked": [],
        "seconds": {},
    }
    asked: list[Asked] = []
    for name in parts:
        started = time.monotonic()
        part = PARTS[name](context)
        asked += part.asked
        result["seconds"][name] = time.monotonic() - started
        result[name] = part.figures
        result["asked"] = [{**vars(line), "met": line.met} for line in asked]
        text = json.dumps(plain(result), indent=1, allow_nan=False) + "\n"
        (context.out / "metrics.json").write_text(text, "utf-8")
    return asked


def table(asked: list[Asked]) -> Table:
    """What was asked beside what was measured."""
    grid = Table("", "what", "asked", "measured")
    for line in asked:
        sign = "<=" if line.most else ">="
        grid.add_row("ok" if line.met else "MISS", line.what, f"{sign} {line.limit:g}", f"{line.value:.4g}")
    return grid


def public(work: Path, name: str, *place: str) -> Path | None:
    """A public model of the shared folder as the bundle `name`, imported once; None where the folder lacks it."""
    model = shared().joinpath("data", "oracles", *place)
    if not model.is_file():
        return None
    bundle = work / f"{name}.mien"
    return bundle if bundle.is_file() else import_model(model, bundle)


def main(
    bundle: Annotated[Path, typer.Argument(help="a face or expression bundle")],
    data: Annotated[Path | None, typer.Option(help="held-out renders [default: out/training/data/evaluation]")] = None,
    out: Annotated[Path, typer.Option("-o", "--out", help="where the results go")] = ROOT / "out" / "evaluation",
    parts: Annotated[str | None, typer.Option(help=f"some of {','.join(PARTS)} [default: all that fit]")] = None,
    seed: Annotated[int, typer.Option(help="of everything that is drawn")] = 9,
    pictures: Annotated[int, typer.Option(min=2, help="held-out renders")] = 2000,
    people: Annotated[int, typer.Option(min=1, help="identities of the sweeps")] = 8,
    occluded: Annotated[int, typer.Option(min=2, help="pictures with something before the face")] = 400,
    steps: Annotated[int, typer.Option(min=2, help="values of a sweep")] = 11,
    faces: Annotated[int, typer.Option(min=1, help="pictures of each kind of eyes and of mouths")] = 60,
    framed: Annotated[int, typer.Option(min=1, help="people who are cut by the frame and rolled")] = 24,
    strangers: Annotated[int, typer.Option("--negatives", min=1, help="pictures of things that are not faces")] = 2000,
    workers: Annotated[int, typer.Option(min=1, help="processes that render")] = 1,
) -> None:
    """Evaluates a bundle."""
    out.mkdir(parents=True, exist_ok=True)
    with Subject(bundle) as subject:
        context = Context(
            subject,
            bundle,
            public(out, "mediapipe", "mediapipe", "face_landmarker.task"),
            public(out, "yunet", "yunet", "yunet_n_320_320.onnx"),
            data or ROOT / "out" / "training" / "data" / "evaluation",
            out,
            seed=seed,
            pictures=pictures,
            people=people,
            occluded=occluded,
            steps=steps,
            faces=faces,
            framed=framed,
            negatives=strangers,
            workers=workers,
        )
        asked = evaluate(context, parts_of(subject, parts))
    console = Console()
    console.print(table(asked))
    console.print(f"{sum(line.met for line in asked)} of {len(asked)} met; {out / 'metrics.json'}")


if __name__ == "__main__":
    run(main)
