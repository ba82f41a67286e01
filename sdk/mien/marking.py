"""Marks on pictures that a network made: one that programs find, one that people see.

The invisible mark is a fixed pattern of 64 x 64 pixels, repeated over the picture, that changes each pixel by about
1.5 of 255 (44 dB). To find it, what is fine in the picture is folded onto one tile, where the picture itself averages
out and the pattern adds up, and correlated with the pattern at every shift (as spread-spectrum watermarks do; Cox,
Kilian, Leighton and Shamoon, "Secure spread spectrum watermarking for multimedia", IEEE Trans. Image Processing 1997).
It outlives compression, cutting and moderate scaling (tests/unit/test_marking.py), not somebody who wants it away.
The visible mark is a small badge with the letters AI in the lower right corner.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from mien.errors import InputError

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]

KINDS = ("invisible", "visible", "both", "none")

TILE, _CELLS = 64, 32  # pixels and random cells of a tile's side
_DEVIATION = 1.5  # of 255
_SEED = 0x6D69656E
_FOUND = 8.0  # deviations; of unmarked photos and renders, at every shift and scale, none came to 7
_SMALLEST = 2 * TILE
_SCALES = np.round(np.geomspace(0.5, 2.0, 71), 4)  # 2 % apart: at 1 % off, the pattern of 10 tiles is 6 pixels off
_EDGE = 6.0  # of 255: finer detail than this is an edge, and counts no more than this
_GLYPHS = ("0111001111", "1000100100", "1111100100", "1000100100", "1000101111")  # A and I, a pixel of space each side


@dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes:
        score: how many deviations the best match lies above chance. scale: of the picture since it was marked.
    """

    score: float
    scale: float

    @property
    def marked(self) -> bool:
        """Whether that is no chance."""
        return self.score > _FOUND


class Marker:
    """Marks pictures in place.

    Args:
        kind: one of `KINDS`.

    Raises:
        InputError: ``mark.kind``.
    """

    def __init__(self, kind: str = "invisible") -> None:
        if kind not in KINDS:
            raise InputError("mark.kind", f"There is no mark {kind!r}.", f"Known: {', '.join(KINDS)}.")
        self.kind = kind

    def __call__(self, picture: U8, out: U8 | None = None) -> U8:
        """Marks a picture.

        Args:
            picture: uint8 (H, W, 3). out: where the marked one goes, as large and writable; default: picture itself.

        Returns:
            `out`.

        Raises:
            InputError: ``mark.picture``, it is none or cannot be written.
        """
        out = picture if out is None else out
        for array in (picture, out):
            good = isinstance(array, np.ndarray) and array.dtype == np.uint8 and array.ndim == 3
            if not good or array.shape[2] != 3 or array.shape != out.shape or not out.flags.writeable:
                raise InputError("mark.picture", "Marks go on writable uint8 pictures (H, W, 3).", "Copy it first.")
        if self.kind in ("invisible", "both"):
            roof, floor, step = _steps(*picture.shape[:2])
            # Bytes that wrap, kept from doing so: 2 ms of a 1080p picture, where wider integers take 20.
            np.maximum(np.minimum(picture, roof, out=out), floor, out=out)
            np.add(out, step, out=out)
        elif out is not picture:
            np.copyto(out, picture)
        if self.kind in ("visible", "both"):
            _badge(out)
        return out


def find(*pictures: U8) -> Found:
    """Looks for the invisible mark, at the pictures' own scale first and then at others.

    Args:
        pictures: uint8 (H, W, 3) or (H, W); several frames of one video are searched together, which finds what a
            codec left of the mark in none of them alone.

    Raises:
        InputError: ``mark.picture``, it is none, smaller than 128 x 128, or they differ in size.
    """
    greys = [_grey(picture) for picture in pictures]
    if not greys or len({grey.shape for grey in greys}) > 1:
        raise InputError("mark.picture", "Give one picture, or several of one size.", "")
    best = Found(_match(greys), 1.0)
    for scale in () if best.marked else _SCALES:
        score = _match([_scaled(grey, 1 / float(scale)) for grey in greys])
        if score > best.score:
            best = Found(score, float(scale))
    return best


