"""Backgrounds: what stands behind a performer, drawn procedurally and put out of focus.

A picture is a base (wall, gradient, noise, ...) with up to three layers of clutter, seen through a random depth of
field and under uneven light. Most are drawn at half size, because the blur hides it: 1.5 ms at 320 x 320.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
Layer = Callable[[np.random.Generator, F32], None]

_BANK = 256
_DARK_SKIN = np.array([0.07, 0.035, 0.022])
_LIGHT_SKIN = np.array([0.78, 0.50, 0.38])


def background(rng: np.random.Generator, height: int, width: int) -> F32:
    """A random background.

    Returns:
        float32 (height, width, 3), about linear RGB, 0..1.
    """
    sharp = rng.random() < 0.2
    rows, columns = (height, width) if sharp else (max(height // 2, 16), max(width // 2, 16))
    canvas = np.empty((rows, columns, 3), np.float32)
    _BASES[rng.integers(len(_BASES))](rng, canvas)
    for _ in range(rng.choice(4, p=(0.25, 0.35, 0.25, 0.15))):
        _CLUTTER[rng.integers(len(_CLUTTER))](rng, canvas)
    # depth of field: circles of confusion from none to a fifteenth of the picture
    sigma = 0.5 if sharp else max(rows, columns) * math.exp(rng.uniform(math.log(0.004), math.log(0.07)))
    canvas = _blur(canvas, sigma)
    if not sharp:
        canvas = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_LINEAR)
    if rng.random() < 0.6:
        canvas *= cv2.resize(_light(rng), (width, height), interpolation=cv2.INTER_LINEAR)[:, :, None]
    canvas *= math.exp(rng.normal(-0.1, 0.5))
    return np.clip(canvas, 0, 1, out=canvas)


def fractal(rng: np.random.Generator, height: int, width: int) -> F32:
    """A patch of the noise bank at a random place and zoom, float32 (height, width), 0..1."""
    sheet = _bank()[rng.integers(len(_bank()))]
    high, wide = rng.integers(24, _BANK, 2)
    y, x = rng.integers(0, _BANK, 2)
    patch: F32 = cv2.resize(sheet[y : y + high, x : x + wide], (width, height), interpolation=cv2.INTER_LINEAR)
    return patch


@cache
def _bank() -> list[F32]:
    """Tileable 1/f^b noise for b = 0.6 .. 2.2, each sheet repeated 2 x 2, so that any slice fits."""
    rng = np.random.default_rng(0x6E6F)
    fy, fx = np.fft.fftfreq(_BANK)[:, None], np.fft.rfftfreq(_BANK)[None, :]
    radius = np.hypot(fy, fx)
    radius[0, 0] = np.inf
    sheets = []
    for slope in (0.6, 0.9, 1.2, 1.6, 1.9, 2.2):
        spectrum = np.fft.rfft2(rng.standard_normal((_BANK, _BANK))) / radius**slope
        sheet = np.fft.irfft2(spectrum, s=(_BANK, _BANK))
        low, high = np.percentile(sheet, (1, 99))
        sheets.append(np.tile(np.clip((sheet - low) / (high - low), 0, 1).astype(np.float32), (2, 2)))
    return sheets


def _blur(image: F32, sigma: float) -> F32:
    """A Gaussian blur whose cost does not grow with sigma: wide ones are done on a smaller picture."""
    rows, columns = image.shape[:2]
    step = max(1, int(sigma / 1.5))
    if step > 1:
        size = (max(columns // step, 4), max(rows // step, 4))
        small = cv2.GaussianBlur(cv2.resize(image, size, interpolation=cv2.INTER_AREA), (0, 0), sigma / step)
        wide: F32 = cv2.resize(small, (columns, rows), interpolation=cv2.INTER_CUBIC)
        return wide
    near: F32 = cv2.GaussianBlur(image, (0, 0), sigma)
    return near


def _light(rng: np.random.Generator) -> F32:
    """Fall-off of a lamp at a random place in or near the picture, float32 (16, 16), about 0.2..1.2."""
    y, x = np.mgrid[0:16, 0:16] / 15
    cy, cx = rng.uniform(-0.6, 1.6, 2)
    reach = rng.uniform(0.5, 2.0)
    light: F32 = (0.2 + 1.0 / (1 + ((y - cy) ** 2 + (x - cx) ** 2) / reach**2)).astype(np.float32)
    return light


def _colour(rng: np.random.Generator, low: float = 0.02, high: float = 0.9) -> F32:
    """A surface colour: log-uniform brightness, mostly pale."""
    value = math.exp(rng.uniform(math.log(low), math.log(high)))
    hue = rng.normal(0, 1, 3)
    return np.clip(value * np.exp(rng.gamma(1.5, 0.2) * hue), 0, 1.5).astype(np.float32)


def _skin(rng: np.random.Generator) -> F32:
    mix = rng.random()
    tone: F32 = (_DARK_SKIN ** (1 - mix) * _LIGHT_SKIN**mix * rng.uniform(0.5, 1.3)).astype(np.float32)
    return tone


def _fill(canvas: F32, where: tuple[float, float, float, float], colour: F32) -> None:
    """A rectangle x, y, width, height in fractions of the canvas."""
    rows, columns = canvas.shape[:2]
    x, y, wide, high = where
    x0, y0 = max(int(x * columns), 0), max(int(y * rows), 0)
    x1, y1 = int((x + wide) * columns) + 1, int((y + high) * rows) + 1
    canvas[y0 : max(y1, 0), x0 : max(x1, 0)] = colour


# Bases: fill the whole canvas.


def _gradient(rng: np.random.Generator, canvas: F32) -> None:
    corners = np.array([[_colour(rng), _colour(rng)], [_colour(rng), _colour(rng)]])
    canvas[:] = cv2.resize(corners, canvas.shape[1::-1], interpolation=cv2.INTER_LINEAR)


def _wall(rng: np.random.Generator, canvas: F32) -> None:
    grain = fractal(rng, *canvas.shape[:2]) * rng.uniform(0, 0.4) + 0.8
    np.multiply(grain[:, :, None], _colour(rng, 0.1), out=canvas)
    if rng.random() < 0.4:  # a corner of the room, or where the floor begins
        edge = rng.uniform(0.2, 0.8)
        where = (edge, 0.0, 1.0, 1.0) if rng.random() < 0.5 else (0.0, edge, 1.0, 1.0)
        _fill(canvas, where, _colour(rng, 0.1))


def _noise(rng: np.random.Generator, canvas: F32) -> None:
    mix = fractal(rng, *canvas.shape[:2])[:, :, None]
    first, second = _colour(rng), _colour(rng)
    np.add(first, mix * (second - first), out=canvas)
    if rng.random() < 0.4:
        canvas += 0.3 * (fractal(rng, *canvas.shape[:2])[:, :, None] - 0.5) * _colour(rng)


def _foliage(rng: np.random.Generator, canvas: F32) -> None:
    shape = canvas.shape[:2]
    leaf = np.array([0.10, 0.28, 0.05], np.float32) * np.exp(rng.normal(0, 0.35, 3)).astype(np.float32)
    light = fractal(rng, *shape) * fractal(rng, *shape) * 2.5
    np.multiply(light[:, :, None], leaf, out=canvas)
    gaps = fractal(rng, *shape) > rng.uniform(0.65, 0.95)
    canvas[gaps] = (0.7, 0.85, 1.0)


def _stripes(rng: np.random.Generator, canvas: F32) -> None:
    rows, columns = canvas.shape[:2]
    angle = rng.choice((0.0, math.pi / 2, rng.uniform(0, math.pi)))
    turns = rng.uniform(2, 40) * 2 * math.pi / max(rows, columns)
    y = np.arange(rows, dtype=np.float32)[:, None] * np.float32(turns * math.sin(angle))
    x = np.arange(columns, dtype=np.float32)[None, :] * np.float32(turns * math.cos(angle))
    wave = np.clip(0.5 + rng.uniform(0.5, 4) * np.sin(y + x), 0, 1)
    first, second = _colour(rng), _colour(rng)
    np.add(first, wave[:, :, None] * (second - first), out=canvas)


# Clutter: drawn over what is there.


def _boxes(rng: np.random.Generator, canvas: F32) -> None:
    for _ in range(rng.integers(4, 25)):
        wide, high = np.exp(rng.uniform(math.log(0.03), math.log(0.5), 2))
        x, y = rng.uniform(-0.2, 1, 2)
        _fill(canvas, (x, y, wide, high), _colour(rng))


def _shelves(rng: np.random.Generator, canvas: F32) -> None:
    pitch = rng.uniform(0.15, 0.4)
    board = _colour(rng, 0.05, 0.5)
    y = rng.uniform(-pitch, 0)
    while y < 1:
        x = rng.uniform(-0.1, 0.3)
        while x < 1:
            wide, high = rng.uniform(0.01, 0.07), pitch * rng.uniform(0.5, 0.95)
            if rng.random() < 0.85:
                _fill(canvas, (x, y + pitch - high, wide, high), _colour(rng))
            x += wide
        _fill(canvas, (0, y + pitch, 1, 0.02), board)
        y += pitch + 0.02


def _window(rng: np.random.Generator, canvas: F32) -> None:
    x, y = rng.uniform(-0.2, 0.8, 2)
    wide, high = rng.uniform(0.2, 0.7, 2)
    frame = _colour(rng, 0.1)
    _fill(canvas, (x, y, wide, high), frame)
    columns, rows = rng.integers(1, 4, 2)
    for i in range(rows):
        for j in range(columns):
            pane = (x + (j + 0.06) * wide / columns, y + (i + 0.06) * high / rows)
            _fill(canvas, (*pane, 0.88 * wide / columns, 0.88 * high / rows), _colour(rng, 0.5, 1.5))


def _bokeh(rng: np.random.Generator, canvas: F32) -> None:
    rows, columns = canvas.shape[:2]
    radius = rng.uniform(0.01, 0.08) * rows
    for _ in range(rng.integers(5, 30)):
        centre = (int(rng.uniform(0, columns)), int(rng.uniform(0, rows)))
        cv2.circle(canvas, centre, max(1, int(radius * rng.uniform(0.7, 1.3))), _colour(rng, 0.3, 1.5).tolist(), -1)


def _text(rng: np.random.Generator, canvas: F32) -> None:
    rows, columns = canvas.shape[:2]
    lines, letters = rng.integers(3, 12), rng.integers(10, 40)
    ink = rng.random((lines * 4, letters * 2)) < 0.55
    ink[3::4] = False  # between lines
    ink &= np.repeat(np.repeat(rng.random((lines, letters)) < 0.85, 4, 0), 2, 1)  # between words
    high, wide = int(rows * rng.uniform(0.15, 0.6)), int(columns * rng.uniform(0.2, 0.8))
    y, x = rng.integers(0, rows - high + 1), rng.integers(0, columns - wide + 1)
    mask = cv2.resize(ink.astype(np.float32), (wide, high), interpolation=cv2.INTER_AREA)[:, :, None]
    paper, black = _colour(rng), _colour(rng)
    canvas[y : y + high, x : x + wide] = paper + mask * (black - paper)


def _people(rng: np.random.Generator, canvas: F32) -> None:
    """Skin-coloured ovals and limbs: not a face, though a colour test would say so."""
    rows, columns = canvas.shape[:2]
    for _ in range(rng.integers(1, 5)):
        centre = (int(rng.uniform(0, columns)), int(rng.uniform(0, rows)))
        long = max(2, int(rng.uniform(0.04, 0.3) * rows))
        axes = (max(1, int(long * rng.uniform(0.2, 0.8))), long)
        cv2.ellipse(canvas, centre, axes, rng.uniform(0, 180), 0, 360, _skin(rng).tolist(), -1)
        if rng.random() < 0.5:  # hair or a sleeve
            top = (centre[0], centre[1] - axes[1] // 2)
            cv2.ellipse(canvas, top, axes, rng.uniform(0, 180), 0, 200, _colour(rng, 0.01, 0.3).tolist(), -1)


_BASES: tuple[Layer, ...] = (_gradient, _wall, _wall, _noise, _foliage, _stripes)
_CLUTTER: tuple[Layer, ...] = (_boxes, _shelves, _window, _bokeh, _text, _people)
