"""What the tests of portraits share: the shipped bundle, and frames of the shipped film."""

from __future__ import annotations

from functools import lru_cache

import mien
from mien.locate import film
from mien.types import U8


@lru_cache(maxsize=1)
def frames() -> list[U8]:
    """Every tenth frame of the film."""
    video = mien.Video(str(film()))
    found = [frame.to_rgb() for frame in iter(video.read, None)]
    video.close()
    return found[::10]


@lru_cache(maxsize=1)
def pipeline() -> mien.Pipeline:
    """The shipped bundle."""
    return mien.open("reenact", threads=1)


@lru_cache(maxsize=1)
def driver() -> list[mien.FaceState]:
    """What the face bundle sees in the frames."""
    with mien.open("face", threads=1, tracking=False) as face:
        return [face.process(mien.Frame.of(frame, t_ns=k * 333_000_000)) for k, frame in enumerate(frames())]
