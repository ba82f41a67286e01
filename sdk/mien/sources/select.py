"""Turns an address into a source."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mien import registry
from mien._checks import as_path
from mien.errors import SourceError
from mien.sources.base import Source


def open_source(origin: Any) -> Source:
    """A Source as it is; a path or address by the first kind that accepts it; a number as a camera; else an iterable.

    Raises:
        SourceError: nothing accepts it, or it cannot be opened.
    """
    if isinstance(origin, Source):
        return origin
    if isinstance(origin, int) and not isinstance(origin, bool):
        from mien.sources.camera import Camera

        return Camera(origin)
    if isinstance(origin, (str, Path)) and (address := str(origin)):
        for kind in registry.every("sources", Source):
            if kind.accepts(address):
                return kind(address)
        raise SourceError(
            "source.unknown",
            f"Nothing reads {address!r}.",
            "Give a picture, a folder of pictures, a video, camera:0, or raw:FILE?format=nv12&width=...&height=...",
        )
    if isinstance(origin, Iterable) and not isinstance(origin, (str, bytes, bytearray)):
        from mien.sources.frames import Frames

        return Frames(origin)
    raise SourceError("source.unknown", f"{origin!r:.200} is no source.", "Give a path, a camera number or frames.")


def existing(address: str) -> Path:
    """The path of a readable file. Raises SourceError."""
    path = as_path(address, SourceError, "source.missing")
    if not path.is_file():
        raise SourceError("source.missing", f"There is no file {address!r}.", "Check the path.")
    if path.stat().st_size == 0:
        raise SourceError("source.truncated", f"{address!r} is empty.", "Copy it again.")
    return path
