"""The builder's picture: where the sensors sit on the average face. Writes docs/imu_places.png.

python -m training.imu_picture
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import numpy.typing as npt
import typer

from training.command import run
from training.paths import ROOT
from training.performer import landmarks
from training.performer.head import Head
from training.performer.imu_layout import SIZES, layout, nominal
from training.performer.mesh import Mesh
from training.performer.renderer import Picture, Renderer
from training.performer.scene import Scene, random_scene, rotation
from training.performer.skin import random_skin
from training.performer.solids import egg, paint

F64 = npt.NDArray[np.float64]
U8 = npt.NDArray[np.uint8]

_SIZE = 720
_COLOURS = {6: (0.10, 0.65, 0.22), 12: (0.10, 0.35, 0.95), 18: (0.95, 0.45, 0.05)}
_HEAD_COLOUR = (0.75, 0.1, 0.75)
_VIEWS = ((0.0, 0.02), (0.75, 0.02))  # yaw and pitch of the pictures, radians


def main(
    output: Annotated[Path, typer.Option("-o", "--output")] = ROOT / "docs" / "imu_places.png",
    seed: Annotated[int, typer.Option(help="of skin and light")] = 7,
) -> None:
    """Renders both views side by side."""
    rng = np.random.default_rng(seed)
    head, skin = Head(np.zeros(1, np.float32)), random_skin(rng)
    renderer = Renderer(_SIZE)
    posed = head.pose(np.zeros(57, np.float32))
    places, frames = nominal()
    centres = places * 100 + 0.12 * frames[:, :, 2]
    worn = [_dot(centre, _colour(k)) for k, centre in enumerate(centres)]
    scene = random_scene(rng, rotation(0, 0, 0))
    marks = landmarks.positions(posed, skin.iris_scale, head.eye_scale)
    tiles = []
    for yaw, pitch in _VIEWS:
        view = Scene(**{**vars(scene), "rotation": rotation(yaw, pitch, 0), "infrared": False, "shadow": 0.0})
        seen = renderer.render(head, skin, posed, np.zeros(52, np.float32), view, worn, 1.9)
        tiles.append(_numbered(seen, marks, centres, frames, view))
    output.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(output), np.hstack(tiles)[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])
    names = ("head", *layout(f"imu{max(SIZES)}").names)
    print("\n".join(f"| {k} | `{name}` | {_smallest(k)} |" for k, name in enumerate(names)))


def _smallest(number: int) -> str:
    return "all" if number == 0 else next(f"{size}" for size in SIZES if number <= size)


def _colour(number: int) -> tuple[float, float, float]:
    return _HEAD_COLOUR if number == 0 else next(_COLOURS[size] for size in SIZES if number <= size)


def _dot(centre: F64, colour: tuple[float, float, float]) -> Mesh:
    return paint(egg(centre, (0.27, 0.27, 0.27)), colour, gloss=0.3)


def _numbered(seen: Picture, marks: npt.NDArray[np.floating], centres: F64, frames: F64, view: Scene) -> U8:
    """The picture on white with the ids beside the sensors that face the viewer."""
    light = seen.colour[..., :3] + (1 - seen.colour[..., 3:])
    picture = np.ascontiguousarray((np.clip(light, 0, 1) ** (1 / 2.2) * 255).astype(np.uint8))
    pixels = _project(_camera(marks.astype(np.float64), seen.points.astype(np.float64)), centres)
    turn = view.rotation.astype(np.float64)
    for number, (x, y) in enumerate(pixels):
        if (turn @ frames[number, :, 2])[2] < 0.12 and number:
            continue
        at = (round(float(x)) + 8, round(float(y)) - 6)
        for colour, width in (((255, 255, 255), 4), ((15, 15, 15), 1)):
            cv2.putText(picture, str(number), at, cv2.FONT_HERSHEY_SIMPLEX, 0.55, colour, width, cv2.LINE_AA)
    return picture


def _camera(points: F64, pixels: F64) -> F64:
    """The 3x4 projection that takes points (N, 3) to pixels (N, 2): a direct linear transform."""
    one = np.concatenate([points, np.ones((len(points), 1))], 1)
    zero = np.zeros_like(one)
    rows = np.concatenate(
        [
            np.concatenate([one, zero, -pixels[:, :1] * one], 1),
            np.concatenate([zero, one, -pixels[:, 1:] * one], 1),
        ]
    )
    return np.asarray(np.linalg.svd(rows)[2][-1].reshape(3, 4))


def _project(camera: F64, points: F64) -> F64:
    flat = np.concatenate([points, np.ones((len(points), 1))], 1) @ camera.T
    return np.asarray(flat[:, :2] / flat[:, 2:])


if __name__ == "__main__":
    run(main)
