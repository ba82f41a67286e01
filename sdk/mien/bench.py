"""Measures bundles on engines: each in a process of its own, so that memory and the first result are its own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mien import registry
from mien._extras import need
from mien.bundle import Bundle
from mien.errors import InputError, MienError, SourceError
from mien.locate import film, locate
from mien.machine import resident_mb
from mien.pipeline import open as open_pipeline
from mien.sources.select import open_source
from mien.tasks.base import Task
from mien.types import Frame, ImuWindow

_KEPT_FRAMES = 64
_WARM_UP = 5
_CALIBRATION = 300  # windows of sensors before the clock counts: the first 2 s are the calibration
_TICK = "tick"
_RAPL = Path("/sys/class/powercap/intel-rapl:0/energy_uj")
# The figures of a row, and what they are called in a table.
_FIGURES = {
    "model": "bundle",
    "device": "asked",
    "used": "runs on",
    "precision": "precision",
    "first_ms": "first ms",
    "p50_ms": "p50 ms",
    "p99_ms": "p99 ms",
    "nets_p50_ms": "nets ms",
    "overhead_p50_ms": "rest ms",
    "fps": "fps",
    "rss_mb": "RSS MB",
    "cpu_percent": "CPU %",
    "joules": "J/frame",
}


def cases(model: str | Path) -> list[tuple[str, str]]:
    """Engine and precision of every target of a bundle, each pair once, in the bundle's order."""
    with Bundle.open(locate(model)) as opened:
        targets = [target for network in opened.manifest.networks.values() for target in network.targets]
    return list(dict.fromkeys((t.engine, t.precision) for t in targets))


