"""Portraits and characters under recorded takes, as contact sheets to be looked at.

python -m training.reenact_takes me.jpg cat.toml -o out/takes.png

A row for each portrait and take, moments evenly through it. The takes tell coefficients; the head swings slowly.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import cv2
import mien
import numpy as np
import typer
from mien.layouts import ARKIT52
from mien.portrait.canvas import SIZE
from mien.portrait.portrait import Portrait
from mien.types import U8, FaceState, HeadPose

from training.command import run
from training.performer.coefficients import COEFFICIENTS
from training.performer.mesh import F32
from training.performer.takes import RATE, takes

TAKES = ("facial", "alex_rom_3", "S07_001")
_SIDE = 200  # pixels of a picture
_SWING, _PERIOD = math.radians(14), 7.0  # of the head's yaw; half of it in pitch
_ORDER = [COEFFICIENTS.index(name) for name in ARKIT52.names]


def main(
    who: Annotated[list[str], typer.Argument(help="pictures and character files (.toml)")],
    output: Annotated[Path, typer.Option("--output", "-o", help="the picture to write")],
    moments: Annotated[int, typer.Option(min=2, help="pictures of a row")] = 10,
    bundle: Annotated[str, typer.Option(help="a bundle, or the name of a shipped one")] = "reenact",
) -> None:
    """Draws the sheets."""
    recorded = takes(TAKES)
    rows = []
    with mien.open(bundle, device="cpu") as pipeline:
        for name in who:
            enrol = Portrait.of_character if name.endswith(".toml") else Portrait
            portrait = enrol(pipeline, name)
            portrait.set_reference(state(np.zeros(52, np.float32), 0.0))
            for take in recorded:
                frames = np.linspace(0, len(take.values) - 1, moments).round().astype(int)
                shown = []
                for k in frames:
                    picture = portrait.show(state(take.values[k, _ORDER], k / RATE)).picture
                    shown.append(_cut(picture, portrait.crop))
                rows.append(np.hstack(shown))
    output.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(output), np.vstack(rows)[..., ::-1])
    print(f"wrote {output}: rows are {', '.join(f'{Path(name).stem} {take}' for name in who for take in TAKES)}")


def state(values: F32, seconds: float) -> FaceState:
    """A driver with these coefficients (52,), whose head swings."""
    angle = 2 * math.pi * seconds / _PERIOD
    yaw, pitch = _SWING * math.sin(angle), 0.5 * _SWING * math.sin(1.7 * angle)
    half = np.array([math.sin(pitch / 2), math.sin(yaw / 2)])
    rotation = np.array([*half, 0.0, math.sqrt(1 - float(half @ half))])
    head = HeadPose(tuple(rotation.tolist()), (0.0, 0.0, 0.6), 0.0)
    return FaceState(round(seconds * 1e9), 0, ARKIT52, values, values, np.ones(52, np.bool_), 1.0, head=head)


def _cut(picture: U8, crop: tuple[float, float, float]) -> U8:
    scale, x0, y0 = crop
    height, width = picture.shape[:2]
    side = min(height, width, int(SIZE * scale))
    left = min(max(int(x0), 0), width - side)
    top = min(max(int(y0), 0), height - side)
    return np.asarray(cv2.resize(picture[top : top + side, left : left + side], (_SIDE, _SIDE)), np.uint8)


if __name__ == "__main__":
    run(main)
