"""What a network must learn to see through: odd textures, things before the face, light, colour, blur, noise, codecs.

`spoil` works on one uint8 picture of a batch, mostly with OpenCV's 8-bit kernels (0.3 ms at 160 x 160); occluders and
mixed spectra take their material from the batch's other pictures.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

_LUMA = np.array([0.299, 0.587, 0.114])
_BAND = 4
"""Cycles per picture up to which `_mix_spectrum` swaps amplitudes."""


@dataclass(frozen=True, eq=False)
class Scene:
    """One picture of a batch.

    Attributes:
        pictures: uint8 (B, S, S, 3), never written to.
        index: which of them.
        points: float32 (P, 2), its landmarks, pixels.
        eyes: two landmarks, one at each eye.
    """

    pictures: U8
    index: int
    points: F32
    eyes: tuple[int, int]

    def other(self, rng: np.random.Generator) -> U8:
        """A picture of the batch, seldom the same one."""
        found: U8 = self.pictures[rng.integers(len(self.pictures))]
        return found


def spoil(rng: np.random.Generator, scene: Scene) -> tuple[U8, Mask]:
    """A spoiled copy of the scene's picture, and which landmarks (P) something was put in front of."""
    image = scene.pictures[scene.index]
    covered = np.zeros(len(scene.points), np.bool_)
    if rng.random() < 0.15:
        image = _convolve(rng, image)
    if rng.random() < 0.10:
        image = _mix_spectrum(rng, image, scene.other(rng))
    if rng.random() < 0.30:
        image, covered = _occlude(rng, image, scene)
    if rng.random() < 0.35:
        image = _relight(rng, image)
    if rng.random() < 0.08:
        image = _glare(rng, image, scene)
    image = _recolour(rng, image)
    if rng.random() < 0.35:
        image = _soften(rng, image)
    if rng.random() < 0.5:
        image = _grain(rng, image)
    if rng.random() < 0.2:
        image = _jpeg(rng, image)
    return image, covered


@cache
def _noise_bank() -> F32:
    """Normal noise, float32 (512, 512, 3), of which pictures take random windows: drawing it anew would cost 1 ms."""
    bank = np.random.default_rng(0x6772).standard_normal((512, 512, 3), np.float32)
    bank.setflags(write=False)
    return bank


def _window(rng: np.random.Generator, rows: int, columns: int) -> F32:
    y, x = rng.integers(0, 512 - rows), rng.integers(0, 512 - columns)
    return _noise_bank()[y : y + rows, x : x + columns]


