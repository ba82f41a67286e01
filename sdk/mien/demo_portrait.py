"""The demo page's portrait: somebody in a picture does what the shipped film's person does."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mien import provenance
from mien._extras import need
from mien.errors import MienError
from mien.locate import drawing, film
from mien.pipeline import Pipeline
from mien.pipeline import open as open_pipeline
from mien.portrait.portrait import Portrait
from mien.portrait.transfer import READ_GAIN
from mien.sinks.video import VideoFile
from mien.sources.select import open_source
from mien.types import U8, Frame

_SHOWN = 8  # frames of the contact sheet
_SIDE = 200  # pixels of one of its pictures


def portrait_section(
    pictures: Sequence[str], output: Path, device: str, progress: Callable[[str, int | None], Any]
) -> list[str]:
    """Moves the first still picture (else the film's first frame), and a drawing, by the film; the section's HTML.

    Writes portrait.mp4 and .jpg, drawing.mp4 and .jpg.
    """
    stills = [path for path in pictures if Path(path) != film()]
    photo: str | U8 = stills[0] if stills else _first()
    name = html.escape(Path(photo).name) if isinstance(photo, str) else "the film's first frame"
    with open_pipeline("reenact", device=device) as pipeline:
        shown = [("portrait", name, lambda: Portrait(pipeline, photo))]
        shown.append(("drawing", "a drawn cat", lambda: Portrait.of_character(pipeline, drawing())))
        return [_section(pipeline, output / file, who, enrol, progress) for file, who, enrol in shown]


def _section(
    pipeline: Pipeline, path: Path, name: str, enrol: Callable[[], Portrait], progress: Callable[[str, int | None], Any]
) -> str:
    try:
        portrait = enrol()
    except MienError as error:
        return f"<section><h2>reenact: {name}</h2><p>{html.escape(str(error))}</p></section>"
    _write(pipeline, portrait, path, progress)
    stages = pipeline.report().stages
    took = sum(stages[part]["p50_ms"] for part in ("draw", "prepare", "run", "decode", "blend", "mark"))
    pace = f"{took:.1f} ms a frame, without looking for the driver's face. " if portrait.refine else ""
    return (
        f"<section><h2>reenact: {name}, driven by the film</h2><p>{pace}The result carries an invisible mark.</p>"
        f'<a href="{path.name}.mp4"><img src="{path.name}.jpg" alt="the driver above, the portrait below"></a>'
        "</section>"
    )


def _first() -> U8:
    origin = open_source(str(film()))
    try:
        frame = origin.read()
    finally:
        origin.close()
    assert isinstance(frame, Frame)
    return frame.to_rgb()


def _write(pipeline: Pipeline, portrait: Portrait, path: Path, progress: Callable[[str, int | None], Any]) -> None:
    cv2 = need("cv2", "Writing pictures and videos")
    video_path, sheet_path = path.with_suffix(".mp4"), path.with_suffix(".jpg")
    origin = open_source(str(film()))
    total = origin.length() or 1
    wanted = set(np.linspace(0, total - 1, _SHOWN).round().astype(int).tolist())
    columns = []
    try:
        with VideoFile(str(video_path), annotated=False) as video, progress(path.name, total) as advance:
            for number, (frame, states) in enumerate(pipeline.stream_all(origin, drop="block")):
                shown = portrait.show(states[0] if states else None, t_ns=frame.t_ns, gain=READ_GAIN)
                video.put([], Frame.of(shown.picture, t_ns=frame.t_ns))
                if number in wanted:
                    pair = (frame.to_rgb(), _cut(shown.picture, portrait.crop))
                    columns.append(np.vstack([cv2.resize(p, (_SIDE, _SIDE)) for p in pair]))
                advance()
    finally:
        origin.close()
    provenance.stamp(video_path, "invisible")
    sheet = cv2.cvtColor(np.hstack(columns), cv2.COLOR_RGB2BGR)
    sheet_path.write_bytes(cv2.imencode(".jpg", sheet, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes())
    provenance.stamp(sheet_path, "invisible")


def _cut(picture: U8, crop: tuple[float, float, float]) -> U8:
    """A square of the picture around the crop, as large as both allow."""
    scale, x0, y0 = crop
    height, width = picture.shape[:2]
    side = min(height, width, int(256 * scale))
    left = min(max(int(x0 + 128 * scale) - side // 2, 0), width - side)
    top = min(max(int(y0 + 128 * scale) - side // 2, 0), height - side)
    return picture[top : top + side, left : left + side]
