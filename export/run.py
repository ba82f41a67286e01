"""One export from end to end: build the targets, prove them, report, and write the bundle if nothing is refused."""

from __future__ import annotations

import importlib.util
import multiprocessing
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from mien.errors import MienError, MissingExtraError
from onnx import numpy_helper
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from export import assemble
from export.build import Build
from export.errors import ExportError
from export.plugins import find, names
from export.prove import Proof, clock, prove
from export.quiet import quiet
from export.recipe import Recipe
from export.settings import Settings
from export.sources import open_source
from export.targets.base import Built, Target
from quantization import report

ROOT = Path(__file__).resolve().parent.parent


def export(
    source: Callable[[], Recipe],
    settings: Settings,
    wanted: Sequence[str],
    output: Path,
    *,
    every: bool = False,
    key: str = "",
    signature: bytes | None = None,
    jobs: int = 1,
    npu: bool = False,
) -> bool:
    """Whether the bundle was written; the report beside it is in any case.

    Args:
        source: opens what is exported; where `jobs` is more than one, each process opens it anew by the settings.
        every: a whole set of targets was asked for: those that this kind of model cannot have are left out and listed.

    Raises:
        MienError: something cannot be built; neither bundle nor report is touched.
    """
    console = Console(file=sys.stdout)  # its own: what tools print is swallowed
    columns = (TextColumn("{task.description:<44}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("reading", total=2 * len(wanted) + 1)
        with quiet():
            build = Build(source(), settings, lambda what: progress.update(bar, description=what))
            targets, left_out = _possible(build, wanted, every)
        progress.update(bar, total=2 * len(targets) + 1)
        with quiet():
            _prepare(build, targets)
        proofs: dict[str, Proof] = {}
        built = {}
        for name, result in _built(build, targets, jobs):
            built[name] = result
            progress.update(bar, description=f"built {name}", advance=1)
        for name, target in targets.items():
            progress.update(bar, description=f"proving {name}")
            with quiet():
                proofs[name] = prove(build, target, built[name])
            progress.advance(bar)
        progress.update(bar, description="timing")
        with quiet():
            clock(build, targets, proofs)
        progress.advance(bar)
    compiled = _npu(build, targets, proofs, console) if npu else {}
    console.print(table(targets, proofs, left_out))
    folder = output.with_suffix(".report")
    verdicts = {name: proof.verdict for name, proof in proofs.items() if proof.verdict is not None}
    page = report.write(folder, _facts(build, targets, proofs, left_out, compiled), verdicts)
    refused = {name: verdict for name, verdict in verdicts.items() if not verdict.passed}
    for name, verdict in refused.items():
        console.print(f"[red]{name} is refused:[/red]")
        for breach in verdict.breaches[:8]:
            console.print(f"  {breach}", markup=False)
        if len(verdict.breaches) > 8:
            console.print(f"  and {len(verdict.breaches) - 8} more: {page}")
    if refused:
        console.print(f"No bundle was written. Report: {page}")
        return False
    assemble.write(output, build, targets, proofs, key, signature)
    console.print(f"{output}: {output.stat().st_size / 1e6:.2f} MB. Report: {page}")
    return True


def _possible(build: Build, wanted: Sequence[str], every: bool) -> tuple[dict[str, type[Target]], dict[str, str]]:
    """The targets that this model can have, and why not the others."""
    recipe = build.recipe
    has = {"any"} | ({"torch", "onnx"} if recipe.module is not None else {"onnx"} if recipe.onnx else set())
    targets, left_out = {}, {}
    for name in wanted:
        target = find("export.targets", name, Target)
        if recipe.module is None and recipe.onnx and target.engine == "litert":
            why = "made from ONNX; LiteRT's converter reads torch"
        elif target.needs not in has:
            why = f"needs the model as {target.needs}"
        else:
            _check_packages(name, target)
            targets[name] = target
            continue
        if not every:
            raise ExportError("export.source", f"{recipe.name} cannot become {name}: {why}.", "Export it from torch.")
        left_out[name] = why
    if not targets:
        raise ExportError("export.target", "No target is left.", "See python -m export --list.")
    return targets, left_out


def _check_packages(name: str, target: type[Target]) -> None:
    for module, package in target.packages.items():
        if importlib.util.find_spec(module) is None:
            raise MissingExtraError("export", package, f"The target {name}")


def _prepare(build: Build, targets: Mapping[str, type[Target]]) -> None:
    """Makes what several targets share, so that processes find it on disk."""
    if build.recipe.tflite:
        return
    build.float_blob()
    int8 = [target for target in targets.values() if target.precision == "int8"]
    if not int8:
        return
    build.calibration  # noqa: B018  # a property that makes it
    if any(target.needs == "onnx" and target.device != "Tensorrt" for target in int8):
        build.int8_blob()
    if any(target.device == "Tensorrt" for target in int8):
        build.int8_blob(symmetric=True)


def _built(build: Build, targets: Mapping[str, type[Target]], jobs: int) -> Iterator[tuple[str, Built]]:
    if jobs == 1 or len(targets) == 1:
        for name, target in targets.items():
            with quiet():
                made = target.build(build)
            yield name, made
        return
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        running = {name: pool.submit(build_one, build.values.settings, name) for name in targets}
        for name, future in running.items():
            yield name, future.result()


def build_one(settings: Settings, name: str) -> Built:
    """One target in a process of its own."""
    with quiet():
        return find("export.targets", name, Target).build(Build(open_source(settings), settings))


def _npu(
    build: Build, targets: Mapping[str, type[Target]], proofs: Mapping[str, Proof], console: Console
) -> dict[str, list[dict[str, object]]]:
    """Target -> what the NPU compiler says of it for each platform."""
    from export.npu import proof as npu

    if missing := npu.available():
        raise ExportError("export.npu", missing, "")
    try:
        npu.fetch(npu.FOLDER)
        exe = npu.build(npu.FOLDER)
    except RuntimeError as error:
        raise ExportError("export.npu", str(error), "") from error
    record = {}
    for name, target in targets.items():
        if target.device == "NPU":
            built = proofs[name].built
            folder = build.values.settings.work / "npu"
            folder.mkdir(parents=True, exist_ok=True)
            model = folder / Path(built.blob).name
            model.write_bytes(built.blobs[built.blob])
            results = [npu.compile_model(exe, model, p, folder / f"{p}.blob") for p in npu.PLATFORMS]
            record[name] = [dict(result.__dict__) for result in results]
            for result in results:
                console.print(
                    f"{name} for {result.platform}: {'compiles' if result.ok else result.error}", markup=False
                )
    return record


def table(targets: Mapping[str, type[Target]], proofs: Mapping[str, Proof], left_out: Mapping[str, str]) -> Table:
    """What is printed at the end."""
    out = Table("target", "MB", "ran on", "parity", "gate", "ms", "operators taken")
    for name in assemble.order(targets, proofs):
        proof = proofs[name]
        gate = "" if proof.verdict is None else "passed" if proof.verdict.passed else "REFUSED"
        taken = ", ".join(f"{found.supported}/{found.nodes} {table}" for table, found in proof.support.items())
        spent = "" if proof.milliseconds is None else f"{proof.milliseconds:.3f}"
        out.add_row(name, f"{proof.bytes / 1e6:.2f}", proof.ran_on, f"{proof.parity:.1e}", gate, spent, taken)
    for name, why in left_out.items():
        out.add_row(name, "", f"left out: {why}", "", "", "", "")
    return out


def _facts(
    build: Build,
    targets: Mapping[str, type[Target]],
    proofs: Mapping[str, Proof],
    left_out: Mapping[str, str],
    compiled: Mapping[str, list[dict[str, object]]],
) -> report.Facts:
    layers = [] if build.recipe.tflite or not any(p.verdict for p in proofs.values()) else build.layers()
    return report.Facts(
        name=build.recipe.name,
        targets={name: assemble.facts(targets[name], proofs[name]) for name in assemble.order(targets, proofs)},
        left_out=dict(left_out),
        layers=layers,
        columns={name: list(names) for name, names in build.recipe.columns.items()},
        float_bytes=_float_bytes(build),
        speed_up=assemble.faster_int8(targets, proofs),
        npu=dict(compiled),
    )


def _float_bytes(build: Build) -> int:
    """Of the weights as float32; 0 for models whose weights only their own engine reads."""
    if build.recipe.tflite:
        return 0
    return sum(numpy_helper.to_array(weight).nbytes for weight in build.values.float_model.graph.initializer)


def print_targets() -> None:
    """The targets with a line each."""
    out = Table("target", "what it is", "engine", "device", "precision")
    for name in names("export.targets"):
        try:
            target = find("export.targets", name, Target)
        except MienError as error:
            out.add_row(name, str(error), "", "", "")
            continue
        out.add_row(name, target.summary, target.engine, target.device or "CPU", target.precision)
    Console().print(out)
