"""Sensor: from the light in a rendered scene to the bytes that a camera or a video file would hand over.

`capture` is the chain of one camera: footage size, optics, exposure, photon and read noise, colour, tone curve,
sharpening, compression. `Lens` bends pictures and labels alike. Neither changes where anything lies except `Lens`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

from training.errors import TrainingError

F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]

LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
"""Linear RGB to luminance (ITU-R BT.709)."""

_LEVELS = 8192
_HEADROOM = 2.0  # the tone curve's table covers 0.._HEADROOM


class _Dice:
    """Random choices whose likelihood and size grow with the strength."""

    def __init__(self, rng: np.random.Generator, strength: float) -> None:
        self.rng = rng
        self.strength = strength

    def chance(self, likelihood: float) -> bool:
        return bool(self.rng.random() < likelihood * self.strength)

    def normal(self, sigma: float) -> float:
        return self.strength * self.rng.normal(0, sigma)

    def between(self, low: float, high: float) -> float:
        return self.rng.uniform(low, high)

    def log_between(self, low: float, high: float) -> float:
        return math.exp(self.rng.uniform(math.log(low), math.log(high)))


def capture(linear: F32, rng: np.random.Generator, strength: float = 1.0) -> U8:
    """What a random camera makes of a scene.

    Args:
        linear: float32 (H, W, 3), linear RGB, 0..about 4; 1 is the white of a diffuse surface in the main light.
        rng: decides everything; the same state gives the same bytes.
        strength: 0 is a perfect camera (only the sRGB curve), 1 the full variety, values between less of it.

    Returns:
        uint8 (H, W, 3), sRGB.

    Raises:
        TrainingError: `training.config`, the picture is not float32 (H, W, 3) or the strength is outside 0..1.
    """
    if linear.dtype != np.float32 or linear.ndim != 3 or linear.shape[2] != 3:
        raise TrainingError(
            "training.config", f"A scene is float32 (H, W, 3), got {linear.dtype} {linear.shape}.", "Convert it."
        )
    if not 0 <= strength <= 1:
        raise TrainingError("training.config", f"strength is 0..1, got {strength}.", "Use 1 for the full variety.")
    dice = _Dice(rng, strength)
    height, width = linear.shape[:2]
    palette = dice.chance(0.06)
    scale = 1.0
    if palette:
        scale = dice.between(0.25, 0.7)
    elif dice.chance(0.4):
        scale = dice.log_between(0.18, 1.0)  # a face of 130 px becomes one of 24 px
    # Small footage is small before the noise and the compression, not after.
    size = (max(round(width * scale), 8), max(round(height * scale), 8))
    light = linear if scale == 1.0 else cv2.resize(linear, size, interpolation=cv2.INTER_AREA)
    light = _optics(light, dice)
    light, dark = _expose(light, dice)
    light = _noise(light, dice, dark)
    encoded = _develop(light, dice)
    if palette:
        encoded = _palette(encoded, dice)
    elif dice.chance(0.65):
        encoded = _compress(encoded, dice)
    if scale == 1.0:
        return encoded
    smooth = (cv2.INTER_LINEAR, cv2.INTER_CUBIC)[int(rng.integers(2))]
    full: U8 = cv2.resize(encoded, (width, height), interpolation=cv2.INTER_NEAREST if dice.chance(0.05) else smooth)
    return full


def _optics(light: F32, dice: _Dice) -> F32:
    """Defocus, motion blur and vignetting."""
    rows, columns = light.shape[:2]
    if dice.chance(0.35):
        radius = dice.log_between(0.3, 3.5) * rows / 200
        light = cv2.filter2D(light, -1, _disc(radius), borderType=cv2.BORDER_REPLICATE)
    if dice.chance(0.15):
        streak = _streak(dice.between(2, 9) * rows / 200, dice.between(0, math.pi))
        light = cv2.filter2D(light, -1, streak, borderType=cv2.BORDER_REPLICATE)
    if dice.chance(0.4):
        # A crop may lie anywhere on the sensor, so the optical axis may lie outside it.
        cy, cx = dice.between(-0.5, 1.5) * rows, dice.between(-0.5, 1.5) * columns
        reach = dice.between(0.9, 2.5) * max(rows, columns)
        y = ((np.arange(rows, dtype=np.float32) - cy) / reach)[:, None] ** 2
        x = ((np.arange(columns, dtype=np.float32) - cx) / reach)[None, :] ** 2
        light = light * (1 / np.square(1 + y + x))[:, :, None].astype(np.float32)  # cos^4 of the field angle
    return light


def _disc(radius: float) -> F32:
    """A pillbox with soft rim, the blur circle of a lens; sums to 1."""
    reach = math.ceil(radius)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    kernel: F32 = np.clip(radius + 0.5 - np.hypot(y, x), 0, 1).astype(np.float32)
    kernel /= kernel.sum()
    return kernel


def _streak(length: float, angle: float) -> F32:
    """A line through the kernel's centre; sums to 1."""
    reach = math.ceil(length / 2)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    along, across = x * math.cos(angle) + y * math.sin(angle), y * math.cos(angle) - x * math.sin(angle)
    kernel = np.clip(1 - np.abs(across), 0, 1) * np.clip(length / 2 + 0.5 - np.abs(along), 0, 1)
    streak: F32 = (kernel / kernel.sum()).astype(np.float32)
    return streak


