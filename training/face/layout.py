"""Where things are in a half of a face, and how two halves make a face.

A half is a window of the crop that begins a little beyond the face's middle line. The subject's right half is seen in a
mirror, so that one set of weights reads both: in a half, x runs outwards from the crop's middle column to the cheek.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from mien.layouts import ARKIT52
from mien.tracking import Region

from training.performer import landmarks
from training.performer.coefficients import COEFFICIENTS, INDEX, PAIRS
from training.performer.head import EYE_CENTRES

F32 = npt.NDArray[np.float32]
Index = npt.NDArray[np.intp]

SIZE = 192  # pixels of the crop's side
BEYOND = 24  # pixels by which a half reaches beyond the middle column: the other eye hardly begins there
# The crop's middle column lies on the mean of the outer eye corners and the mouth's: in 1 500 random poses the own eye
# then stays on its side up to 45 degrees of yaw, while around the hull's middle it crosses over from 15 on.
MIDDLE = (36, 45, 48, 54)
REGIONS = landmarks.REGIONS
SIDED = ("eye", "brow", "cheek")  # regions that each half has one of
SHARED = ("nose", "mouth", "jaw")
IDENTITY = 20  # modes of the face model that the network is taught to tell: shape without expression


@dataclass(frozen=True, eq=False)
class Halves:
    """How a face's labels lie in its two halves.

    Attributes:
        own: the subject's left landmarks, then those of the middle line (K); other: their mirror images (K).
        middle: how many of K are of the middle line.
        eye, mouth: places within K that the eye's and the mouth's windows locate; the rest are the whole half's.
        left, right: pairs of coefficients (18): the left side's slots and the right side's.
        centre, centre_mirrored: coefficients of no side (21), and what each becomes in a mirror.
        neutral: float32 (K, 3), the average neutral head's landmarks, centimetres.
    """

    own: Index
    other: Index
    middle: int
    eye: Index
    mouth: Index
    left: Index
    right: Index
    centre: Index
    centre_mirrored: Index
    neutral: F32


@cache
def halves() -> Halves:
    """The one table of halves."""
    mirrored = landmarks.mirrored().astype(np.intp)
    neutral = _neutral()
    indices = np.arange(landmarks.COUNT)
    left = indices[(mirrored != indices) & (neutral[:, 0] > 0)]
    middle = indices[mirrored == indices]
    own = np.concatenate([left, middle])
    spot = neutral[own]
    eyes = EYE_CENTRES[0]
    brow = np.isin(own, np.arange(22, 27))
    eye = brow | ((np.abs(spot[:, 0] - eyes[0]) < 2.9) & (spot[:, 1] > eyes[1] - 1.6) & (spot[:, 1] < eyes[1] + 2.6))
    lips = neutral[48:68, 1]
    mouth = (spot[:, 1] < lips.max() + 1.0) & (spot[:, 1] > lips.min() - 1.2) & (spot[:, 0] < 4.2) & (spot[:, 2] > 6.0)
    mouth &= ~eye & (own >= 31)  # not the jaw's line
    pairs = np.array(list(PAIRS.values()), np.intp)
    centre = np.setdiff1d(np.arange(len(COEFFICIENTS)), pairs.ravel())
    swap = {"Left": "Right", "Right": "Left"}
    twins = []
    for slot in centre:
        name = COEFFICIENTS[slot]
        side = next((s for s in swap if name.endswith(s)), None)
        twin = name if side is None else name.removesuffix(side) + swap[side]
        twins.append(int(np.flatnonzero(centre == INDEX[twin])[0]))
    return Halves(
        own, mirrored[own], len(middle), np.flatnonzero(eye), np.flatnonzero(mouth),
        pairs[:, 0], pairs[:, 1], centre, np.array(twins, np.intp), neutral[own],
    )  # fmt: skip


def _neutral() -> F32:
    """The landmarks of the average head at rest, float32 (220, 3)."""
    from training.performer.coefficients import COEFFICIENTS as NAMES
    from training.performer.head import Head

    head = Head(np.zeros(1, np.float32))
    return landmarks.positions(head.pose(np.zeros(len(NAMES), np.float32)), 1.0, head.eye_scale)


@cache
def neutral() -> F32:
    """The landmarks of the average head at rest, float32 (220, 3), centimetres of the model; not to be written to."""
    points = _neutral()
    points.setflags(write=False)
    return points


def gates() -> npt.NDArray[np.int64]:
    """(18,): for each pair the place in SIDED of the region in which it shows, or -1: nose and mouth are of both."""
    names = [ARKIT52.names[slot].removesuffix("Left") for slot in halves().left]
    return np.array([next((k for k, region in enumerate(SIDED) if name.startswith(region)), -1) for name in names])


def centred(region: Region, points: F32) -> Region:
    """The region moved along its own rows until its middle column meets the mean of the landmarks MIDDLE."""
    cos, sin = np.cos(region.rotation), np.sin(region.rotation)
    dx, dy = points[list(MIDDLE)].mean(0) - (region.cx, region.cy)
    along = float(cos * dx + sin * dy)
    return Region(
        region.cx + along * float(cos), region.cy + along * float(sin), region.width, region.height, region.rotation
    )
