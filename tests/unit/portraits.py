"""What the tests of portraits share: the shipped bundle, and frames of the shipped film."""

from __future__ import annotations

from functools import lru_cache

import cv2
import mien
import numpy as np
from mien.locate import film
from mien.types import U8


@lru_cache(maxsize=1)
def frames() -> list[U8]:
    """Every tenth frame of the film."""
    video = cv2.VideoCapture(str(film()))
    found = []
    while (read := video.read())[0]:
        found.append(np.ascontiguousarray(read[1][..., ::-1]))
    video.release()
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