def _expose(light: F32, dice: _Dice) -> tuple[F32, float]:
    """Auto-exposure with its errors, white balance and mains flicker; returns how many stops too dark it is, too."""
    mean = float(cv2.mean(light)[1]) + 1e-3
    pull = dice.between(0.0, 0.9) * dice.strength  # how far the automatic went towards 18 % grey
    dark = dice.between(1.0, 4.5) if dice.chance(0.12) else 0.0
    gain = math.exp(pull * math.log(0.2 / mean) + dice.normal(0.35)) * 2 ** (-0.6 * dark)
    warm, green = dice.normal(0.16), dice.normal(0.05)
    balance = np.exp(np.array([warm, green, -warm])) * gain
    tint = np.eye(3) + dice.strength * dice.rng.normal(0, 0.05, (3, 3))
    tint /= tint.sum(1, keepdims=True)
    light = cv2.transform(light, tint * balance[:, None])
    if dice.chance(0.06):
        rows = np.arange(light.shape[0], dtype=np.float32)
        wave = np.sin(rows * dice.between(1.5, 12) * 2 * math.pi / len(rows) + dice.between(0, 7))
        light *= (1 + dice.between(0.05, 0.3) * wave).astype(np.float32)[:, None, None]
    return light, dark


@cache
def _mosaic(rows: int, columns: int) -> F32:
    """Which of red, green, blue a pixel of an RGGB sensor sees, float32 (rows, columns, 3) of 0 and 1."""
    mask = np.zeros((rows, columns, 3), np.float32)
    mask[0::2, 0::2, 0] = mask[0::2, 1::2, 1] = mask[1::2, 0::2, 1] = mask[1::2, 1::2, 2] = 1
    mask.setflags(write=False)
    return mask


_RED_BLUE = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]], np.float32) / 4
_GREEN = np.array([[0, 1, 0], [1, 4, 1], [0, 1, 0]], np.float32) / 4


