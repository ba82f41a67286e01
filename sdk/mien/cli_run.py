"""`mien run`, `mien send` and `mien receive`: frames in, states out, into files, a pipe or another machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Annotated

import typer

from mien import recording, registry
from mien._terminal import AsJson, Device, MaxFaces, Model, err, out, progress_bar
from mien.filters.base import Filter
from mien.pipeline import Pipeline
from mien.pipeline import open as open_pipeline
from mien.receiver import Receiver
from mien.sinks._files import check_distinct, check_writable, writing
from mien.sinks.base import Sink
from mien.sinks.udp import Udp
from mien.sources.base import Source
from mien.sources.select import existing, open_source
from mien.types import FaceState, Frame, ImuWindow
from mien.wire import COPIES

Moments = Generator[tuple[Frame | ImuWindow | None, Sequence[FaceState]]]

From = Annotated[str, typer.Argument(help="Picture, folder, video, camera:0, raw:FILE?format=..., recording.")]
Most = Annotated[int | None, typer.Option("--frames", min=1, help="Stop after so many frames.")]
Drop = Annotated[str | None, typer.Option(help="oldest, newest or block, when frames come too fast.")]
Tracking = Annotated[bool, typer.Option(help="Follow faces; without it every frame is a picture of its own.")]
Csv = Annotated[Path | None, typer.Option(help="Write a table.")]
Record = Annotated[Path | None, typer.Option(help="Record frames and states to a .mrec file.")]
Filters = Annotated[
    list[str] | None,
    typer.Option("--filter", help="one_euro, hold, constraints; may repeat. Default: the bundle's own. none: none."),
]


def run(
    source: From,
    model: Model = "face",
    max_faces: MaxFaces = 1,
    json_: AsJson = False,
    landmarks: Annotated[bool, typer.Option(help="Put the landmarks into the JSON too.")] = False,
    csv: Csv = None,
    video: Annotated[Path | None, typer.Option(help="Write the annotated video or picture.")] = None,
    record: Record = None,
    filter_: Filters = None,
    tracking: Tracking = True,
    drop: Drop = None,
    frames: Most = None,
    device: Device = "auto",
) -> None:
    """Run a bundle on pictures, videos or a camera."""
    with ExitStack() as stack:
        pipeline = stack.enter_context(_opened(model, device, max_faces, tracking, filter_))
        check_distinct([p for p in (csv, video, record) if p], [pipeline.bundle.path, *files_of(source)])
        origin = open_source(source)
        stack.callback(origin.close)
        sinks = [stack.enter_context(sink) for sink in _sinks(json_, landmarks, csv, video, record)]
        total = _total(origin, frames)
        seen, found = _follow(
            _moments(pipeline, origin, drop), sinks, frames, stack.enter_context(progress_bar(source, total))
        )
    if not json_:
        out.say(f"{seen} frame(s), a face in {found}")
        out.say(pipeline.report())
        _say_written(csv, video, record)
    if not found:
        raise typer.Exit(1)


def send(
    source: From,
    address: Annotated[str, typer.Argument(help="HOST:PORT of a mien receive, or of a program with mien.Receiver.")],
    model: Model = "face",
    recorded: Annotated[bool, typer.Option(help="Send the states that a recording holds; no model runs.")] = False,
    copies: Annotated[
        int, typer.Option(min=0, max=8, help="Earlier states in each packet: so many in a row may be lost at no cost.")
    ] = COPIES,
    identity: Annotated[
        Path | None, typer.Option(help="A portrait or its enrolment, sent once: what the faces are to be shown as.")
    ] = None,
    pace: Annotated[bool, typer.Option(help="Files in their own time; --no-pace: as fast as can be.")] = True,
    max_faces: MaxFaces = 1,
    filter_: Filters = None,
    frames: Most = None,
    device: Device = "auto",
) -> None:
    """Send faces as small packets over UDP (docs/wire.md)."""
    with ExitStack() as stack:
        if recorded:
            moments, total, live = _alone(recording.states(source)), frames, False
        else:
            pipeline = stack.enter_context(_opened(model, device, max_faces, True, filter_))
            origin = open_source(source)
            stack.callback(origin.close)
            moments, total, live = _moments(pipeline, origin, None), _total(origin, frames), origin.live
        wire = stack.enter_context(Udp(address, copies, _bytes_of(identity)))
        bar = stack.enter_context(progress_bar(source, total))
        seen, found = _follow(moments if live or not pace else _paced(moments), [wire], frames, bar)
    refused = f", {wire.refused} that the system did not take" if wire.refused else ""
    out.say(f"{seen} frame(s), a face in {found}; {wire.sent} packets, {wire.bytes} bytes{refused}")
    if not found:
        raise typer.Exit(1)


def receive(
    port: Annotated[int, typer.Argument(min=0, max=65535, help="The port to listen on; 0: any, it is told.")],
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "0.0.0.0",
    json_: AsJson = False,
    csv: Csv = None,
    record: Annotated[Path | None, typer.Option(help="Record the states to a .mrec file.")] = None,
    identity: Annotated[Path | None, typer.Option(help="Write what the faces are to be shown as.")] = None,
    frames: Annotated[int | None, typer.Option("--states", min=1, help="Stop after so many states.")] = None,
    idle: Annotated[
        float | None, typer.Option(min=0, help="Stop after so many seconds without a state. Default: never.")
    ] = None,
) -> None:
    """Receive the faces that a mien send, or a program with the sink Udp, sends."""
    with ExitStack() as stack:
        receiver = stack.enter_context(Receiver(port, host))
        check_distinct([path for path in (csv, record, identity) if path], [])
        if identity is not None:
            check_writable(identity)
        sinks = [stack.enter_context(sink) for sink in _sinks(json_, False, csv, None, record)]
        err.say(f"listening on {host}:{receiver.port}")
        bar = stack.enter_context(progress_bar("states", frames))
        seen, _ = _follow(_alone(_until(receiver, idle)), sinks, frames, bar)
        counts, whole = receiver.counts, receiver.identity
    if identity is not None and whole is not None:
        with writing(str(identity)):
            identity.write_bytes(whole)
    if not json_:
        out.say(
            f"{seen} state(s); {counts.received} packets; {counts.repaired} states came with a later packet, "
            f"{counts.lost} were lost; {counts.late} packets late, {counts.damaged} damaged"
        )
        _say_written(csv, record, identity if whole is not None else None)
    if identity is not None and whole is None:
        err.say("no identity came")
    if not seen:
        raise typer.Exit(1)


def files_of(source: str) -> list[Path]:
    """The file or folder that an address names, if it names one."""
    return [] if not source else [Path(source), Path(source.removeprefix("raw:").partition("?")[0])]


def _opened(model: str, device: str, max_faces: int, tracking: bool, filter_: list[str] | None) -> Pipeline:
    chosen = [registry.find("filters", name, Filter)() for name in filter_ or [] if name != "none"]
    filters = chosen if filter_ else None
    return open_pipeline(model, device=device, max_faces=max_faces, tracking=tracking, filters=filters)


def _bytes_of(identity: Path | None) -> bytes | None:
    return existing(str(identity)).read_bytes() if identity is not None else None


def _total(origin: Source, frames: int | None) -> int | None:
    total = origin.length()
    return total if frames is None else min(frames, total or frames)


def _moments(pipeline: Pipeline, origin: Source, drop: str | None) -> Moments:
    with closing(pipeline.stream_all(origin, drop=drop)) as stream:
        yield from stream


def _alone(states: Iterable[FaceState]) -> Moments:
    """States without frames."""
    for state in states:
        yield None, [state]


def _paced(moments: Moments) -> Moments:
    """Each when its time has come, counted from the first; one that comes late is not waited for."""
    begun: tuple[int, int] | None = None
    with closing(moments):
        for frame, states in moments:
            t_ns = frame.span_ns[1] if frame is not None else states[0].t_ns
            begun = begun or (t_ns, time.monotonic_ns())
            time.sleep(max(0.0, (t_ns - begun[0] - time.monotonic_ns() + begun[1]) / 1e9))
            yield frame, states


def _until(receiver: Receiver, idle: float | None) -> Iterator[FaceState]:
    while (state := receiver.read(idle)) is not None:
        yield state


def _follow(moments: Moments, sinks: Sequence[Sink], most: int | None, advance: Callable[[], None]) -> tuple[int, int]:
    """Gives each moment to each sink; how many there were, and how many of them with a face. Ctrl+C ends it."""
    seen = found = 0
    with closing(moments):
        try:
            for frame, states in moments:
                for sink in sinks:
                    sink.put(states, frame)
                seen += 1
                found += bool(states)
                advance()
                if seen == most:
                    break
        except KeyboardInterrupt:
            err.say("stopped")
    return seen, found


def _sinks(json_: bool, landmarks: bool, *paths: Path | None) -> Iterator[Sink]:
    if json_:
        from mien.sinks.jsonl import JsonLines

        yield JsonLines("-", landmarks)
    for name, path in zip(("csv", "video", "recorder"), paths, strict=True):
        if path is not None:
            yield registry.find("sinks", name, Sink)(str(path))


def _say_written(*paths: Path | None) -> None:
    for path in paths:
        if path is not None:
            out.say(f"wrote {path}")
