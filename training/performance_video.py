"""The short film that `mien demo` shows when it is given nothing: one rendered person who acts.

    python -m training.performance_video sdk/mien/data/performance.mp4 --seed 11

The first six seconds go through `PROGRAMME`, so that each group of coefficients moves once, and end where they began;
a longer film goes on with `performer.performance`. The camera stands still: unlike the pictures of the data sets, which
are framed by the face, a jaw that drops does not move or shrink the head.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import numpy.typing as npt
import typer
from rich.progress import track

from training.command import run
from training.errors import TrainingError
from training.performer import landmarks
from training.performer.backgrounds import background
from training.performer.coefficients import COEFFICIENTS, constrain, vector
from training.performer.head import Posed
from training.performer.people import Person, random_person
from training.performer.performance import performance
from training.performer.renderer import _MIDDLE, Renderer
from training.performer.scene import Scene, rotation
from training.performer.sensor import capture

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
U8 = npt.NDArray[np.uint8]

RATE = 30  # frames per second
# Begin and end in seconds, and what the face does between them.
PROGRAMME: tuple[tuple[float, float, dict[str, float]], ...] = (
    (0.10, 1.10, {"mouthSmile": 0.9, "cheekSquint": 0.5, "eyeSquint": 0.2, "mouthUpperUp": 0.25}),
    (1.05, 1.30, {"eyeBlink": 1.0}),
    (1.25, 2.15, {"browInnerUp": 0.9, "browOuterUp": 0.9, "eyeWide": 0.8, "jawOpen": 0.45}),
    (2.05, 2.80, {"browDown": 0.95, "noseSneer": 0.7, "eyeSquint": 0.4}),
    (2.70, 3.25, {"jawOpen": 0.85}),
    (3.10, 3.60, {"jawOpen": 0.15, "jawLeft": 0.9}),
    (3.50, 4.20, {"cheekPuff": 1.0, "browInnerUp": 0.3}),
    (4.10, 4.35, {"eyeBlink": 1.0}),
    (4.15, 5.05, {"tongueOut": 1.0, "jawOpen": 0.45, "mouthLowerDown": 0.3}),
    (4.95, 5.45, {"eyeLookOutLeft": 0.8, "eyeLookInRight": 0.8}),
    (5.35, 5.85, {"eyeLookOutRight": 0.8, "eyeLookInLeft": 0.8, "eyeLookUp": 0.4}),
    (5.70, 5.95, {"eyeBlink": 1.0}),
)
LENGTH = 6.0
_EASE = 0.14  # seconds from rest to an act and back; a blink's are half of its length
_TURN = np.radians([15.0, 6.0, 4.0])  # of yaw, pitch and roll
_SWAY = 0.04  # of the picture's side
_DISTANCE = 75.0  # cm
_FRAMING = 1.75  # picture's side in sides of the face crop
_MARGIN = 0.12  # drawn around the picture, so that it can be moved
_LENS = 1 / 640  # of the picture's side: the lens' blur, without which the film is half as large again
_NOISE = 1.0  # grey levels


def acted(clock: F64) -> F32:
    """The programme's coefficients at these seconds (T,) of 0..LENGTH: float32 (T, 57), constrained."""
    c = np.zeros((len(clock), len(COEFFICIENTS)), np.float32)
    for begin, end, recipe in PROGRAMME:
        ease = min(_EASE, (end - begin) / 2)
        along = np.clip(np.minimum(clock - begin, end - clock) / ease, 0, 1)
        c = np.maximum(c, (along * along * (3 - 2 * along))[:, None] * vector(recipe))
    return constrain(c.astype(np.float32))


def curves(rng: np.random.Generator, seconds: float) -> F32:
    """What the person does, float32 (round(seconds * RATE), 57)."""
    count = round(seconds * RATE)
    c = acted(np.arange(min(count, round(LENGTH * RATE))) / RATE)
    rest = count - len(c)
    return np.concatenate([c, performance(rng, rest / RATE, RATE)]) if rest else c


