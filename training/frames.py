"""Frames: what a camera sees of a place with some people in it, composed of sprites, with every face's box and points.

The network's whole input is made, letterboxed as the runtime does it. Things that look a little like faces are drawn
too: heads from behind, pieces of skin and hair, balls with dots.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from training.models.detect import COLUMNS, ROWS
from training.performer.backgrounds import background, fractal
from training.performer.landmarks import LEFT_EYE, RIGHT_EYE
from training.performer.sensor import capture
from training.sprites import BRIGHTEST, SIZE, Sprites

F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]

SMALLEST = 9.0  # pixels of a face's longer side; smaller ones need not be found
_TINIEST, _LARGEST = 7.0, 250.0  # drawn
_COUNTS = (0.1, 0.34, 0.2, 0.14, 0.09, 0.07, 0.06)  # chance of 0, 1, .. 6 people
_SHAPES = ((320, 240), (320, 180), (192, 256), (144, 256), (256, 256), (320, 256))
_SHAPE_CHANCES = (0.35, 0.2, 0.15, 0.08, 0.12, 0.1)
_CLOSE_FROM = 80.0  # pixels from which on the close sprites serve
_TURNED, _HIDDEN = -0.4, 0.2  # facing below: no face; share seen below: need not be found
_PROFILE = -0.1  # facing below: need not be found
IN_MIRROR = [1, 0, 2, 4, 3]  # the five points, seen in a mirror
_LIGHT = (np.arange(256, dtype=np.float32) / 255) ** 2 * BRIGHTEST


@dataclass(frozen=True, eq=False)
class Frame:
    """A network input with labels.

    Attributes:
        picture: uint8 (256, 320, 3).
        boxes: float32 (F, 4), hulls x0, y0, x1, y1 of all landmarks, pixels; they may reach out of the picture.
        points: float32 (F, 5, 2): right eye, left eye, nose tip, right and left corner of the mouth, subject's sides.
        spared: float32 (I, 4), boxes in which finding something is neither right nor wrong.
    """

    picture: U8
    boxes: F32
    points: F32
    spared: F32


def five_points(landmarks: F32) -> F32:
    """The detector's points (5, 2) of landmarks (220, 2)."""
    eyes = [landmarks[list(eye)].mean(0) for eye in (RIGHT_EYE, LEFT_EYE)]
    return np.stack([*eyes, *landmarks[[30, 48, 54]]]).astype(np.float32)


@dataclass(eq=False)
class _Person:
    """Somebody in the picture: what is to be found, and how much of it is left to see."""

    box: F32
    points: F32
    facing: float
    shown: float

    def cover(self, corner: tuple[int, int], alpha: F32) -> None:
        """Takes away what something with this coverage, drawn at `corner` x, y, hides of the face."""
        x, y = corner
        x0, y0, x1, y1 = self.box
        rows = slice(max(int(y0) - y, 0), max(int(y1) - y, 0))
        columns = slice(max(int(x0) - x, 0), max(int(x1) - x, 0))
        area = max((x1 - x0) * (y1 - y0), 1.0)
        self.shown *= 1 - min(float(alpha[rows, columns].sum()) / area, 1.0)


def compose(rng: np.random.Generator, sprites: Sprites) -> Frame:
    """A random frame; the same state of `rng` gives the same bytes."""
    width, height = _SHAPES[rng.choice(len(_SHAPES), p=_SHAPE_CHANCES)]
    canvas = background(rng, height, width)
    if rng.random() < 0.35:
        for _ in range(rng.integers(1, 4)):
            _scrap(rng, canvas, sprites)
    if rng.random() < 0.35:
        _cloth(rng, canvas)
    if rng.random() < 0.15:
        _ball(rng, canvas)
    people: list[_Person] = []
    count = int(rng.choice(len(_COUNTS), p=_COUNTS))
    # Far ones first. One alone is mostly near a camera, many are far.
    reach = min(_LARGEST, (1.05, 0.8, 0.6)[min(max(count - 1, 0), 2)] * min(height * 1.1, width * 1.2))
    for size in np.sort(np.exp(rng.uniform(math.log(_TINIEST), math.log(reach), count))):
        _add(rng, canvas, sprites, float(size), people)
    if people and rng.random() < 0.12:
        _foreground(rng, canvas, people)
    picture = np.zeros((ROWS, COLUMNS, 3), np.uint8)
    left, top = (COLUMNS - width) // 2, (ROWS - height) // 2
    seen = capture(canvas, rng, float(rng.uniform(0.0, 0.85)))
    picture[top : top + height, left : left + width] = seen
    return _labelled(picture, people, (left, top, width, height))