def _convolve(rng: np.random.Generator, image: U8) -> U8:
    """A random filter over space and channels, blended in (Xu et al. 2021, RandConv): shape survives, texture does not.

    The kernel is an outer product of a random 3 x 3 or 5 x 5 filter and a random channel mix.
    """
    side = int(rng.choice((3, 5)))
    space = rng.normal(0, 1 / side, (side, side)).astype(np.float32)
    space[side // 2, side // 2] += 1
    source = image.astype(np.float32)
    mixed = cv2.filter2D(cv2.transform(source, rng.normal(0, 0.5, (3, 3)) + 0.5 * np.eye(3)), -1, space)
    mean, deviation = cv2.meanStdDev(source)
    new_mean, new_deviation = cv2.meanStdDev(mixed)
    gain = np.minimum(deviation / (new_deviation + 1e-3), 4).ravel()
    blend = rng.uniform(0.3, 0.9)
    mixed = mixed * (blend * gain) + (blend * (mean.ravel() - gain * new_mean.ravel())) + (1 - blend) * source
    filtered: U8 = np.clip(mixed, 0, 255).astype(np.uint8)
    return filtered


@cache
def _basis(size: int) -> tuple[npt.NDArray[np.complex64], npt.NDArray[np.complex64]]:
    """Discrete Fourier matrices for the frequencies -_BAND.._BAND (rows) and 0.._BAND (columns)."""
    place = np.arange(size) / size
    rows = np.exp(-2j * np.pi * np.arange(-_BAND, _BAND + 1)[:, None] * place)
    columns = np.exp(-2j * np.pi * place[:, None] * np.arange(_BAND + 1))
    return rows.astype(np.complex64), columns.astype(np.complex64)


def _mix_spectrum(rng: np.random.Generator, image: U8, other: U8) -> U8:
    """Takes the low-frequency amplitudes of another picture, keeping the phases (Yang and Soatto 2020, FDA).

    Only the band that changes is transformed, by two thin matrix products instead of a whole FFT.
    """
    size = image.shape[0]
    rows, columns = _basis(size)
    planes = np.stack([image, other]).transpose(0, 3, 1, 2).astype(np.float32)
    mine, theirs = rows @ (planes @ columns)
    amplitude = np.abs(mine)
    share = rng.uniform(0.3, 0.9)
    change = mine * (share * (np.abs(theirs) - amplitude) / (amplitude + 1e-3))
    change[:, _BAND, 0] = 0  # the mean is the business of `_recolour`
    # Column frequencies above 0 stand for their conjugates too.
    change[:, :, 1:] *= 2
    wave = ((rows.conj().T @ change) @ columns.conj().T).real / (size * size)
    swapped: U8 = np.clip(image + wave.transpose(1, 2, 0), 0, 255).astype(np.uint8)
    return swapped


def _occlude(rng: np.random.Generator, image: U8, scene: Scene) -> tuple[U8, Mask]:
    """Up to two bars, ovals or polygons before the face; none that would hide more than six tenths of it."""
    size = image.shape[0]
    image = image.copy()
    covered = np.zeros(len(scene.points), np.bool_)
    place = np.clip(np.rint(scene.points), 0, size - 1).astype(np.intp)
    for _ in range(rng.integers(1, 3)):
        mask = np.zeros((size, size), np.uint8)
        centre = scene.points[rng.integers(len(scene.points))] + rng.normal(0, 0.05 * size, 2)
        reach = size * rng.uniform(0.06, 0.26, 2)
        kind = rng.random()
        if kind < 0.3:
            box = (centre.tolist(), (2 * reach).tolist(), rng.uniform(0, 180))
            cv2.ellipse(mask, box, 1, -1)
        elif kind < 0.6:
            turn = np.sort(rng.uniform(0, 2 * math.pi, rng.integers(3, 9)))
            corners = centre + reach * rng.uniform(0.7, 1.4, (len(turn), 1)) * np.stack([np.cos(turn), np.sin(turn)], 1)
            cv2.fillPoly(mask, [np.rint(corners).astype(np.int32)], 1)
        elif kind < 0.85:  # a finger, a microphone, a strand: long and thin
            box = (centre.tolist(), (size * rng.uniform(0.4, 1.6), size * rng.uniform(0.03, 0.16)), rng.uniform(0, 180))
            cv2.fillPoly(mask, [np.rint(cv2.boxPoints(box)).astype(np.int32)], 1)
        else:  # from the border: a cup, a book, a neighbour
            depth = int(size * rng.uniform(0.15, 0.45))
            mask[-depth:] = 1
            mask = np.rot90(mask, int(rng.integers(4))).copy()
        hidden = covered | (mask[place[:, 1], place[:, 0]] > 0)
        if hidden.mean() > 0.6:
            continue
        covered = hidden
        cv2.copyTo(_material(rng, scene), mask, image)
    return image, covered


def _material(rng: np.random.Generator, scene: Scene) -> U8:
    """A surface for an occluder: plain, patterned, or a shifted piece of a picture of the batch (often skin)."""
    size = scene.pictures.shape[1]
    kind = rng.random()
    if kind < 0.45:
        shift = rng.integers(0, size, 2)
        return np.roll(scene.other(rng), shift, (0, 1))
    colour = rng.uniform(0, 255, 3)
    if kind < 0.6:
        return np.broadcast_to(colour.astype(np.uint8), (size, size, 3)).copy()
    cells = int(rng.integers(3, 80))
    pattern = _window(rng, cells, cells) * np.float32(rng.uniform(5, 70)) + colour.astype(np.float32)
    smooth = cv2.INTER_LINEAR if rng.random() < 0.7 else cv2.INTER_NEAREST
    surface: U8 = cv2.resize(np.clip(pattern, 0, 255).astype(np.uint8), (size, size), interpolation=smooth)
    return surface


def _relight(rng: np.random.Generator, image: U8) -> U8:
    """Light from one side, coloured and uneven, with a cast shadow's edge in a quarter of the cases."""
    size = image.shape[0]
    angle, slope = rng.uniform(0, 2 * math.pi), rng.gamma(2, 0.3)
    axis = np.linspace(-1, 1, 8)
    ramp = math.cos(angle) * axis[None, :] + math.sin(angle) * axis[:, None]
    tint = slope + rng.normal(0, 0.1, 3)
    field = np.exp(ramp[:, :, None] * tint + rng.normal(0, 0.08, (8, 8, 1)) - 0.25 * slope)
    light = cv2.resize(np.clip(field * 96, 4, 255).astype(np.uint8), (size, size), interpolation=cv2.INTER_CUBIC)
    if rng.random() < 0.25:
        turn = np.sort(rng.uniform(0, 2 * math.pi, 4))
        corners = size * (rng.uniform(0, 1, 2) + rng.uniform(0.2, 0.9) * np.stack([np.cos(turn), np.sin(turn)], 1))
        shade = np.full((size, size), 255, np.uint8)
        cv2.fillPoly(shade, [np.rint(corners).astype(np.int32)], rng.uniform(70, 180))
        shade = cv2.GaussianBlur(shade, (0, 0), rng.uniform(0.7, 8))
        light = cv2.multiply(light, cv2.merge([shade] * 3), scale=1 / 255)
    lit: U8 = cv2.multiply(image, light, scale=1 / 96)
    return lit


def _glare(rng: np.random.Generator, image: U8, scene: Scene) -> U8:
    """Bright reflections about the eyes, as on glasses."""
    glow = np.zeros_like(image)
    size = image.shape[0]
    colour = np.clip(rng.uniform(120, 255) * np.exp(rng.normal(0, 0.15, 3)), 0, 255).tolist()
    for eye in scene.eyes:
        for _ in range(rng.integers(0, 3)):
            centre = scene.points[eye] + rng.normal(0, 0.06 * size, 2)
            box = (
                centre.tolist(),
                (size * rng.uniform(0.02, 0.16), size * rng.uniform(0.01, 0.08)),
                rng.uniform(0, 180),
            )
            cv2.ellipse(glow, box, colour, -1)
    lit: U8 = cv2.add(image, cv2.GaussianBlur(glow, (0, 0), rng.uniform(0.5, 3)))
    return lit


def _recolour(rng: np.random.Generator, image: U8) -> U8:
    """Hue, saturation or grey by one matrix; gains, gamma, contrast, brightness and dusk by one table."""
    matrix = None
    if rng.random() < 0.15:
        mix = _LUMA * np.exp(rng.normal(0, 0.4, 3))
        matrix = np.tile(mix / mix.sum(), (3, 1))
    elif rng.random() < 0.5:
        saturation = rng.uniform(0.2, 1.7)
        matrix = saturation * _hue(rng.normal(0, 0.12)) + (1 - saturation) * np.tile(_LUMA, (3, 1))
    if matrix is not None:
        image = cv2.transform(image, matrix)
    if rng.random() < 0.8:
        level = np.linspace(0, 1, 256)[:, None]
        level = level ** math.exp(rng.normal(0, 0.25)) * np.exp(rng.normal(0, 0.15) + rng.normal(0, 0.09, 3))
        level = (level - 0.5) * math.exp(rng.normal(-0.05, 0.25)) + 0.5 + rng.normal(0, 0.05)
        if rng.random() < 0.07:  # dusk: dark and flat
            level = rng.uniform(0, 0.08) + level * rng.uniform(0.2, 0.5)
        if matrix is not None and np.ptp(matrix, axis=0).max() == 0:
            level = level[:, 1:2].repeat(3, 1)  # grey stays grey
        # What left the camera nearly black or white may not become wholly so.
        mean = float(level[int(sum(cv2.mean(image)[:3]) / 3)].mean())
        level += min(max(mean, 0.1), 0.85) - mean
        table = np.clip(level * 255 + 0.5, 0, 255).astype(np.uint8)
        image = cv2.LUT(image, table[:, None, :])
    return image


def _hue(angle: float) -> npt.NDArray[np.float64]:
    """Rotation by `angle` about the grey axis of the RGB cube (Rodrigues' formula)."""
    cos, sin = math.cos(angle), math.sin(angle) / math.sqrt(3)
    cross = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]])
    return cos * np.eye(3) + (1 - cos) / 3 + sin * cross