def _noise(light: F32, dice: _Dice, dark: float) -> F32:
    """Photon and read noise of each sensor element, spread over pixels and channels by bilinear demosaicing."""
    if dice.strength == 0:
        return light
    rows, columns = light.shape[:2]
    photon = dice.strength * dice.log_between(1e-5, 3e-3) * 2 ** (0.9 * dark)
    read = dice.strength * dice.log_between(2e-4, 6e-3) * 2 ** (0.35 * dark)
    grain = dice.rng.standard_normal((rows, columns), np.float32)
    # Masks of a size up to the next multiple of 32, so that random footage sizes share a few.
    mosaic = _mosaic(-(-rows // 32) * 32, -(-columns // 32) * 32)[:rows, :columns]
    seen = cv2.split(mosaic * grain[:, :, None])
    spread = cv2.merge([cv2.filter2D(c, -1, k) for c, k in zip(seen, (_RED_BLUE, _GREEN, _RED_BLUE), strict=True)])
    deviation = np.sqrt(np.maximum(light, 0) * np.float32(photon) + np.float32(read * read))
    noisy: F32 = light + deviation * spread
    return noisy


def _develop(light: F32, dice: _Dice) -> U8:
    """Colour or grey, tone curve, saturation, denoising and sharpening."""
    mix = None
    if dice.chance(0.06):  # a sensor without colour filter under infrared light sees mostly what red sees
        mix = np.array([dice.between(0.6, 1.0), dice.between(0, 0.3), dice.between(0, 0.1)])
    elif dice.chance(0.08):
        mix = LUMA * np.exp(dice.rng.normal(0, 0.3, 3))
    if mix is not None:
        light = cv2.transform(light, np.tile(mix / mix.sum(), (3, 1)))
    level = np.clip(light * np.float32((_LEVELS - 1) / _HEADROOM), 0, _LEVELS - 1).astype(np.uint16)
    encoded = _curve(dice)[level]
    if mix is None and dice.chance(0.6):
        saturation = dice.between(0.3, 1.6)
        encoded = cv2.transform(encoded, saturation * np.eye(3) + (1 - saturation) * np.tile(LUMA, (3, 1)))
    if dice.chance(0.15):  # a phone's denoiser smears what is small
        encoded = cv2.medianBlur(encoded, 3 if dice.chance(0.6) else 5)
    if dice.chance(0.35):
        soft = cv2.GaussianBlur(encoded, (0, 0), dice.between(0.6, 1.6))
        amount = dice.between(0.3, 1.8)
        encoded = cv2.addWeighted(encoded, 1 + amount, soft, -amount, 0)
    developed: U8 = cv2.convertScaleAbs(np.maximum(encoded, 0), alpha=255)
    return developed


def _curve(dice: _Dice) -> F32:
    """Linear 0.._HEADROOM to encoded 0..1: soft shoulder, sRGB (IEC 61966-2-1), gamma, contrast, lifted black."""
    x = np.linspace(0, _HEADROOM, _LEVELS)
    knee = dice.between(0.4, 0.95) if dice.chance(0.6) else 1.0
    if knee < 1:
        x = np.where(x > knee, knee + (1 - knee) * (1 - np.exp((knee - x) / (1 - knee))), x)
    x = np.minimum(x, 1)
    y = np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055)
    y = y ** math.exp(dice.normal(0.12))
    contrast = np.clip(dice.normal(0.35), -0.6, 0.9)
    y = y - contrast * np.sin(2 * math.pi * y) / (2 * math.pi)
    if dice.chance(0.15):
        lift = dice.between(0, 0.15)
        y = lift + (1 - lift) * y
    table: F32 = y.astype(np.float32)
    return table


def _compress(image: U8, dice: _Dice) -> U8:
    """JPEG with its blocks at a random offset; twice, with colours blurred, for video that was encoded again."""
    passes = 2 if dice.chance(0.25) else 1
    for _ in range(passes):
        quality = dice.between(25, 60) if passes == 2 else dice.between(25, 95)
        top, left = (int(v) for v in dice.rng.integers(0, 8, 2))
        padded = cv2.copyMakeBorder(image, top, 0, left, 0, cv2.BORDER_REPLICATE)
        bgr = cv2.cvtColor(padded, cv2.COLOR_RGB2BGR)
        _, data = cv2.imencode(".jpg", bgr, (cv2.IMWRITE_JPEG_QUALITY, int(quality)))
        image = cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)[top:, left:]
    if passes == 2:
        chroma = cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb)
        chroma[:, :, 1:] = cv2.blur(chroma, (5, 5))[:, :, 1:]
        image = cv2.cvtColor(chroma, cv2.COLOR_YCrCb2RGB)
    return np.ascontiguousarray(image)


_ORDER = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]], np.float32) / 16 - 15 / 32
"""Bayer's 4 x 4 threshold matrix, centred on zero."""