def _labelled(picture: U8, people: list[_Person], inner: tuple[int, int, int, int]) -> Frame:
    """Sorts who is a face, who need not be found, and who has none to show."""
    left, top, width, height = inner
    faces, spared = [], []
    for person in people:
        x0, y0, x1, y1 = person.box
        inside = max(min(x1, width) - max(x0, 0), 0) * max(min(y1, height) - max(y0, 0), 0) / ((x1 - x0) * (y1 - y0))
        if person.facing < _TURNED or inside < 0.08:
            continue
        small = max(x1 - x0, y1 - y0) < SMALLEST
        if inside < 0.5 or small or person.facing < _PROFILE or person.shown < _HIDDEN:
            spared.append(person.box)
        else:
            faces.append(person)
    shift = np.array([left, top], np.float32)
    return Frame(
        picture,
        np.array([face.box for face in faces], np.float32).reshape(-1, 4) + np.tile(shift, 2),
        np.array([face.points for face in faces], np.float32).reshape(-1, 5, 2) + shift,
        np.array(spared, np.float32).reshape(-1, 4) + np.tile(shift, 2),
    )


def _add(rng: np.random.Generator, canvas: F32, sprites: Sprites, size: float, people: list[_Person]) -> None:
    """Draws one more person, whose face is `size` pixels, before those that are there."""
    height, width = canvas.shape[:2]
    pool = np.flatnonzero(sprites.close == (size > _CLOSE_FROM and rng.random() < 0.6))
    index = int(rng.choice(pool))
    landmarks = sprites.points[index]
    roll = rng.normal(0, 14) if rng.random() < 0.8 else rng.uniform(-60, 60)
    mirrored = bool(rng.random() < 0.5)
    scale = size / float(np.ptp(landmarks, axis=0).max())
    c, s = scale * math.cos(math.radians(roll)), scale * math.sin(math.radians(roll))
    turn = np.array([[c, -s], [s, c]]) @ np.diag([-1.0 if mirrored else 1.0, 1.0])
    flat = landmarks @ turn.T
    half = np.ptp(flat, axis=0) / 2
    margin = -0.3 * half if rng.random() < 0.15 else np.minimum(half, (width / 2, height / 2))  # some are cut
    for _ in range(6):
        centre = np.array([rng.uniform(m, max(side - m, m)) for m, side in zip(margin, (width, height), strict=True)])
        gaps = [np.abs(centre - (p.box[:2] + p.box[2:]) / 2) - half - (p.box[2:] - p.box[:2]) / 2 for p in people]
        if all(gap.max() > -0.3 * half.min() for gap in gaps):
            break
    shift = centre - (flat.min(0) + flat.max(0)) / 2
    corner, alpha = _paste(rng, canvas, sprites.picture(index), np.column_stack([turn, shift]))
    for person in people:
        person.cover(corner, alpha)
    flat = flat + shift
    points = five_points((landmarks @ turn.T + shift).astype(np.float32))
    box = np.concatenate([flat.min(0), flat.max(0)]).astype(np.float32)
    shown = float(sprites.seen[index])
    people.append(_Person(box, points[IN_MIRROR] if mirrored else points, float(sprites.facing[index]), shown))


