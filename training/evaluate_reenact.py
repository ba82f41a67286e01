"""Measures a `reenact` bundle on held-out sittings: people that no training saw, with recordings that none saw.

    python -m training.evaluate_reenact [reenact.mien] [--baseline out/training/keypoints/checkpoint.pt]

Same identity: a person's picture under what the face network saw of the same person's other picture, which is the
truth. Cross identity: the same, seen on somebody else who made the same movements. Baselines: the source as it is, the
mesh's warp alone, and keypoints (training.reenact_baseline; without their checkpoint, the figures of the record before
stay, with the commit that they were measured at). Whom outputs show is judged by a recogniser of photographs
(`pip install "mien[evaluate]"`). Writes training/results/reenact.json.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import mien
import numpy as np
import numpy.typing as npt
import torch
import typer
from mien import _native
from mien.layouts import ARKIT52
from mien.machine import describe
from mien.pipeline import Pipeline
from mien.portrait.canvas import SIZE, Source
from mien.portrait.fit import Fit, fit
from mien.portrait.motion import Motion, move
from mien.portrait.transfer import READ_GAIN
from mien.profiler import Profiler
from mien.tasks.reenact import ReenactTask
from rich.console import Console
from rich.progress import track

from training import checkpoint, portraits, reenact_pairs
from training.command import run
from training.commit import commit
from training.evaluate import table
from training.evaluation.identity import Recogniser
from training.evaluation.identity import figures as of_embeddings
from training.evaluation.metrics import geodesic, pearson
from training.evaluation.part import Asked
from training.evaluation.pictures import psnr, ssim
from training.models.keypoints import KeypointNetwork
from training.paths import ROOT
from training.reenact_pairs import Sittings, Stage, measured, measured_motion

F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]

PAIRS = 200
VIEW = {name: index for index, name in enumerate(portraits.HELD_OUT)}
_MOVES = 0.05  # standard deviation of a coefficient among the drivers from which it is compared
_STILL_PEOPLE, _STILL_FRAMES, _NOISE = 8, 40, 1.5  # of the static driver; grey levels
_WAYS = ("ours", "warp", "source", "keypoints")


class Subject:
    """A bundle's mesh and network on sittings, as the runtime uses them."""

    def __init__(self, pipeline: Pipeline) -> None:
        task = pipeline.task
        assert isinstance(task, ReenactTask)
        self.stage = Stage(task.mesh)
        self._painter = task.painter()
        self._shown = np.ones((SIZE, SIZE), np.float32)

    def make(self, source: Source, motion: Motion) -> tuple[U8, U8]:
        """The picture, and the warp alone."""
        canvas = self.stage.canvas
        canvas.draw(source, move(self.stage.mesh, source.fit, motion))
        keep, change = self._painter.paint(canvas, source, motion, Profiler())
        out = source.picture.copy()
        _native.flow_compose(source.picture, 1.0, 0.0, 0.0, canvas.flow, keep, change, self._shown, out)
        warped = np.rint(canvas.warped.transpose(1, 2, 0) * 255).astype(np.uint8)
        return out, warped


def absolute_motion(sittings: Sittings, row: int, view: int, source: Fit) -> Motion:
    """What the face network saw in a view, itself, as `Transfer(relative=False)` applies it."""
    get = sittings.labels
    turn = reenact_pairs.pose(get["head"][row, view]).matrix()[:3, :3].astype(np.float32)
    turned = (turn @ source.seen.T @ source.placed.rotation).astype(np.float32)
    change = get["coefficients"][row, view] - source.coefficients
    look = get["gaze"][row, view] - source.gaze
    return Motion(turned, np.clip(source.coefficients + READ_GAIN * change, 0, 1), source.gaze + READ_GAIN * look)


class Keypoints:
    """The trained baseline."""

    def __init__(self, trained: Path) -> None:
        self._network = KeypointNetwork()
        checkpoint.load(self._network, trained)
        self._network.eval()

    @torch.no_grad()
    def make(self, source: U8, driver: U8, begin: U8 | None) -> U8:
        """The source under a driver; `begin` is the driver doing what the source does."""
        tensors = [
            None if picture is None else torch.from_numpy(picture.transpose(2, 0, 1)[None].astype(np.float32) / 255)
            for picture in (source, driver, begin)
        ]
        made, _ = self._network(*tensors)
        return np.asarray((made[0].clamp(0, 1) * 255).round().byte().numpy().transpose(1, 2, 0))


