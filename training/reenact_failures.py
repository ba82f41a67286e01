"""The picture of what `reenact` does badly: glasses, hands, hair, far turns, open mouths; on people unseen in training.

    python -m training.reenact_failures docs/reenact_failures.jpg

Portraits are enrolled and driven as a user does it, by the same person's other picture, which is also the truth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import cv2
import mien
import numpy as np
import numpy.typing as npt
import typer
from mien.errors import InputError
from mien.portrait.transfer import READ_GAIN

from training.command import run
from training.performer import coefficients
from training.performer.occluders import occluder
from training.performer.renderer import Renderer
from training.performer.scene import rotation
from training.portraits import SIZE, Sitting, random_sitting, shoot

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]

SEED = 7001
_EXAMPLES = 3
_SIDE, _MARGIN = 150, 110  # pixels of a picture, and of the words before a row
_STILL = np.zeros(3, np.float32)
_LONG, _CROWN = -14.0, 5.0  # cm; what reaches from above the one to below the other is long hair


def _act(**values: float) -> F32:
    """Coefficients by name; a name without a side means both."""
    out = np.zeros(len(coefficients.COEFFICIENTS), np.float32)
    for k, name in enumerate(coefficients.COEFFICIENTS):
        out[k] = values.get(name, values.get(name.removesuffix("Left").removesuffix("Right"), 0.0))
    return out


def _turned(yaw: float) -> F32:
    return rotation(*np.radians([yaw, 0.0, 0.0]))


def _bare(sitting: Sitting) -> bool:
    return not sitting.worn and not sitting.person.shells


def _long_hair(sitting: Sitting) -> bool:
    heights = [mesh.vertices[:, 1] for mesh in sitting.person.rigid]
    return _bare(sitting) and any(y.min() < _LONG and y.max() > _CROWN for y in heights)


def _hand(sitting: Sitting, rng: np.random.Generator) -> Sitting:
    before = occluder(sitting.person.bust, rng, sitting.person.skin.tone, 0.15, "hand")
    return replace(sitting, worn=[*sitting.worn, *before])


def _as_it_is(sitting: Sitting, rng: np.random.Generator) -> Sitting:
    return sitting


_Case = tuple[str, Callable[[Sitting], bool], Callable[[Sitting, np.random.Generator], Sitting], F32, F32]
_SMILE = _act(mouthSmile=0.8, cheekSquint=0.6, eyeSquint=0.4)
_CASES: tuple[_Case, ...] = (
    ("glasses", lambda s: bool(s.worn), _as_it_is, _act(browInnerUp=0.9, browOuterUp=0.8, jawOpen=0.3), _turned(18)),
    ("a hand", _bare, _hand, _act(jawOpen=0.6), _turned(14)),
    ("long hair", _long_hair, _as_it_is, _SMILE, _turned(-22)),
    ("a far turn", _bare, _as_it_is, _act(), _turned(36)),
    ("an open mouth", _bare, _as_it_is, _act(jawOpen=0.9, mouthStretch=0.4), _turned(0)),
    ("closed lids", _bare, _as_it_is, _act(eyeBlink=1.0), _turned(-8)),
)


def examples(
    pipeline: mien.Pipeline, face: mien.Pipeline, renderer: Renderer, case: _Case, seed: int
) -> list[tuple[U8, U8, U8]]:
    """Portrait, truth and what comes out, of the first people for whom the case is one."""
    _, fits, dressed, act, turn = case
    found: list[tuple[U8, U8, U8]] = []
    for k in range(400):
        rng = np.random.default_rng((seed, k))
        sitting = random_sitting(rng)
        if not fits(sitting):
            continue
        sitting = dressed(sitting, rng)
        begin = shoot(renderer, sitting, _act(), _turned(0), _STILL).picture
        truth = shoot(renderer, sitting, act, turn, _STILL).picture
        reference, driver = face.process(begin), face.process(truth)
        if not (reference.found and driver.found):
            continue
        try:
            portrait = mien.Portrait(pipeline, begin, mark="none")
        except InputError:
            continue
        portrait.set_reference(reference)
        found.append((begin, truth, portrait.show(driver, gain=READ_GAIN).picture.copy()))
        if len(found) == _EXAMPLES:
            break
    return found


def main(
    output: Annotated[Path, typer.Argument(help="the picture to write")],
    bundle: Annotated[str, typer.Option(help="a bundle, or the name of a shipped one")] = "reenact",
    seed: Annotated[int, typer.Option()] = SEED,
) -> None:
    """Renders, drives and draws."""
    lines, renderer = [], Renderer(SIZE)
    with (
        mien.open(bundle, device="cpu", threads=1) as pipeline,
        mien.open("face", tracking=False, threads=1) as face,
    ):
        for case in _CASES:
            parts = [picture for row in examples(pipeline, face, renderer, case, seed) for picture in row]
            words = np.full((_SIDE, _MARGIN, 3), 255, np.uint8)
            cv2.putText(words, case[0], (6, _SIDE // 2), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (30, 30, 30), 1, cv2.LINE_AA)
            small = [cv2.resize(part, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA) for part in parts]
            small += [np.full((_SIDE, _SIDE, 3), 255, np.uint8)] * (3 * _EXAMPLES - len(small))
            lines.append(np.hstack([words, *small]))
    head = np.full((20, lines[0].shape[1], 3), 255, np.uint8)
    for column in range(3 * _EXAMPLES):
        name = ("portrait", "truth", "ours")[column % 3]
        place = (_MARGIN + column * _SIDE + 6, 14)
        cv2.putText(head, name, place, cv2.FONT_HERSHEY_SIMPLEX, 0.42, (30, 30, 30), 1, cv2.LINE_AA)
    cv2.imwrite(str(output), np.vstack([head, *lines])[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])


if __name__ == "__main__":
    run(main)