def _grey(picture: U8) -> F32:
    if not isinstance(picture, np.ndarray) or picture.dtype != np.uint8 or picture.ndim not in (2, 3):
        raise InputError("mark.picture", "Marks are looked for in uint8 pictures (H, W, 3) or (H, W).", "")
    if min(picture.shape[:2]) < _SMALLEST:
        raise InputError("mark.picture", f"No mark can be found in less than {_SMALLEST} pixels a side.", "")
    grey = picture.astype(np.float32)
    return np.asarray(grey.mean(2) if grey.ndim == 3 else grey, np.float32)


@lru_cache(maxsize=1)
def _pattern() -> F32:
    """(64, 64): smooth noise that goes on over the tile's edges, mean 0."""
    spectrum = np.fft.rfft2(np.random.default_rng(_SEED).normal(size=(TILE, TILE)))
    y, x = np.fft.fftfreq(TILE)[:, None], np.fft.rfftfreq(TILE)[None]
    radius = np.hypot(y, x) * TILE
    spectrum *= (radius > _CELLS / 8) & (radius < _CELLS / 2)  # coarser is lost in the picture, finer in a codec
    noise = np.fft.irfft2(spectrum, (TILE, TILE))
    return np.asarray(noise / noise.std(), np.float32)


@lru_cache(maxsize=2)
def _steps(height: int, width: int) -> tuple[U8, U8, U8]:
    """The most and the least that a byte of a picture of that size may be before its step, and the steps modulo 256."""
    tile = np.rint(_pattern() * _DEVIATION).astype(np.int8)
    whole = np.tile(tile, (-(-height // TILE), -(-width // TILE)))[:height, :width, None].repeat(3, 2)
    up, down = np.maximum(whole, 0).astype(np.uint8), np.maximum(-whole, 0).astype(np.uint8)
    return 255 - up, down, whole.view(np.uint8)


def _match(greys: Sequence[F32]) -> float:
    """The best correlation over all shifts, in deviations of all of them."""
    height, width = (extent // TILE * TILE for extent in greys[0].shape)
    if not height or not width:
        return 0.0
    tile = np.zeros((TILE, TILE), np.float64)
    for grey in greys:
        fine = np.clip(grey - _blurred(grey), -_EDGE, _EDGE)[:height, :width]
        tile += fine.reshape(height // TILE, TILE, width // TILE, TILE).mean((0, 2))
    against = np.fft.rfft2(tile) * np.conj(np.fft.rfft2(_pattern()))
    scores = np.fft.irfft2(against, (TILE, TILE))
    spread = float(scores.std())
    return float(scores.max()) / spread if spread else 0.0


def _blurred(grey: F32, reach: int = 4) -> F32:
    """Means of squares of 2 * reach + 1 pixels."""
    for axis in (0, 1):
        pad = [(reach + 1, reach) if k == axis else (0, 0) for k in (0, 1)]
        sums = np.cumsum(np.pad(grey, pad, mode="edge"), axis, dtype=np.float64)
        step = 2 * reach + 1
        means = ((sums[step:] - sums[:-step]) if axis == 0 else (sums[:, step:] - sums[:, :-step])) / step
        grey = means.astype(np.float32)
    return grey


def _scaled(grey: F32, factor: float) -> F32:
    """Bilinear."""
    for axis in (0, 1):
        count = max(round(grey.shape[axis] * factor), 1)
        at = np.clip((np.arange(count) + 0.5) / factor - 0.5, 0, grey.shape[axis] - 1)
        low = np.floor(at).astype(np.intp)
        high = np.minimum(low + 1, grey.shape[axis] - 1)
        part = (at - low).astype(np.float32)[:, None] if axis == 0 else (at - low).astype(np.float32)
        grey = grey.take(low, axis) * (1 - part) + grey.take(high, axis) * part
    return grey


def _badge(picture: U8) -> None:
    """AI in white on a dark plate, a twentieth of the shorter side high, at least 5 pixels."""
    unit = max(min(picture.shape[:2]) // 100, 1)
    letters = np.array([[int(c) for c in row] for row in _GLYPHS], bool)
    plate = np.pad(letters, 1).repeat(unit, 0).repeat(unit, 1)
    high, wide = plate.shape
    if picture.shape[0] < high + 2 * unit or picture.shape[1] < wide + 2 * unit:
        return
    corner = picture[-high - unit : -unit, -wide - unit : -unit]
    corner[:] = np.where(plate[..., None], 255, corner // 4)
