"""`mien character`: a character file for a drawing, with anchors that are found, given, or placed in a page."""

from __future__ import annotations

import base64
import json
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from mien._terminal import Device, Model, out
from mien.errors import InputError
from mien.pipeline import open as open_pipeline
from mien.portrait.character import MORE, NEEDED, Character, anchors_of, guessed, write
from mien.sinks._files import check_distinct, check_writable, writing
from mien.sources.image import Images
from mien.types import Frame

_TYPES = {".jpg": "jpeg", ".jpeg": "jpeg", ".png": "png", ".webp": "webp", ".bmp": "bmp"}


def character(
    picture: Annotated[Path, typer.Argument(help="A drawing, a cartoon, an animal.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The character file to write, such as cat.toml.")],
    page: Annotated[
        Path | None, typer.Option(help="Write a page to place the anchors in, such as cat.html; it saves the file.")
    ] = None,
    anchor: Annotated[
        list[str] | None, typer.Option(help="NAME=COLUMN,ROW in pixels; may repeat, and goes before what is found.")
    ] = None,
    refine: Annotated[bool, typer.Option(help="Let the network paint too; it knows faces of people only.")] = False,
    model: Model = "face",
    device: Device = "auto",
) -> None:
    """Make a character file: name the points of a face that no detector knows, so that mien reenact can move it."""
    check_distinct([path for path in (output, page) if path], [picture])
    frame = Images(str(picture)).read()
    if not isinstance(frame, Frame):
        raise InputError("portrait.photo", f"{picture} holds no picture.", "Give a picture of a face.")
    given = dict(map(_anchor, anchor or []))
    found = _found(frame, model, device)
    anchors = {**(found or {}), **given}
    if page is not None:
        check_writable(page)
        start = {**guessed(frame.height, frame.width), **anchors}
        with writing(str(page)):
            page.write_text(_page(picture, frame, start, refine, output.name), "utf-8")
        out.say(f"wrote {page}; open it in a browser, place the points, and save {output.name} beside {picture.name}")
    if found is None and page is not None and set(NEEDED) - set(given):
        return
    write(output, Character(picture, anchors, refine=refine))
    where = "found by the face network" if found is not None else "given"
    out.say(f"wrote {output}: {len(anchors)} anchors, {where}")


def _found(frame: Frame, model: str, device: str) -> dict[str, tuple[float, float]] | None:
    """The anchors, where the face network knows the face."""
    with open_pipeline(model, device=device, tracking=False) as pipeline:
        state = pipeline.process(frame)
    return anchors_of(state.landmarks) if state.found and state.landmarks is not None else None


def _anchor(text: str) -> tuple[str, tuple[float, float]]:
    name, _, place = text.partition("=")
    try:
        x, y = map(float, place.split(","))
    except ValueError as error:
        raise InputError("character.file", f"{text!r} is no anchor.", "Give NAME=COLUMN,ROW.") from error
    if name not in NEEDED and name not in MORE:
        raise InputError(
            "character.file", f"There is no anchor {name!r}.", f"There are: {', '.join((*NEEDED, *MORE))}."
        )
    return name, (x, y)


def _page(picture: Path, frame: Frame, anchors: dict[str, tuple[float, float]], refine: bool, file: str) -> str:
    kind = _TYPES.get(picture.suffix.lower(), "png")
    told = {
        "picture": f"data:image/{kind};base64,{base64.b64encode(picture.read_bytes()).decode()}",
        "name": picture.name,
        "file": file,
        "width": frame.width,
        "height": frame.height,
        "anchors": anchors,
        "needed": list(NEEDED),
        "refine": refine,
    }
    template = resources.files("mien.portrait").joinpath("anchors.html").read_text(encoding="utf-8")
    return template.replace("/*DATA*/", json.dumps(told).replace("</", "<\\/"))