def _soften(rng: np.random.Generator, image: U8) -> U8:
    """Too little resolution, focus, or a moving hand."""
    size = image.shape[0]
    kind = rng.random()
    if kind < 0.5:
        small = int(math.exp(rng.uniform(math.log(32), math.log(100))) * size / 160)
        up = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_NEAREST)[rng.choice(3, p=(0.5, 0.4, 0.1))]
        image = cv2.resize(
            cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA), (size, size), interpolation=up
        )
    elif kind < 0.85:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 2.5))
    else:
        reach = rng.integers(1, 5)
        line = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
        tip = (reach * rng.uniform(-1, 1, 2)).round().astype(int)
        cv2.line(line, (reach - tip[0], reach - tip[1]), (reach + tip[0], reach + tip[1]), 1.0)
        image = cv2.filter2D(image, -1, line / line.sum())
    return image


def _grain(rng: np.random.Generator, image: U8) -> U8:
    """Sensor noise: fine or, after a codec or a digital zoom, coarse; coloured or not."""
    size = image.shape[0]
    cells = size if rng.random() < 0.6 else int(size * rng.uniform(0.3, 0.9))
    noise = _window(rng, cells, cells)
    if rng.random() < 0.4:
        noise = cv2.merge([noise[:, :, 0]] * 3)
    if cells < size:
        noise = cv2.resize(noise, (size, size), interpolation=cv2.INTER_LINEAR)
    amount = math.exp(rng.uniform(math.log(1), math.log(18)))
    noisy: U8 = cv2.addWeighted(image, 1, noise, amount, 0, dtype=cv2.CV_8U)
    return noisy


def _jpeg(rng: np.random.Generator, image: U8) -> U8:
    """Compression with the blocks at a random offset."""
    top, left = (int(v) for v in rng.integers(0, 8, 2))
    padded = cv2.copyMakeBorder(image, top, 0, left, 0, cv2.BORDER_REPLICATE)
    _, data = cv2.imencode(
        ".jpg", cv2.cvtColor(padded, cv2.COLOR_RGB2BGR), (cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 90)))
    )
    decoded: U8 = cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)[top:, left:]
    return decoded
