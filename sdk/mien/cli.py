"""The command line: `mien run | demo | inspect | import | bench | doctor`.

Results go to standard output, everything else (progress, errors) to standard error, so that `--json` can be piped.
Exit status: 0 done, 1 nothing found where something was expected, 2 a MienError or wrong usage.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text
from typer.core import TyperGroup

from mien import registry
from mien.bundle import Bundle
from mien.errors import MienError
from mien.filters.base import Filter
from mien.importers.select import import_model
from mien.locate import locate, shipped
from mien.pipeline import open as open_pipeline
from mien.sinks._files import check_distinct, check_writable, writing
from mien.sinks.base import Sink
from mien.sources.select import open_source


class _Group(TyperGroup):
    """Ends quietly, as done, when the reader of a pipe (`mien ... | head -1`) has seen enough."""

    def invoke(self, ctx: Any) -> Any:
        try:
            try:
                return super().invoke(ctx)
            finally:
                sys.stdout.flush()
        except BrokenPipeError:
            # What Python still flushes at its end has to go somewhere.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None


class _Console(Console):
    """Prints text as it is: names in bundles, paths and engines' messages are neither markup nor terminal commands."""

    def say(self, *texts: object) -> None:
        """Prints lines; characters that are not printable appear as their escapes."""
        for text in texts:
            self.print(plain(text), soft_wrap=True)

    def on_broken_pipe(self) -> None:
        raise  # the BrokenPipeError that is being handled


def plain(text: object) -> str:
    """The text with control characters, terminal sequences among them, as visible escapes."""
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in str(text))