def pictures(
    subject: Subject, baseline: Keypoints | None, sittings: Sittings, rows: npt.NDArray[np.intp]
) -> dict[str, Any]:
    """PSNR and SSIM of same and cross identity, and what another driver of equal motion changes."""
    scores: dict[str, dict[str, list[float]]] = {
        f"{way} {kind}": {"psnr": [], "ssim": []} for way in _WAYS for kind in ("same", "cross")
    }
    leaks: list[float] = []
    apart: list[float] = []
    for row in track(rows, "pictures"):
        source = subject.stage.source(sittings, row, VIEW["source"])
        shown = sittings.pictures[row]
        truth = shown[VIEW["truth"]]
        others = []
        for kind, first, then in (
            ("same", "source", "truth"),
            ("cross", "driver_from", "driver"),
            ("", "other_from", "other"),
        ):
            begin, end = VIEW[first], VIEW[then]
            made, warped = subject.make(source, measured_motion(sittings, row, begin, end, source.fit, READ_GAIN))
            if not kind:
                others.append(made)
                continue
            results = {"ours": made, "warp": warped, "source": source.picture}
            if baseline is not None:
                of = None if kind == "same" else shown[begin]
                results["keypoints"] = baseline.make(source.picture, shown[end], of)
            for way, result in results.items():
                scores[f"{way} {kind}"]["psnr"].append(psnr(result, truth))
                scores[f"{way} {kind}"]["ssim"].append(ssim(result, truth))
            if kind == "cross":
                others.append(made)
        leaks.append(abs(psnr(others[0], truth) - psnr(others[1], truth)))
        apart.append(psnr(others[0], others[1]))
    means = {
        name: {key: float(np.mean(values)) for key, values in row.items()}
        for name, row in scores.items()
        if row["psnr"]
    }
    return {**means, "leak_db": float(np.mean(leaks)), "two_drivers_psnr": float(np.mean(apart))}


def measured_before(record: Path) -> dict[str, Any]:
    """The keypoints' figures of an earlier run, which need an hour's training, with `keypoints_at`, its commit."""
    if not record.is_file():
        return {}
    before = json.loads(record.read_text("utf-8"))
    figures = before["figures"]
    kept = {name: figures[name] for name in ("keypoints same", "keypoints cross") if name in figures}
    return {**kept, "keypoints_at": figures.get("keypoints_at", before["commit"])} if kept else {}


def transfer(subject: Subject, face: Pipeline, sittings: Sittings, rows: npt.NDArray[np.intp]) -> dict[str, Any]:
    """What our face model sees on outputs under absolute transfer, beside what it saw of the driver; and identity."""
    wanted, got, ceiling, turns, truths = [], [], [], [], []
    shape_source, shape_driver, outline = [], [], []
    for row in track(rows, "transfer"):
        get = sittings.labels
        source = subject.stage.source(sittings, row, VIEW["source"])
        motion = absolute_motion(sittings, row, VIEW["driver"], source.fit)
        made, _ = subject.make(source, motion)
        state = face.process(made)
        if state.found and state.head is not None:
            turn, coefficients, _ = measured(state)
            wanted.append(get["coefficients"][row, VIEW["driver"]])
            got.append(coefficients)
            ceiling.append(get["coefficients"][row, VIEW["truth"]])
            truths.append(reenact_pairs.pose(get["head"][row, VIEW["truth"]]).matrix()[:3, :3])
            turns.append((reenact_pairs.pose(get["head"][row, VIEW["driver"]]).matrix()[:3, :3], turn))
        still = subject.stage.source(sittings, row, VIEW["rest"])
        made, _ = subject.make(still, absolute_motion(sittings, row, VIEW["driver_rest"], still.fit))
        state = face.process(made)
        if state.found and state.head is not None and state.landmarks is not None:
            own = fit(subject.stage.mesh, state.landmarks[:, :2], *measured(state))
            driver = subject.stage.fitted(sittings, row, VIEW["driver_rest"])
            outline.append(shape_distance(subject, own, still.fit))
            shape_source.append(rest_distance(subject, own, still.fit))
            shape_driver.append(rest_distance(subject, own, driver))
    a, b, c = (np.array(values) for values in (wanted, got, ceiling))
    moving = a.std(0) > _MOVES
    r, best = pearson(b, a), pearson(c, a)
    angles = geodesic(np.stack([t for t, _ in turns]), np.stack([t for _, t in turns]))
    return {
        "faces_found": len(wanted) / len(rows),
        "moving": int(moving.sum()),
        "r": float(r[moving].mean()),
        "r_of_the_truth": float(best[moving].mean()),
        "r_each": {name: float(v) for name, v, m in zip(ARKIT52.names, r, moving, strict=True) if m},
        "mae": float(np.abs(a - b).mean()),
        "pose_degrees": float(angles.mean()),
        "pose_degrees_of_the_truth": float(geodesic(np.stack([t for t, _ in turns]), np.stack(truths)).mean()),
        "shape_percent": float(np.mean(outline)),
        "rest_to_source_cm": float(np.mean(shape_source)),
        "rest_to_driver_cm": float(np.mean(shape_driver)),
    }


