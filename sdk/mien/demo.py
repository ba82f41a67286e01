"""The demo page: what bundles see on pictures and videos, as one folder that opens offline.

Per bundle and source: annotated frames, and the curves of the coefficients that move most, or a picture's coefficients.
Then where the time went. `overview.png` shows landmarks and curves without a pixel of the sources.
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mien._extras import need
from mien.demo_portrait import portrait_section
from mien.errors import SinkError, SourceError
from mien.locate import film, shipped
from mien.machine import describe
from mien.pipeline import Pipeline
from mien.pipeline import open as open_pipeline
from mien.report import Report
from mien.sinks._draw import annotate
from mien.sources.select import open_source
from mien.types import F32, U8, FaceState, Frame, ImuWindow

_STRIP = 6
_STRIP_HEIGHT = 300
_CURVES = 8


@dataclass
class _Seen:
    """What one bundle saw in one source; `number` counts them all."""

    source: str
    bundle: str
    number: int
    frames: int = 0
    with_face: int = 0
    times: list[float] = field(default_factory=list)
    states: list[FaceState] = field(default_factory=list)
    strip: list[U8] = field(default_factory=list)
    truth: Callable[[npt.ArrayLike], F32] | None = None  # the coefficients over time, where somebody knows them


@dataclass
class _Run:
    """What one bundle saw."""

    report: Report
    seen: list[_Seen]


def make_page(
    sources: Sequence[str],
    models: Sequence[str],
    output: Path,
    max_faces: int,
    device: str,
    progress: Callable[[str, int | None], Any],
) -> Path:
    """Runs each bundle over all sources and writes the page.

    Args:
        sources: addresses; none: the performance that ships with mien, and scikit-image's portrait where that is
            installed.
        models: bundles; none: `face`, `expression` and, where no sources are given, `imu`, as far as they are there.
            Bundles that take sensors are shown with the simulator where no sources are given.

    Returns:
        The path of index.html.

    Raises:
        SourceError: a source cannot be read, or none was given and none ships. SinkError: the folder cannot be written.
        BundleError: no such bundle.
    """
    wanted = ("face", "expression") if sources else ("face", "expression", "imu")
    usual = [name for name in wanted if name == "face" or name in shipped()]
    pipelines = [open_pipeline(model, device=device, max_faces=max_faces) for model in models or usual]
    addresses = {
        pipeline: sources or ([pipeline.example] if pipeline.example else _portraits()) for pipeline in pipelines
    }
    if not all(addresses.values()):
        raise SourceError("demo.sources", "The demo needs pictures or videos of faces.", "mien demo face.mp4 -m B.mien")
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SinkError(
            "sink.open", f"Cannot write to {str(output)!r}: {error.strerror}.", "Choose another."
        ) from error
    number = count()
    runs = [_run(pipeline, addresses[pipeline], number, progress) for pipeline in pipelines]
    parts = [part for run in runs for part in (*(_section(one, output) for one in run.seen), _latency(run.report))]
    if not sources and not models and "reenact" in shipped():
        parts += portrait_section(_portraits(), output, device, progress)
    _overview([one for run in runs for one in run.seen], output)
    figures = {"machine": describe(), "runs": [_figures(run) for run in runs]}
    (output / "report.json").write_text(json.dumps(figures, indent=1))
    page = output / "index.html"
    about = f"<p class='small'>{html.escape(json.dumps(describe()))}</p>"
    page.write_text("".join([_HEAD, *parts, about, _TAIL]), "utf-8")
    return page


def _portraits() -> list[str]:
    """What there is to see without being given anything; read in place, neither module is imported."""
    found = [film()]
    spec = find_spec("skimage")
    if spec is not None and spec.origin is not None:
        found.append(Path(spec.origin).parent / "data" / "astronaut.png")
    return [str(path) for path in found if path.is_file()]


def _run(
    pipeline: Pipeline, sources: Sequence[str], number: Iterator[int], progress: Callable[[str, int | None], Any]
) -> _Run:
    with pipeline:
        seen = [_watch(pipeline, source, next(number), progress) for source in sources]
        return _Run(pipeline.report(), seen)


def _watch(pipeline: Pipeline, source: str, number: int, progress: Callable[[str, int | None], Any]) -> _Seen:
    seen = _Seen(source, pipeline.bundle.manifest.name, number)
    origin = open_source(source)
    total = origin.length()
    wanted = set(np.linspace(0, (total or 1) - 1, min(_STRIP, total or 1)).round().astype(int).tolist())
    seen.truth = getattr(origin, "truth", None)
    pipeline.reset()
    try:
        with progress(Path(source).name, total) as advance:
            for frame, states in pipeline.stream_all(origin, drop="block"):
                _note(seen, frame, states, seen.frames in wanted)
                advance()
    finally:
        origin.close()
    return seen


def _note(seen: _Seen, frame: Frame | ImuWindow, states: list[FaceState], show: bool) -> None:
    seen.frames += 1
    seen.with_face += bool(states)
    if states:
        seen.times.append(states[0].t_ns / 1e9)
        seen.states.append(states[0])
    if show and isinstance(frame, Frame):
        seen.strip.append(annotate(frame.to_rgb(), states))


def _section(seen: _Seen, output: Path) -> str:
    name = html.escape(Path(seen.source).name)
    pieces = "frame(s)" if seen.strip else "window(s) of simulated samples" if seen.truth else "window(s) of samples"
    title = f"{html.escape(seen.bundle)}: {name}"
    parts = [f"<section><h2>{title}</h2><p>{seen.frames} {pieces}, a face in {seen.with_face}.</p>"]
    picture = ""
    if seen.strip:
        strip = f"strip{seen.number}.jpg"
        _write_strip(seen.strip, output / strip)
        picture = f'<a href="{strip}"><img src="{strip}" alt="annotated frames of {name}"></a>'
    if len(seen.states) > 1:
        curves = f"curves{seen.number}.svg"
        figure = need("matplotlib.figure", "Drawing curves").Figure(figsize=(11, 3.4), layout="constrained")
        _curves(figure.subplots(), seen)
        figure.savefig(output / curves)
        parts.append(f'{picture}<img src="{curves}" alt="coefficients over time">')
        if seen.truth is not None:
            parts.append("<p>Solid: what the bundle says. Dotted: what the simulated face does.</p>")
    elif seen.states:
        parts.append(f'<div class="pair">{picture}{_table(seen.states[0])}</div>')
    else:
        parts.append(picture)
    return "".join([*parts, "</section>"])


def _write_strip(pictures: list[U8], path: Path) -> None:
    cv2 = need("cv2", "Writing pictures")
    scaled = [
        cv2.resize(p, (round(p.shape[1] * _STRIP_HEIGHT / p.shape[0]), _STRIP_HEIGHT), interpolation=cv2.INTER_AREA)
        if len(pictures) > 1
        else p
        for p in pictures
    ]
    rows = [scaled[k : k + 3] for k in range(0, len(scaled), 3)]
    lines = [np.hstack(row) for row in rows]
    width = max(line.shape[1] for line in lines)
    sheet = np.vstack([np.pad(line, ((0, 0), (0, width - line.shape[1]), (0, 0))) for line in lines])
    _, data = cv2.imencode(".jpg", cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 88])
    path.write_bytes(data.tobytes())


def _movers(seen: _Seen) -> tuple[npt.NDArray[np.float32], list[int]]:
    """The values of the first face over time, and the coefficients with the widest range."""
    values = np.stack([state.values for state in seen.states])
    valid = np.asarray(np.stack([state.valid for state in seen.states]).all(axis=0))
    order = np.argsort(-np.where(valid, np.ptp(values, axis=0), -1))
    return values, [int(slot) for slot in order[:_CURVES] if valid[slot]]


def _curves(axes: Any, seen: _Seen) -> None:
    values, movers = _movers(seen)
    known = None if seen.truth is None else seen.truth([state.t_ns for state in seen.states])
    for slot in movers:
        (line,) = axes.plot(seen.times, values[:, slot], label=seen.states[0].layout.names[slot], linewidth=1.4)
        if known is not None:
            axes.plot(seen.times, known[:, slot], color=line.get_color(), linewidth=0.9, linestyle=":")
    axes.set(xlabel="time (s)", ylabel="coefficient", ylim=(-0.02, 1.02), title=Path(seen.source).name)
    axes.grid(alpha=0.25)
    if movers:
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=8)


def _overview(seen: list[_Seen], output: Path) -> None:
    """Landmarks and curves of the source with the most frames, without its pixels."""
    pictured = [one for one in seen if one.states and one.states[0].landmarks is not None]
    if not pictured:
        return
    best = max(pictured, key=lambda one: len(one.states))
    figure = need("matplotlib.figure", "Drawing the overview").Figure(figsize=(11, 5.4), layout="constrained")
    upper, lower = figure.subfigures(2, 1, height_ratios=(1, 1.1))
    shown = np.linspace(0, len(best.states) - 1, min(5, len(best.states))).round().astype(int)
    for axes, k in zip(np.atleast_1d(upper.subplots(1, len(shown))), shown.tolist(), strict=True):
        points = best.states[k].landmarks
        assert points is not None
        depth = points[:, 2] if np.ptp(points[:, 2]) else points[:, 1]
        axes.scatter(points[:, 0], -points[:, 1], s=3, c=depth, cmap="viridis_r", linewidths=0)
        axes.set_aspect("equal")
        axes.axis("off")
        axes.set_title(f"{best.times[k]:.1f} s", fontsize=9)
    if len(best.states) > 1:
        _curves(lower.subplots(), best)
    figure.savefig(output / "overview.png", dpi=110)


def _table(state: FaceState) -> str:
    order = np.argsort(-np.where(state.valid, state.values, -1)).tolist()
    rows = {state.layout.names[k]: float(state.values[k]) for k in order if state.valid[k]}
    missing = ", ".join(name for name, ok in zip(state.layout.names, state.valid, strict=True) if not ok)
    parts = [_bars(f"Coefficients (not measured: {missing or 'none'})", rows)]
    for title, named in (("Emotions", state.emotion), ("Action units", state.aus), ("Visibility", state.visibility)):
        if named:
            parts.append(_bars(title, named))
    return f"<div>{''.join(parts)}</div>"


def _bars(title: str, rows: Mapping[str, float]) -> str:
    cells = "".join(
        f"<tr><td>{html.escape(name)}</td><td>{value:.3f}</td>"
        f'<td><div class="bar" style="width:{round(240 * value)}px"></div></td></tr>'
        for name, value in rows.items()
    )
    return f"<details open><summary>{title}</summary><table>{cells}</table></details>"


def _latency(report: Report) -> str:
    rows = "".join(
        f"<tr><td>{stage}</td><td>{row['p50_ms']:.3f}</td><td>{row['p99_ms']:.3f}</td><td>{int(row['count'])}</td></tr>"
        for stage, row in report.stages.items()
    )
    nets = "".join(
        f"<li>{html.escape(c.network)} on {html.escape(c.used)} {html.escape(c.precision)}"
        f"{''.join(f'<br>refused: {html.escape(line)}' for line in c.refused)}</li>"
        for c in report.networks
    )
    return (
        f"<section><h2>{html.escape(report.bundle)}: where the time goes</h2><table>"
        f"<tr><th>stage</th><th>p50 ms</th><th>p99 ms</th><th>times</th></tr>{rows}</table><ul>{nets}</ul>"
        f"<p>{report.frames_in} frames in, {report.frames_out} out, {report.dropped} dropped.</p></section>"
    )


def _figures(run: _Run) -> dict[str, Any]:
    report = run.report
    return {
        "bundle": report.bundle,
        "networks": [vars(choice) for choice in report.networks],
        "stages": report.stages,
        "frames": {"in": report.frames_in, "out": report.frames_out, "dropped": report.dropped},
        "sources": [{"name": Path(s.source).name, "frames": s.frames, "with_face": s.with_face} for s in run.seen],
    }


_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>mien demo</title>
<meta name="viewport" content="width=device-width">
<style>
body { font: 15px/1.45 system-ui, sans-serif; margin: 0; color: #1b2430; background: #f5f6f8; }
main { max-width: 1120px; margin: 0 auto; padding: 24px; }
section { background: #fff; border-radius: 10px; padding: 16px 20px; margin: 0 0 20px; }
img { max-width: 100%; border-radius: 6px; } table { border-collapse: collapse; font-size: 13px; }
td, th { padding: 2px 14px 2px 0; text-align: left; } .bar { height: 9px; background: #2f9e62; border-radius: 3px; }
.pair { display: flex; gap: 24px; align-items: flex-start; } .pair > a { flex: 1 1 55%; position: sticky; top: 12px; }
.small { font-size: 12px; color: #667; overflow-wrap: anywhere; }
</style></head><body><main><h1>mien: what the model sees</h1>
"""
_TAIL = "</main></body></html>\n"