app = typer.Typer(cls=_Group, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
_out = _Console(soft_wrap=True, highlight=False, markup=False, emoji=False)
_err = _Console(stderr=True, highlight=False, markup=False, emoji=False)

Model = Annotated[
    str, typer.Option("--model", "-m", help="A .mien file, or the name of a bundle that ships with mien.")
]
Device = Annotated[str, typer.Option(help="auto, cpu, an engine such as litert, or ENGINE:DEVICE.")]
MaxFaces = Annotated[int, typer.Option(min=1, max=32, help="How many faces to follow.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on standard output and nothing else.")]


@contextmanager
def progress_bar(what: str, total: int | None) -> Iterator[Callable[[], None]]:
    """A progress bar on standard error; yields the function that advances it. Silent where nobody watches."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=_err, transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(plain(what), total=total)
        yield lambda: bar.advance(task)


@app.command()
def run(
    source: Annotated[str, typer.Argument(help="Picture, folder, video, camera:0, raw:FILE?format=..., recording.")],
    model: Model = "face",
    max_faces: MaxFaces = 1,
    json_: AsJson = False,
    landmarks: Annotated[bool, typer.Option(help="Put the landmarks into the JSON too.")] = False,
    csv: Annotated[Path | None, typer.Option(help="Write a table.")] = None,
    video: Annotated[Path | None, typer.Option(help="Write the annotated video or picture.")] = None,
    record: Annotated[Path | None, typer.Option(help="Record frames and states to a .mrec file.")] = None,
    filter_: Annotated[
        list[str] | None,
        typer.Option(
            "--filter", help="one_euro, hold, constraints; may repeat. Default: the bundle's own. none: none."
        ),
    ] = None,
    tracking: Annotated[
        bool, typer.Option(help="Follow faces; without it every frame is a picture of its own.")
    ] = True,
    drop: Annotated[str | None, typer.Option(help="oldest, newest or block, when frames come too fast.")] = None,
    frames: Annotated[int | None, typer.Option(min=1, help="Stop after so many frames.")] = None,
    device: Device = "auto",
) -> None:
    """Run a bundle on pictures, videos or a camera."""
    chosen = [registry.find("filters", name, Filter)() for name in filter_ or [] if name != "none"]
    filters = chosen if filter_ else None
    with ExitStack() as stack:
        pipeline = stack.enter_context(
            open_pipeline(model, device=device, max_faces=max_faces, tracking=tracking, filters=filters)
        )
        check_distinct([p for p in (csv, video, record) if p], [pipeline.bundle.path, *_files_of(source)])
        origin = open_source(source)
        stack.callback(origin.close)
        sinks = [stack.enter_context(sink) for sink in _sinks(json_, landmarks, csv, video, record)]
        total = origin.length()
        if frames is not None:
            total = min(frames, total or frames)
        seen = found = 0
        advance = stack.enter_context(progress_bar(source, total))
        stream = pipeline.stream_all(origin, drop=drop)
        try:
            for frame, states in stream:
                for sink in sinks:
                    sink.put(states, frame)
                seen += 1
                found += bool(states)
                advance()
                if seen == frames:
                    break
        except KeyboardInterrupt:
            _err.say("stopped")
        finally:
            stream.close()
    if not json_:
        _out.say(f"{seen} frame(s), a face in {found}")
        _out.say(pipeline.report())
        for path in (csv, video, record):
            if path is not None:
                _out.say(f"wrote {path}")
    if not found:
        raise typer.Exit(1)


def _files_of(source: str) -> list[Path]:
    """The file or folder that an address names, if it names one."""
    return [] if not source else [Path(source), Path(source.removeprefix("raw:").partition("?")[0])]


def _sinks(json_: bool, landmarks: bool, *paths: Path | None) -> Iterator[Sink]:
    if json_:
        from mien.sinks.jsonl import JsonLines

        yield JsonLines("-", landmarks)
    for name, path in zip(("csv", "video", "recorder"), paths, strict=True):
        if path is not None:
            yield registry.find("sinks", name, Sink)(str(path))


@app.command()
def inspect(
    bundle: Annotated[str, typer.Argument(help="A .mien file, or the name of a bundle that ships with mien.")],
    json_: AsJson = False,
) -> None:
    """Show and verify what a bundle contains."""
    with Bundle.open(locate(bundle)) as opened:
        manifest = opened.manifest
        sizes = {name: len(opened.blob(name)) for name in opened.names()}
        if json_:
            print(json.dumps({**manifest.root.fields, "sizes": sizes}))
            return
        _out.say(f"{manifest.name}: task {manifest.task}, licence {manifest.licence}")
        _out.say(f"source: {manifest.source or 'not stated'}; training data: {manifest.training_data}")
        for network in manifest.networks.values():
            _out.say(f"network {network.name}")
            for kind, ports in (("in ", network.inputs), ("out", network.outputs)):
                for port in ports.values():
                    _out.say(f"  {kind} {port.name} {'x'.join(map(str, port.shape))} {port.dtype}")
            for target in network.targets:
                where = f"{target.engine} {target.device}".strip()
                weight = sizes[target.blob] + (sizes[target.weights] if target.weights else 0)
                _out.say(f"  for {where} {target.precision}: {target.blob}, {weight} bytes")
        _out.say(f"{len(sizes)} members, {sum(sizes.values())} bytes, all SHA-256 sums right")


@app.command("import")
def import_(
    path: Annotated[Path, typer.Argument(help="The public model, or the .toml that describes one.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The bundle to write.")],
    format_: Annotated[
        str | None, typer.Option("--format", help="The importer; default: the one that accepts it.")
    ] = None,
) -> None:
    """Turn a public model into a bundle."""
    import_model(path, output, format_)
    _out.say(f"wrote {output} ({output.stat().st_size} bytes)")
    try:
        with open_pipeline(output) as pipeline:
            for choice in pipeline.report().networks:
                _out.say(f"  {choice.network} runs on {choice.used} {choice.precision} ({choice.version})")
    except MienError as error:
        _err.say(f"It does not run here yet: {error}")


@app.command()
def bench(
    source: Annotated[
        str | None,
        typer.Argument(
            help="Frames to run on; repeated until enough. Default: the shipped film; for imu the simulator."
        ),
    ] = None,
    models: Annotated[
        list[str] | None, typer.Option("--model", "-m", help="A bundle; may repeat. Default: all that ship with mien.")
    ] = None,
    frames: Annotated[int, typer.Option(min=10, help="Timed frames per engine.")] = 200,
    threads: Annotated[int, typer.Option(min=1)] = 1,
    max_faces: MaxFaces = 1,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the figures as JSON, and .md and .png beside it.")
    ] = None,
    compare: Annotated[Path | None, typer.Option(help="Figures of an earlier run, to be compared with.")] = None,
) -> None:
    """Measure bundles on every engine and precision that they have targets for."""
    from mien import bench as bench_
    from mien.machine import describe

    chosen = models or shipped()
    source = source or ""
    written = [output, output.with_suffix(".md"), output.with_suffix(".png")] if output else []
    check_distinct(written, [*map(locate, chosen), *_files_of(source), *([compare] if compare else [])])
    for path in written:
        check_writable(path)
    before = bench_.earlier(compare) if compare else {}
    asked = [(model, *case) for model in chosen for case in bench_.cases(model)]
    heads = ("", "first", "p50", "p99", "fps", "RSS MB", "CPU %", "J/frame")
    table = Table(*heads, box=SIMPLE, padding=(0, 1, 0, 0), caption="milliseconds of a frame; first: open to result")
    table.columns[0].no_wrap = True  # the label of a row can be searched for
    rows: list[dict[str, Any]] = []
    for model, engine, precision in asked:
        with progress_bar(f"{model} {engine} {precision}", frames) as advance:
            row = bench_.measure(model, source, engine, precision, frames, threads, max_faces, advance)
        rows.append(row)
        if row["error"]:
            _err.say(f"{row['model']} on {engine}: {row['error']}")
        else:
            shown = ("first_ms", "p50_ms", "p99_ms", "fps", "rss_mb", "cpu_percent", "joules")
            table.add_row(plain(bench_.title(row)), *(plain(row[name]) for name in shown))
    _out.print(table)
    if before:
        ratios = Table("", "p50 ms here", "there", "ratio", box=SIMPLE)
        for name, here, there in bench_.compared(rows, before):
            ratios.add_row(plain(name), f"{here:.3f}", f"{there:.3f}", f"{here / there:.2f}")
        _out.print(ratios)
    if written:
        machine = describe()
        text = json.dumps({"machine": machine, "rows": rows}, indent=1)
        for path, content in ((written[0], text), (written[1], bench_.markdown(machine, rows))):
            with writing(str(path)):
                path.write_text(content)
        try:
            bench_.plot(rows, written[2])
        except MienError as error:
            written.pop()
            _err.say(str(error))
        _out.say(f"wrote {', '.join(map(str, written))}")
    if all(row["error"] for row in rows):
        raise typer.Exit(1)


@app.command()
def doctor(json_: AsJson = False) -> None:
    """Show what this machine has, what each engine sees, and what to install for what is missing."""
    from mien.doctor import examine

    findings = examine()
    if json_:
        print(json.dumps(findings))
    else:
        table = Table("what", "found", "advice", show_lines=False)
        for row in findings:
            mark = Text("ok ", "green") if row["ok"] else Text("-- ", "yellow")
            table.add_row(mark + plain(row["what"]), plain(row["found"]), plain(row["advice"]))
        _out.print(table)
    if not all(row["ok"] for row in findings if row["required"]):
        raise typer.Exit(1)


@app.command()
def demo(
    sources: Annotated[
        list[str] | None, typer.Argument(help="Pictures and videos of faces. Default: those that come with mien.")
    ] = None,
    models: Annotated[
        list[str] | None,
        typer.Option(
            "--model", "-m", help="A bundle; may repeat. Default: face, expression and imu, which ship with mien."
        ),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write.")] = Path("out/demo"),
    max_faces: MaxFaces = 2,
    device: Device = "auto",
) -> None:
    """Run bundles on pictures and videos and write a page that shows what they see."""
    from mien.demo import make_page

    page = make_page(sources or [], models or [], output, max_faces, device, progress_bar)
    _out.say(f"wrote {page}; open it in a browser")


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the `mien` command."""
    try:
        app(arguments)
    except MienError as error:
        _err.say(f"error {error.code}: {error.message}", *([error.advice] if error.advice else []))
        sys.exit(2)
