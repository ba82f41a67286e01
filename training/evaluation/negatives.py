"""Part `negatives`: what is found in pictures of things that are not human faces.

Asked are the whole pipeline at the bundle's own thresholds, its detector alone, and MediaPipe's and YuNet's where they
are there: a thing in which all of them see a face is a hard one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import mien
import numpy as np
import numpy.typing as npt

from training.evaluation import metrics, sheets
from training.evaluation.part import Asked, Context, Part
from training.evaluation.subject import look
from training.negatives import KINDS, negative

U8 = npt.NDArray[np.uint8]

_HEIGHT, _WIDTH = 240, 320
_FACES = 4
_SHOWN = 64
_STREAM = 83


def run(context: Context) -> Part:
    """Part `negatives`."""
    found: dict[str, list[bool]] = {}
    kinds = [KINDS[k % len(KINDS)] for k in range(context.negatives)]
    cells: list[U8] = []
    others = {"mediapipe": context.reference, "yunet": context.witness}
    with ExitStack() as stack:
        ours = stack.enter_context(mien.open(context.bundle, tracking=False, max_faces=_FACES))
        peers = {
            name: stack.enter_context(mien.open(bundle, tracking=False, max_faces=_FACES))
            for name, bundle in others.items()
            if bundle is not None
        }
        for k, kind in enumerate(kinds):
            picture = negative(np.random.default_rng((context.seed, _STREAM, k)), _HEIGHT, _WIDTH, kind)
            (state,) = look(ours, picture[None])
            answers = {"pipeline": state.found, "detector": context.subject.detects(picture)}
            answers |= {name: look(peer, picture[None])[0].found for name, peer in peers.items()}
            for name, answer in answers.items():
                found.setdefault(name, []).append(bool(answer))
            if state.found and state.box is not None and len(cells) < _SHOWN:
                cell = sheets.around(picture, state.box)[0]
                cells.append(sheets.captioned(cell, [kind, f"{state.confidence:.2f}"]))
    if cells:
        sheets.write(context.out / "negatives.png", cells)
    figures = judged(found, kinds)
    return Part(figures, [Asked("negatives: pictures with a false face, %", figures["pipeline"]["all"] * 100, 0.5)])


def judged(found: Mapping[str, Sequence[bool]], kinds: Sequence[str]) -> dict[str, Any]:
    """For each finder the share of pictures in which it found a face, over all and by kind; NaN where there are none.

    Args:
        found: name of the finder -> whether it found one, picture by picture. kinds: what each picture shows.
    """
    shown = np.array(kinds)
    shares = {
        name: {"all": metrics.mean(flags)} | {kind: metrics.mean(np.array(flags)[shown == kind]) for kind in KINDS}
        for name, flags in found.items()
    }
    return {"pictures": len(kinds), **shares}