def identity(
    subject: Subject, face: Pipeline, recogniser: Recogniser, sittings: Sittings, rows: npt.NDArray[np.intp]
) -> dict[str, float]:
    """Whom a recogniser of photographs takes outputs under cross identity for; see training.evaluation.identity."""
    seen: list[list[F32]] = []
    for row in track(rows, "identity"):
        shown = sittings.pictures[row]
        source = subject.stage.source(sittings, row, VIEW["source"])
        motion = measured_motion(sittings, row, VIEW["driver_from"], VIEW["driver"], source.fit, READ_GAIN)
        made, _ = subject.make(source, motion)
        embeddings = []
        for picture in (shown[VIEW["source"]], made, shown[VIEW["truth"]], shown[VIEW["driver"]]):
            state = face.process(picture)
            if state.found and state.landmarks is not None:
                embeddings.append(recogniser(picture, state.landmarks))
        if len(embeddings) == 4:
            seen.append(embeddings)
    return {"pairs": float(len(seen)), **of_embeddings(*(np.stack(column) for column in zip(*seen, strict=True)))}


def rest_distance(subject: Subject, one: Fit, other: Fit) -> float:
    """Mean distance of two fitted resting faces' 68 landmarks, cm: an embedding of who it is."""
    at = subject.stage.mesh.landmarks[:68]
    a, b = one.rest[at] - one.rest[at].mean(0), other.rest[at] - other.rest[at].mean(0)
    return float(np.linalg.norm(a / np.linalg.norm(a) - b / np.linalg.norm(b), axis=1).mean() * np.linalg.norm(b))


def shape_distance(subject: Subject, one: Fit, other: Fit) -> float:
    """Mean distance of the 68 landmarks of two fits, turned alike, in % of the outer eye corners' distance."""
    at = subject.stage.mesh.landmarks[:68]
    a, b = one.rest[at], other.rest[at]
    a, b = a - a.mean(0), b - b.mean(0)
    u, s, vt = np.linalg.svd(a.T @ b)
    sign = np.diag([1, 1, np.sign(np.linalg.det(u @ vt))])
    turned = a @ (u @ sign @ vt) * (s @ np.diag(sign) / (a * a).sum())
    return float(100 * np.linalg.norm(turned - b, axis=1).mean() / np.linalg.norm(b[36] - b[45]))


def flicker(pipeline: Pipeline, sittings: Sittings, rows: npt.NDArray[np.intp], seed: int) -> float:
    """Mean absolute difference of successive frames inside the face under a driver who does not move, grey levels.

    The driver's picture has fresh noise in each frame and is followed as a stream.
    """
    rng = np.random.default_rng((seed, 5))
    found = []
    for row in track(rows[:_STILL_PEOPLE], "flicker"):
        portrait = mien.Portrait(pipeline, sittings.pictures[row][VIEW["source"]])
        pipeline.reset()
        driver = sittings.pictures[row][VIEW["driver"]]
        before: F32 | None = None
        for number in range(_STILL_FRAMES):
            noisy = np.clip(driver + rng.normal(0, _NOISE, driver.shape), 0, 255).astype(np.uint8)
            shown = portrait.show(mien.Frame.of(noisy, t_ns=(row * 1000 + number) * 33_333_333))
            now = shown.picture.astype(np.float32)
            if before is not None and number > 5:
                found.append(float(np.abs(now - before)[60:200, 70:190].mean()))
            before = now
    return float(np.mean(found))


