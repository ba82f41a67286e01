"""`mien reenact`: a portrait under a driver, as a video."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from mien import provenance, recording
from mien._terminal import Device, Model, err, out, progress_bar
from mien.cli_run import files_of
from mien.errors import InputError
from mien.pipeline import Pipeline
from mien.pipeline import open as open_pipeline
from mien.portrait.character import read as read_character
from mien.portrait.portrait import Portrait
from mien.portrait.transfer import READ_GAIN, Transfer
from mien.receiver import Receiver
from mien.sinks._files import check_distinct
from mien.sinks.video import VideoFile
from mien.sources.select import open_source
from mien.types import FaceState, Frame

_ENROLLED = ".portrait"
_WIRE = "wire:"


def reenact(
    photo: Annotated[Path, typer.Argument(help="A picture, a character's .toml, a .portrait of --save, or: wire.")],
    driver: Annotated[str, typer.Argument(help="Who drives it: picture, video, camera:0, recording, wire:PORT.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The video to write, or a picture per frame.")],
    model: Model = "reenact",
    recorded: Annotated[bool, typer.Option(help="The driver is a recording's states; no frame is looked at.")] = False,
    mode: Annotated[str, typer.Option(help="both, pose or expression.")] = "both",
    absolute: Annotated[
        bool, typer.Option(help="Take the driver's own values, not its change since its first frame.")
    ] = False,
    strength: Annotated[
        list[str] | None,
        typer.Option(help="REGION=0..2, may repeat: brows, eyes, cheeks, mouth, jaw, gaze, head, place."),
    ] = None,
    face: Annotated[int | None, typer.Option(min=0, help="Which face of the photo; 0 is the largest.")] = None,
    mark: Annotated[
        str, typer.Option(help="How the result says that it is made: invisible, visible, both or none.")
    ] = ("invisible"),
    save: Annotated[Path | None, typer.Option(help="Write the enrolled portrait, to be given instead of it.")] = None,
    idle: Annotated[float, typer.Option(min=0, help="With wire: stop after so many seconds without a state.")] = 5.0,
    frames: Annotated[int | None, typer.Option(min=1, help="Stop after so many frames.")] = None,
    device: Device = "auto",
) -> None:
    """Move a portrait as a driver moves. Only with the consent of who is shown (docs/reenact.md)."""
    transfer = Transfer(mode, not absolute, dict(map(_strength, strength or [])))
    with ExitStack() as stack:
        pipeline = stack.enter_context(open_pipeline(model, device=device))
        check_distinct([p for p in (output, save) if p], [photo, pipeline.bundle.path, *files_of(driver)])
        receiver = stack.enter_context(_listening(driver)) if driver.startswith(_WIRE) else None
        if str(photo) == _WIRE.rstrip(":"):
            photo = _sent(receiver, idle, Path(stack.enter_context(TemporaryDirectory())))
        if photo.suffix == _ENROLLED:
            portrait = Portrait.load(pipeline, photo, transfer=transfer, mark=mark)
        elif photo.suffix == ".toml":
            told = read_character(photo)
            check_distinct([p for p in (output, save) if p], [told.picture])
            own = replace(transfer, strength={**told.strength, **transfer.strength})
            portrait = Portrait.of_character(pipeline, told, transfer=own, mark=mark)
        else:
            portrait = Portrait(pipeline, photo, face=face, transfer=transfer, mark=mark)
        if portrait.faces > 1 and face is None:
            out.say(f"{portrait.faces} faces; the largest is taken, --face 1 is the next")
        if save is not None:
            portrait.save(save)
        video = stack.enter_context(VideoFile(str(output), annotated=False))
        total = frames
        drivers: Generator[FaceState]
        if receiver is not None:
            drivers = (state for state in iter(lambda: receiver.read(idle), None))
        elif recorded:
            drivers = (state for state in recording.states(driver))
        else:
            origin = open_source(driver)
            stack.callback(origin.close)
            length = origin.length()
            total = length if frames is None else min(frames, length or frames)
            drivers = _followed(pipeline, origin)
        seen = found = 0
        advance = stack.enter_context(progress_bar(driver, total))
        with closing(drivers):
            for t_ns, state in _timed(drivers):
                shown = portrait.show(state, t_ns=t_ns, gain=1.0 if recorded else READ_GAIN)
                video.put([], Frame.of(shown.picture, t_ns=t_ns))
                seen += 1
                found += state is not None
                advance()
                if seen == frames:
                    break
    if mark != "none":
        for path in _written(output, seen):
            provenance.stamp(path, mark)
    out.say(f"{seen} frame(s), a driver's face in {found}")
    out.say(pipeline.report())
    for written in (output, save):
        if written is not None:
            out.say(f"wrote {written}")
    if not found:
        raise typer.Exit(1)


def _listening(driver: str) -> Receiver:
    port = driver.removeprefix(_WIRE)
    if not port.isdecimal() or int(port) > 65535:
        raise InputError("portrait.driver", f"{driver!r} is no port.", "Give wire:9050.")
    receiver = Receiver(int(port))
    err.say(f"listening on port {receiver.port}")
    return receiver


def _sent(receiver: Receiver | None, idle: float, folder: Path) -> Path:
    """The picture or enrolment that the driver's sender sends, as a file."""
    if receiver is None:
        raise InputError(
            "portrait.driver", "Nobody sends a portrait.", "Give a picture, or a driver such as wire:9050."
        )
    while (identity := receiver.identity) is None:
        if receiver.read(idle) is None:
            raise InputError("portrait.identity", "No portrait came.", "Send one: mien send ... --identity PHOTO")
    path = folder / (f"sent{_ENROLLED}" if identity.startswith(b"PK") else "sent.png")  # pictures tell their own kind
    path.write_bytes(identity)
    return path


def _strength(text: str) -> tuple[str, float]:
    region, _, value = text.partition("=")
    try:
        return region, float(value)
    except ValueError as error:
        raise InputError("portrait.transfer", f"{text!r} is no strength.", "Give REGION=0..2, mouth=0.5.") from error


def _followed(pipeline: Pipeline, origin: Any) -> Generator[FaceState]:
    """The driver's state in each frame, also where it has no face."""
    with closing(pipeline.stream(origin, drop="block")) as stream:
        yield from stream


def _timed(drivers: Generator[FaceState]) -> Generator[tuple[int, FaceState | None]]:
    """Each state's time, and the state if it has a face."""
    for state in drivers:
        yield state.t_ns, state if state.found else None


def _written(output: Path, frames: int) -> list[Path]:
    """The video, or the pictures that `VideoFile` wrote instead."""
    further = [output.with_stem(f"{output.stem}_{number:04d}") for number in range(1, frames)]
    return [path for path in (output, *further) if path.is_file()]