def _paste(
    rng: np.random.Generator, canvas: F32, sprite: U8, affine: npt.NDArray[np.float64]
) -> tuple[tuple[int, int], F32]:
    """Draws a sprite through an affine map (2, 3) of its pixels to the canvas's; returns where, and its coverage.

    What the sprite's lower edge cuts off goes on below it, so that no bust floats.
    """
    height, width = canvas.shape[:2]
    edge = SIZE - 1
    corners = np.array([[0, 0, 1], [edge, 0, 1], [0, 1.8 * edge, 1], [edge, 1.8 * edge, 1]]) @ affine.T
    x0, y0 = (int(v) for v in np.clip(np.floor(corners.min(0)), 0, (width, height)))
    x1, y1 = (int(v) for v in np.clip(np.ceil(corners.max(0)) + 1, 0, (width, height)))
    if x1 <= x0 or y1 <= y0:
        return (0, 0), np.zeros((0, 0), np.float32)
    shrink = int(1 / math.sqrt(abs(np.linalg.det(affine[:, :2]))))
    local = affine - [[0, 0, x0], [0, 0, y0]]
    if shrink > 1 and rng.random() < 0.75:  # the rest alias, as frames do that are sampled down without a filter
        side = SIZE // shrink
        sprite = cv2.resize(sprite, (side, side), interpolation=cv2.INTER_AREA)
        step = SIZE / side
        local = np.column_stack([local[:, :2] * step, local[:, 2] + local[:, :2].sum(1) * (step - 1) / 2])
    warped = cv2.warpAffine(sprite, local, (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    alpha = warped[..., 3].astype(np.float32) / 255
    light = _LIGHT[warped[..., :3]] * np.float32(math.exp(rng.normal(-0.05, 0.35)))
    window = canvas[y0:y1, x0:x1]
    window *= 1 - alpha[..., None]
    window += light
    return (x0, y0), alpha


def _mask(rng: np.random.Generator, rows: int, columns: int) -> F32:
    """A soft ellipse, rectangle or cloud, (rows, columns), 0..1."""
    mask = np.zeros((rows, columns), np.float32)
    kind = rng.integers(3)
    if kind == 0:
        centre, axes = (columns // 2, rows // 2), (max(columns // 2 - 1, 1), max(rows // 2 - 1, 1))
        cv2.ellipse(mask, centre, axes, 0, 0, 360, 1.0, -1, cv2.LINE_AA)
    elif kind == 1:
        mask[1:-1, 1:-1] = 1
    else:
        np.clip((fractal(rng, rows, columns) - 0.5) * 8 + 0.5, 0, 1, out=mask)
    return mask


def _draw(rng: np.random.Generator, canvas: F32, patch: F32, mask: F32) -> tuple[int, int]:
    """Blends a patch over a random place, partly outside perhaps; returns its upper left corner x, y."""
    rows, columns = mask.shape
    x, y = int(rng.integers(-columns // 3, canvas.shape[1])), int(rng.integers(-rows // 3, canvas.shape[0]))
    window = canvas[max(y, 0) : y + rows, max(x, 0) : x + columns]
    place = np.s_[max(-y, 0) : max(-y, 0) + window.shape[0], max(-x, 0) : max(-x, 0) + window.shape[1]]
    cover = mask[place][..., None]
    window *= 1 - cover
    window += patch[place] * cover
    return x, y


def _scrap(rng: np.random.Generator, canvas: F32, sprites: Sprites) -> None:
    """A piece of somebody, much enlarged or many times over: skin, hair, cloth, but no face."""
    source = sprites.picture(int(rng.integers(len(sprites))))
    side = int(rng.integers(10, 30))
    x, y = rng.integers(50, SIZE - 50 - side, 2)
    piece = source[y : y + side, x : x + side]
    long = math.exp(rng.uniform(math.log(12), math.log(160)))
    rows, columns = (max(int(long * rng.uniform(0.5, 1)), 4) for _ in range(2))
    if rng.random() < 0.2:
        piece = np.tile(piece, (3, 3, 1))
    patch = _LIGHT[cv2.resize(piece, (columns, rows), interpolation=cv2.INTER_CUBIC)[..., :3]]
    _draw(rng, canvas, patch, _mask(rng, rows, columns))


def _cloth(rng: np.random.Generator, canvas: F32) -> None:
    """Folded cloth, often as warm as skin, with badges, buttons and straps on it."""
    rows, columns = (int(math.exp(rng.uniform(math.log(30), math.log(260)))) for _ in range(2))
    warm = np.array([0.8, rng.uniform(0.1, 0.5), rng.uniform(0.01, 0.3)])
    colour = (warm if rng.random() < 0.6 else rng.uniform(0, 0.8, 3)) * rng.uniform(0.3, 1.2)
    folds = fractal(rng, rows, columns) * fractal(rng, rows, columns) * rng.uniform(1, 3) + rng.uniform(0.05, 0.4)
    patch = (folds[..., None] * colour).astype(np.float32)
    for _ in range(rng.integers(0, 9)):
        centre = (int(rng.integers(columns)), int(rng.integers(rows)))
        long = max(int(rng.uniform(0.01, 0.16) * max(rows, columns)), 1)
        ink = rng.uniform(0, 0.9, 3).tolist()
        if rng.random() < 0.5:
            cv2.circle(patch, centre, long, ink, -1, cv2.LINE_AA)
            cv2.circle(patch, centre, max(long * 2 // 3, 1), rng.uniform(0, 0.9, 3).tolist(), -1, cv2.LINE_AA)
        else:
            end = (int(centre[0] + rng.normal(0, 3 * long)), int(centre[1] + rng.normal(0, 3 * long)))
            cv2.line(patch, centre, end, ink, max(long // 3, 1), cv2.LINE_AA)
    _draw(rng, canvas, patch, _mask(rng, rows, columns))


def _ball(rng: np.random.Generator, canvas: F32) -> None:
    """Something round with dark dots: a ball, a plug, a lamp, a wheel."""
    side = int(math.exp(rng.uniform(math.log(10), math.log(120))))
    y, x = (np.mgrid[0:side, 0:side].astype(np.float32) - side / 2) / (side / 2)
    round_ = np.sqrt(np.maximum(1 - x * x - y * y, 0))
    way = rng.normal(0, 0.6, 2)
    shade = np.clip(round_ + way[0] * x + way[1] * y, 0.05, 2)
    colour = np.exp(rng.uniform(-3, 0)) * np.exp(rng.normal(0, 0.3, 3))
    patch = (shade[..., None] * colour).astype(np.float32)
    for _ in range(rng.integers(0, 4)):
        cx, cy = rng.uniform(-0.6, 0.6, 2)
        patch[np.hypot(x - cx, y - cy) < rng.uniform(0.05, 0.25)] *= np.float32(rng.uniform(0.05, 0.6))
    _draw(rng, canvas, patch, (round_ > 0).astype(np.float32))


def _foreground(rng: np.random.Generator, canvas: F32, people: list[_Person]) -> None:
    """Something blurred between the camera and the people."""
    rows, columns = (int(rng.integers(16, 110)) for _ in range(2))
    patch = background(rng, rows, columns)
    mask = cv2.GaussianBlur(_mask(rng, rows, columns), (0, 0), rng.uniform(0.4, 4))
    corner = _draw(rng, canvas, patch, mask)
    for person in people:
        person.cover(corner, mask)