def verdicts(figures: dict[str, Any]) -> list[Asked]:
    """What was asked beside what was measured."""
    rows = []
    for kind in ("same", "cross"):
        own = figures[f"ours {kind}"]["psnr"]
        limits = {"source": ("copying the source", 3.0), "warp": ("the mesh's warp alone", 1.0)}
        limits["keypoints"] = ("keypoints at equal cost", 0.0)
        for way, (name, limit) in limits.items():
            if f"{way} {kind}" in figures:
                above = own - figures[f"{way} {kind}"]["psnr"]
                rows.append(Asked(f"{kind} identity: PSNR above {name}, dB", above, limit, False))
    return [
        *rows,
        Asked("two drivers of equal motion: difference in PSNR, dB", figures["leak_db"], 1.0),
        Asked("our face model on the output: mean r with the driver", figures["transfer"]["r"], 0.85, False),
        Asked("our face model on the output: head, degrees from the driver", figures["transfer"]["pose_degrees"], 3.0),
        Asked("landmark shape, neutral driver, % of eye corners", figures["transfer"]["shape_percent"], 2.0),
        Asked(
            "dlib's embedding: outputs nearer to their portrait than to the driver, share",
            figures["identity"]["nearer_to_portrait_than_to_driver"],
            0.95,
            False,
        ),
        Asked(
            "dlib's embedding: outputs recognised among all portraits, of the share that true pictures are",
            figures["identity"]["first_of_all"] / figures["identity"]["truth_first_of_all"],
            0.95,
            False,
        ),
        Asked("static driver: mean change between frames in the face, of 255", figures["flicker"], 0.5),
    ]


def main(
    bundle: Annotated[str, typer.Argument(help="a bundle, or the name of a shipped one")] = "reenact",
    pairs: Annotated[int, typer.Option(min=20)] = PAIRS,
    seed: Annotated[int, typer.Option()] = 1,
    data: Annotated[Path, typer.Option(help="folder of rendered data")] = ROOT / "out" / "training" / "data",
    baseline: Annotated[Path, typer.Option(help="of training.reenact_baseline")] = ROOT
    / "out/training/keypoints/checkpoint.pt",
    precision: Annotated[str, typer.Option(help="only targets of this precision")] = "",
    output: Annotated[Path, typer.Option("-o", "--output")] = ROOT / "training" / "results" / "reenact.json",
) -> None:
    """Measures, prints and writes."""
    recogniser = Recogniser()  # before the long work: it may not be installed
    folder = data / "reenact_held_out"
    for _ in portraits.render(folder, pairs, seed + 2000, "validation", 1):
        pass
    reenact_pairs.states(folder)
    sittings = reenact_pairs.load(folder, pairs)
    rows = np.flatnonzero(sittings.labels["found"].all(1))
    keypoints = Keypoints(baseline) if baseline.is_file() else None
    with (
        mien.open(bundle, device="cpu", precision=precision or None, threads=1) as pipeline,
        mien.open("face", tracking=False, threads=1) as face,
    ):
        subject = Subject(pipeline)
        figures = pictures(subject, keypoints, sittings, rows)
        figures |= measured_before(output) if keypoints is None else {}
        figures["transfer"] = transfer(subject, face, sittings, rows)
        figures["identity"] = identity(subject, face, recogniser, sittings, rows)
        figures["flicker"] = flicker(pipeline, sittings, rows, seed)
        blobs = dict(pipeline.bundle.manifest.blobs)
        ran = [f"{choice.network}: {choice.used} {choice.precision}" for choice in pipeline.report().networks]
    asked = verdicts(figures)
    about = {
        "synthetic": True,
        "pairs": len(rows),
        "pairs_without_a_face": len(sittings) - len(rows),
        "seed": seed,
        "commit": commit(),
        "machine": describe(),
        "ran_on": ran,
        "blobs": blobs,
        "asked": [{**vars(row), "met": row.met} for row in asked],
        "figures": figures,
    }
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(about, indent=1) + "\n")
    for name, figure in figures.items():
        print(f"{name:<18}", {k: v for k, v in figure.items() if k != "r_each"} if isinstance(figure, dict) else figure)
    Console().print(table(asked))


if __name__ == "__main__":
    run(main)