def measure(
    model: str | Path,
    source: str,
    device: str,
    precision: str = "",
    frames: int = 200,
    threads: int = 1,
    max_faces: int = 1,
    advance: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Latencies of one engine over frames held in memory, in a new process.

    Args:
        source: an address; "" is what the bundle's task is tried with.

    Returns:
        model, device, precision, where it ran, first_ms (process begins to open, to the first result), p50_ms and
        p99_ms of `process`, nets_p50_ms (the sessions inside it), overhead_p50_ms (the difference), fps, rss_mb,
        cpu_percent (100: one core), joules per frame (of the whole processor, where RAPL can be read), stages, and
        error ("" or why it did not run). What could not be measured is "-".
    """
    asked = [str(model), source, device, precision, frames, threads, max_faces]
    command = [sys.executable, "-m", "mien.bench", json.dumps(asked)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        last = ""
        for line in process.stdout:
            if line.strip() == _TICK:
                advance()
            else:
                last = line
        error = process.stderr.read()
    with suppress(ValueError):
        row: dict[str, Any] = json.loads(last)
        return row
    text = error.strip().splitlines()[-1] if error.strip() else f"ended with status {process.returncode}"
    return {**_blank(str(model), device, precision), "error": f"its process {text}"}


def _blank(model: str, device: str, precision: str) -> dict[str, Any]:
    known = {"model": Path(model).stem, "device": device, "precision": precision}
    return {**dict.fromkeys(_FIGURES, "-"), **known, "stages": {}, "error": ""}


def _measure(
    model: str, source: str, device: str, precision: str, frames: int, threads: int, max_faces: int
) -> dict[str, Any]:
    row = _blank(model, device, precision)
    try:
        inputs, warm = _inputs(source or _example(model), frames)
        start = time.perf_counter()
        opened = open_pipeline(model, device=device, precision=precision, threads=threads, max_faces=max_faces)
        with opened as pipeline:
            pipeline.process_all(inputs[0])
            row["first_ms"] = round((time.perf_counter() - start) * 1e3, 1)
            for item in inputs[1:warm]:
                pipeline.process_all(item)
            whole, nets = np.zeros(frames), np.zeros(frames)
            spent, energy = time.process_time(), _joules()
            for k in range(frames):
                runs = pipeline.total_ns("run")
                began = time.perf_counter_ns()
                pipeline.process_all(inputs[warm + k])
                whole[k] = time.perf_counter_ns() - began
                nets[k] = pipeline.total_ns("run") - runs
                print(_TICK, flush=True)
            spent, used = time.process_time() - spent, _joules()
            report = pipeline.report()
    except MienError as error:
        return {**row, "error": str(error)}
    row["used"] = ", ".join(sorted({choice.used for choice in report.networks}))
    row["precision"] = ", ".join(sorted({choice.precision for choice in report.networks}))
    row["p50_ms"], row["p99_ms"] = (round(float(v) / 1e6, 3) for v in np.percentile(whole, [50, 99]))
    row["nets_p50_ms"] = round(float(np.median(nets)) / 1e6, 3)
    row["overhead_p50_ms"] = round(float(np.median(whole - nets)) / 1e6, 3)
    row["fps"] = round(1e9 / float(whole.mean()), 1)
    row["rss_mb"] = round(resident_mb(), 1)
    row["cpu_percent"] = round(100 * spent / (float(whole.sum()) / 1e9), 0)
    if energy is not None and used is not None and used > energy:  # the counter begins anew now and then
        row["joules"] = round((used - energy) / frames, 5)
    row["stages"] = report.stages
    return row


def _joules() -> float | None:
    """What the processor has used so far; None where RAPL is missing or may not be read."""
    try:
        return int(_RAPL.read_text()) / 1e6
    except (OSError, ValueError):
        return None


def _example(model: str) -> str:
    """What a bundle is measured on where nothing is said."""
    with Bundle.open(locate(model)) as bundle:
        task = registry.find("tasks", bundle.manifest.task, Task)
    return task.example or str(film())


def _inputs(source: str, frames: int) -> tuple[list[Frame | ImuWindow], int]:
    """Inputs in the order of their use, and how many of them come before the clock counts.

    Pictures are few and shown again and again; samples of sensors go on, and begin with the wearer's calibration.
    """
    opened = open_source(source)
    try:
        first = opened.read()
        if first is None:
            raise SourceError("source.empty", f"{source!r} holds no frames.", "Give a picture or a video.")
        count = _CALIBRATION + frames if isinstance(first, ImuWindow) else _KEPT_FRAMES
        kept: list[Frame | ImuWindow] = [first]
        while len(kept) < count and (item := opened.read()) is not None:
            kept.append(item)
    finally:
        opened.close()
    if not isinstance(first, ImuWindow):
        pictures = [item for item in kept if isinstance(item, Frame)]
        return [_at(pictures[k % len(pictures)], k) for k in range(_WARM_UP + frames)], _WARM_UP
    if len(kept) < count:
        raise SourceError("source.empty", f"{source!r} holds {len(kept)} windows.", f"{count} are needed.")
    return kept, _CALIBRATION


def _at(frame: Frame, index: int) -> Frame:
    """The same picture at another time, 30 a second."""
    return replace(frame, t_ns=index * 33_333_333)


# -- what is made of the rows --------------------------------------------------------------------------------------


def title(row: Mapping[str, Any]) -> str:
    """Bundle, engine and precision."""
    return f"{row['model']} {row['used']} {row['precision']}"


def earlier(path: Path) -> dict[str, float]:
    """p50 of each row of a file that `mien bench` wrote.

    Raises:
        InputError: the file cannot be read or is none of `mien bench`.
    """
    try:
        return _named(json.loads(path.read_text())["rows"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            "bench.compare", f"{path} holds no figures of `mien bench` ({error!r}).", "Give a file made with -o."
        ) from error


def compared(rows: Sequence[Mapping[str, Any]], before: Mapping[str, float]) -> list[tuple[str, float, float]]:
    """What, p50 here and p50 there, for each row that both have."""
    return [(name, value, before[name]) for name, value in _named(rows).items() if name in before]


def _named(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    ran = [row for row in rows if not row["error"]]
    return {title(row): float(row["p50_ms"]) for row in ran}


def markdown(machine: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows as a table, with the machine they hold for."""
    about = f"{machine['processor']}, {machine['cores']} cores, {machine['system']}"
    versions = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    lines = [f"Measured by `mien bench` on {about}; {versions}.", ""]
    lines += ["| " + " | ".join(_FIGURES.values()) + " |", "|" + " --- |" * len(_FIGURES)]
    lines += ["| " + " | ".join(str(row[name]) for name in _FIGURES) + " |" for row in rows if not row["error"]]
    lines += ["", *(f"- {row['model']} on {row['device']} did not run: {row['error']}" for row in rows if row["error"])]
    return "\n".join(lines) + "\n"


def plot(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """p50 and p99 of each row that ran, as bars. Raises MissingExtraError."""
    need("matplotlib", "Drawing the figures")
    from matplotlib.figure import Figure

    ran = [row for row in rows if not row["error"]]
    figure = Figure(figsize=(8, 0.6 + 0.5 * len(ran)), layout="constrained")
    axes = figure.add_subplot()
    places = np.arange(len(ran))[::-1]
    axes.barh(places, [row["p99_ms"] for row in ran], 0.6, color="#c9d6e4", label="p99")
    axes.barh(places, [row["p50_ms"] for row in ran], 0.6, color="#33608c", label="p50")
    axes.set_yticks(places, [title(row) for row in ran])
    axes.set_xlabel("ms per frame")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    print(json.dumps(_measure(*json.loads(sys.argv[1]))))