def film(seed: int, seconds: float, size: int) -> Iterator[U8]:
    """The frames, uint8 (size, size, 3), RGB; the same seed gives the same ones.

    Raises:
        TrainingError: ``training.config``, sizes that are none; ``asset.*`` and ``render.no_egl`` of the performer.
    """
    if not (math.isfinite(seconds) and seconds * RATE >= 1 and size >= 64):
        raise TrainingError("training.config", f"No film has {seconds} s at {size} pixels.", "Give 1 s at 320 pixels.")
    rng = np.random.default_rng(seed)
    person = replace(random_person(rng), glasses=[])
    behind = cv2.GaussianBlur(background(rng, size, size), (0, 0), size / 60)
    phases = rng.uniform(0, 2 * math.pi, 5)
    camera = _Camera(person, size)
    for number, coefficients in enumerate(curves(rng, seconds)):
        angle = 2 * math.pi * number / (RATE * LENGTH)
        yaw, pitch, roll = _TURN * np.sin(np.array([1, 2, 1]) * angle + phases[:3])
        sway = _SWAY * np.sin(np.array([1, 2]) * angle + phases[3:])
        seen = camera.shoot(coefficients, rotation(yaw, pitch, roll), sway)
        light = np.maximum(seen[..., :3] + (1 - np.clip(seen[..., 3:], 0, 1)) * behind, 0)
        soft = cv2.GaussianBlur(light.astype(np.float32), (0, 0), _LENS * size)
        clean = capture(soft, np.random.default_rng(0), 0.0)
        yield np.clip(clean + rng.normal(0, _NOISE, clean.shape), 0, 255).round().astype(np.uint8)


class _Camera:
    """A camera that stands still before one person."""

    def __init__(self, person: Person, size: int) -> None:
        self._person, self._size = person, size
        self._margin = round(_MARGIN * size)
        self._renderer = Renderer(size + 2 * self._margin)
        self._framing = _FRAMING * (1 + 2 * _MARGIN)
        rest = person.head.pose(np.zeros(len(COEFFICIENTS), np.float32))
        self._extent, self._middle = self._hull(rest, np.eye(3, dtype=np.float32))

    def shoot(self, coefficients: F32, turn: F32, sway: F64) -> F32:
        """Linear colour and coverage, float32 (size, size, 4)."""
        person, head = self._person, self._person.head
        posed = head.pose(coefficients)
        extent, middle = self._hull(posed, turn)
        # The renderer scales and centres the landmarks' hull; undo what the hull changed since rest.
        framing = self._framing * self._extent / extent
        worn = person.rigid + [shell.mesh(posed.vertices) for shell in person.shells]
        drawn = self._renderer.render(head, person.skin, posed, head.limited(coefficients), _scene(turn), worn, framing)
        focal = self._renderer.size / (framing * landmarks.CROP * extent)
        dx, dy = (middle - self._middle) * focal * (1, -1) + sway * self._size - self._margin
        shift = np.array([[1, 0, dx], [0, 1, dy]], np.float64)
        return np.asarray(
            cv2.warpAffine(drawn.colour, shift, (self._size, self._size), flags=cv2.INTER_CUBIC), np.float32
        )

    def _hull(self, posed: Posed, turn: F32) -> tuple[float, F64]:
        """Longer side and middle of the landmarks' hull on the plane at distance 1."""
        person = self._person
        marks = landmarks.positions(posed, person.skin.iris_scale, person.head.eye_scale) - _MIDDLE
        seen = marks @ turn.T - np.array([0, 0, _DISTANCE])
        flat = seen[:, :2] / -seen[:, 2:]
        low, high = flat.min(0), flat.max(0)
        return float((high - low).max()), (low + high) / 2


def _scene(turn: F32) -> Scene:
    """A window to the side, a room's light from everywhere, a rim."""
    ways = np.array([[-0.55, 0.4, 0.73], [0.6, 0.15, 0.78], [0.75, 0.3, -0.6]], np.float32)
    lights = np.array([[0.72, 0.68, 0.62], [0.16, 0.17, 0.19], [0.14, 0.15, 0.17]], np.float32)
    ambient = np.array([[0.34, 0.34, 0.36], [0, 0, 0], [0.07, 0.07, 0.08], [0.04, 0.04, 0.04]], np.float32)
    return Scene(turn, _DISTANCE, ways, lights, ambient, 0.7, 0.4, 0.0, False)


def write(path: Path, frames: Iterator[U8], count: int) -> None:
    """Writes frames as MPEG-4, which every build of OpenCV reads and writes.

    Raises:
        TrainingError: ``training.write``, the file cannot be written.
    """
    first = next(frames)
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), RATE, first.shape[1::-1])
    try:
        if not writer.isOpened():
            raise TrainingError(
                "training.write", f"{path} cannot be written.", "Choose another folder, ending in .mp4."
            )
        writer.write(cv2.cvtColor(first, cv2.COLOR_RGB2BGR))
        for frame in track(frames, "filming", total=count - 1):
            writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    finally:
        writer.release()


def main(
    path: Annotated[Path, typer.Argument(help="where the film goes, .mp4")],
    seconds: Annotated[float, typer.Option(min=0.1, help="the first six are the programme")] = LENGTH,
    seed: Annotated[int, typer.Option(help="who acts")] = 11,
    size: Annotated[int, typer.Option(min=64, help="pixels of a side")] = 320,
) -> None:
    """Renders the film of the demo."""
    write(path, film(seed, seconds, size), round(seconds * RATE))


if __name__ == "__main__":
    run(main)
