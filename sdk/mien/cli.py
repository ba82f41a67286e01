"""The command line: `mien run | send | receive | reenact | character | demo | inspect | import | bench | doctor`.

Results go to standard output, everything else (progress, errors) to standard error, so that `--json` can be piped.
Exit status: 0 done, 1 nothing found where something was expected, 2 a MienError or wrong usage.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE
from rich.table import Table
from rich.text import Text

from mien._terminal import AsJson, Device, Group, MaxFaces, err, out, plain, progress_bar
from mien.bundle import Bundle
from mien.cli_character import character
from mien.cli_reenact import reenact
from mien.cli_run import files_of, receive, run, send
from mien.errors import MienError
from mien.importers.select import import_model
from mien.locate import locate, shipped
from mien.pipeline import open as open_pipeline
from mien.sinks._files import check_distinct, check_writable, writing

app = typer.Typer(cls=Group, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
for command in (run, send, receive, reenact, character):
    app.command()(command)


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
        out.say(f"{manifest.name}: task {manifest.task}, licence {manifest.licence}")
        out.say(f"source: {manifest.source or 'not stated'}; training data: {manifest.training_data}")
        for network in manifest.networks.values():
            out.say(f"network {network.name}")
            for kind, ports in (("in ", network.inputs), ("out", network.outputs)):
                for port in ports.values():
                    out.say(f"  {kind} {port.name} {'x'.join(map(str, port.shape))} {port.dtype}")
            for target in network.targets:
                where = f"{target.engine} {target.device}".strip()
                weight = sizes[target.blob] + (sizes[target.weights] if target.weights else 0)
                out.say(f"  for {where} {target.precision}: {target.blob}, {weight} bytes")
        out.say(f"{len(sizes)} members, {sum(sizes.values())} bytes, all SHA-256 sums right")


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
    out.say(f"wrote {output} ({output.stat().st_size} bytes)")
    try:
        with open_pipeline(output) as pipeline:
            for choice in pipeline.report().networks:
                out.say(f"  {choice.network} runs on {choice.used} {choice.precision} ({choice.version})")
    except MienError as error:
        err.say(f"It does not run here yet: {error}")


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
    check_distinct(written, [*map(locate, chosen), *files_of(source), *([compare] if compare else [])])
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
            err.say(f"{row['model']} on {engine}: {row['error']}")
        else:
            shown = ("first_ms", "p50_ms", "p99_ms", "fps", "rss_mb", "cpu_percent", "joules")
            table.add_row(plain(bench_.title(row)), *(plain(row[name]) for name in shown))
    out.print(table)
    if before:
        ratios = Table("", "p50 ms here", "there", "ratio", box=SIMPLE)
        for name, here, there in bench_.compared(rows, before):
            ratios.add_row(plain(name), f"{here:.3f}", f"{there:.3f}", f"{here / there:.2f}")
        out.print(ratios)
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
            err.say(str(error))
        out.say(f"wrote {', '.join(map(str, written))}")
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
        out.print(table)
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
    out.say(f"wrote {page}; open it in a browser")


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the `mien` command."""
    try:
        app(arguments)
    except MienError as error:
        err.say(f"error {error.code}: {error.message}", *([error.advice] if error.advice else []))
        sys.exit(2)