def _palette(image: U8, dice: _Dice) -> U8:
    """The few colours of a GIF: the palette serves the whole frame, so a face gets a part of its 256."""
    rows, columns = image.shape[:2]
    count = int(dice.rng.integers(12, 64))
    pixels = image.reshape(-1, 3)
    colours = pixels[dice.rng.integers(0, len(pixels), count)].astype(np.float32)
    colours += dice.rng.normal(0, 6, colours.shape).astype(np.float32)
    np.clip(colours, 0, 255, out=colours)
    # nearest colour of each cell of a 16 x 16 x 16 cube
    axis = np.arange(16, dtype=np.float32) * 16 + 8
    cube = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    nearest = colours[np.argmin((colours * colours).sum(1) - 2 * cube @ colours.T, 1)]
    weights = np.array([256, 16, 1])
    work = image.astype(np.float32)
    if dice.rng.random() < 0.5:
        tiled = np.tile(_ORDER, (rows // 4 + 1, columns // 4 + 1))[:rows, :columns, None]
        cells = np.clip(work + tiled * dice.between(16, 48), 0, 255).astype(np.intp) >> 4
        ordered: U8 = nearest[cells @ weights].astype(np.uint8)
        return ordered
    # Error diffusion downwards only (1/4, 1/2, 1/4): one row at a time, so that numpy can do it. The noise breaks up
    # the worms that this leaves on flat walls.
    work += dice.rng.uniform(-6, 6, (rows, columns, 1)).astype(np.float32)
    for y in range(rows):
        chosen = nearest[(np.clip(work[y], 0, 255).astype(np.intp) >> 4) @ weights]
        if y + 1 < rows:
            error = 0.25 * (work[y] - chosen)
            work[y + 1] += 2 * error
            work[y + 1, 1:] += error[:-1]
            work[y + 1, :-1] += error[1:]
        work[y] = chosen
    return work.astype(np.uint8)


@dataclass(frozen=True)
class Lens:
    """Radial distortion (Brown-Conrady): what is at r focal lengths from the axis moves to r (1 + k1 r^2 + k2 r^4).

    Attributes:
        k1, k2: negative bends outwards bulging (barrel), positive inwards (pincushion).
        focal: pixels. cx, cy: the optical axis, pixels, integers at pixel centres; it may lie outside the picture.
    """

    k1: float
    k2: float
    focal: float
    cx: float
    cy: float

    def distort_points(self, points: F32) -> F32:
        """Where points (..., 2) of an ideal picture, pixels, lie in the picture of this lens."""
        centre = np.array([self.cx, self.cy], np.float32)
        offset = (points - centre) / self.focal
        r2 = (offset * offset).sum(-1, keepdims=True)
        bent: F32 = (centre + (points - centre) * (1 + r2 * (self.k1 + self.k2 * r2))).astype(np.float32)
        return bent

    def undistort_map(self, height: int, width: int) -> tuple[F32, F32]:
        """For each pixel of the bent picture the x and y of the ideal one, float32 (height, width), for cv2.remap.

        Raises:
            TrainingError: `training.config`, the lens folds the picture over itself.
        """
        x = np.arange(width, dtype=np.float32)[None, :] - np.float32(self.cx)
        y = np.arange(height, dtype=np.float32)[:, None] - np.float32(self.cy)
        bent = np.sqrt(x * x + y * y) / np.float32(self.focal)
        # The inverse has no closed form; a table of the forward curve, read backwards, is exact to 1e-3 px.
        furthest = float(bent.max())
        ideal = np.linspace(0, 2 * furthest + 1e-6, 4096)
        forward = ideal * (1 + ideal**2 * (self.k1 + self.k2 * ideal**2))
        rising = int(np.argmax(np.diff(forward, append=-np.inf) <= 0)) + 1
        if forward[rising - 1] < furthest:
            raise TrainingError(
                "training.config",
                f"k1 {self.k1}, k2 {self.k2} fold the picture at {forward[rising - 1]:.2f} focal lengths "
                f"from the axis; its corner is at {furthest:.2f}.",
                "Use weaker coefficients or a longer focal length.",
            )
        factor = np.interp(bent, forward[:rising], ideal[:rising]).astype(np.float32) / np.maximum(bent, 1e-9)
        return x * factor + np.float32(self.cx), y * factor + np.float32(self.cy)

    def bend(self, image: F32) -> F32:
        """The ideal picture (H, W, C) as this lens shows it; what lies outside is taken from the border."""
        map_x, map_y = self.undistort_map(*image.shape[:2])
        bent: F32 = cv2.remap(image, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return bent
