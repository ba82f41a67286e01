"""Part `framing`: faces that fill the frame or are cut by its edges, and rolled faces, through the whole pipeline.

A person close to a wide lens fills the frame; a head on a pillow lies on its side. What is asked is not only that a
face is found: where it cannot be read, it must not be found with confidence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import cv2
import mien
import numpy as np
import numpy.typing as npt

from training.evaluation import metrics, plots, sheets
from training.evaluation.part import Asked, Context, Part
from training.evaluation.studio import Pose, Stills, take
from training.evaluation.subject import look
from training.performer.expressions import ExpressionSampler

F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]

SHARES = (0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3)  # longer side of the landmarks' hull in sides of the frame
PLACES: Mapping[str, tuple[float, float]] = {  # of the hull's middle, sides of the frame off the frame's middle
    "centre": (0, 0),
    "left": (-0.25, 0),
    "right": (0.25, 0),
    "top": (0, -0.25),
    "bottom": (0, 0.25),
}
ANGLES = tuple(range(-165, 181, 15))  # degrees, clockwise on screen
_AROUND = 2.6  # side of the rendered picture in sides of the face crop: the frames lie within it
_UPRIGHT = 0.45  # share of the frame that a rolled face takes
_FRAME = 320  # pixels of a frame
_RIGHT = 0.1  # landmark error in roots of the hull's area, up to which a face counts as read
_CONFIDENT = 0.5


class Outcome(NamedTuple):
    """What a pipeline made of one frame: `confidence` 0 where it found nothing.

    error: mean distance of the landmarks that lie within the frame, in roots of the hull's area; NaN without a face.
    """

    confidence: float
    error: float


def run(context: Context) -> Part:
    """Part `framing`."""
    rng = np.random.default_rng((context.seed, 57))
    rows = ExpressionSampler("validation").sample(rng, context.framed).coefficients
    taken = take(context, [Pose(k, row, framing=_AROUND, background=k) for k, row in enumerate(rows)], _FRAME)
    cut = [(share, place) for share in SHARES for place in PLACES]
    with mien.open(context.bundle, tracking=False) as pipeline:
        framed = [
            [outcome(pipeline, *frame(taken, k, share, PLACES[place])) for share, place in cut]
            for k in range(context.framed)
        ]
        rolled = [
            [outcome(pipeline, *frame(taken, k, _UPRIGHT, (0, 0), angle)) for angle in ANGLES]
            for k in range(context.framed)
        ]
    shown = [(0, share, place, 0) for share in SHARES for place in PLACES]
    shown += [(0, _UPRIGHT, "centre", angle) for angle in ANGLES]
    cells = [
        sheets.captioned(
            cv2.resize(frame(taken, k, share, PLACES[place], angle)[0], (160, 160), interpolation=cv2.INTER_AREA),
            [f"{share:.1f} {place} {angle}", f"{said.confidence:.2f} {said.error:.3f}"],
        )
        for (k, share, place, angle), said in zip(shown, [*framed[0], *rolled[0]], strict=True)
    ]
    sheets.write(context.out / "framing.png", cells)
    inside, turned = cuts(framed, cut), rolls(rolled)
    plots.levels(
        context.out / "rolled.png",
        {"found right": turned["right"], "found wrong": turned["wrong"]},
        "rolled faces, by degrees",
    )
    return Part(
        {"people": context.framed, "cut": inside, "rolled": turned},
        [
            Asked("framing: found, faces of 60 to 130 % of the frame, %", inside["found"] * 100, 95, most=False),
            Asked("framing: their landmarks within the frame, % of the hull", inside["error_percent"], 4.0),
            Asked("framing: rolled faces found somewhere else, %", turned["wrong_all"] * 100, 1.0),
        ],
    )


def frame(taken: Stills, index: int, share: float, place: tuple[float, float], angle: float = 0.0) -> tuple[U8, F32]:
    """A square frame cut from a picture: its pixels, uint8 (S, S, 3), and the landmarks (220, 2) in it.

    Args:
        share: longer side of the landmarks' hull in sides of the frame. place: its middle, sides off the frame's.
        angle: degrees by which the picture is turned, clockwise on screen.
    """
    points = taken.points[index]
    low, high = points.min(0), points.max(0)
    scale = share * _FRAME / float((high - low).max())
    c, s = scale * np.cos(np.radians(angle)), scale * np.sin(np.radians(angle))
    turn = np.array([[c, -s], [s, c]])
    middle = (_FRAME - 1) / 2 + _FRAME * np.array(place)
    affine = np.c_[turn, middle - turn @ ((low + high) / 2)]
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    made = cv2.warpAffine(taken.pictures[index], affine, (_FRAME, _FRAME), flags=way, borderMode=cv2.BORDER_REPLICATE)
    return made, (points @ turn.T + affine[:, 2]).astype(np.float32)


def outcome(pipeline: mien.Pipeline, picture: U8, points: F32) -> Outcome:
    """What the pipeline says of a frame whose landmarks are known."""
    (state,) = look(pipeline, picture[None])
    if not state.found or state.landmarks is None:
        return Outcome(0.0, float("nan"))
    inside = ((points >= -0.5) & (points <= len(picture) - 0.5)).all(1)
    off = np.linalg.norm(state.landmarks[:, :2] - points, axis=1)
    return Outcome(float(state.confidence), float(off[inside].mean() / np.sqrt(np.ptp(points, axis=0).prod())))


def _found(said: Outcome) -> bool:
    return said.confidence > 0 and said.error <= _RIGHT


def cuts(framed: list[list[Outcome]], cut: list[tuple[float, str]]) -> dict[str, Any]:
    """Shares found, and errors of what was found in %, over all, for each share of the frame and for each place.

    A face is found where its landmarks are, within a tenth of the root of the hull's area; `elsewhere` is the share of
    frames in which something else was found.

    Args:
        framed: for each person the outcomes of the frames, which `cut` names: share of the frame and place.
    """

    def summed(which: list[int]) -> dict[str, float]:
        said = [row[k] for row in framed for k in which]
        return {
            "found": metrics.mean([_found(one) for one in said]),
            "elsewhere": metrics.mean([one.confidence > 0 and not _found(one) for one in said]),
            "error_percent": metrics.mean([one.error for one in said if _found(one)]) * 100,
        }

    every = range(len(cut))
    return {
        **summed(list(every)),
        "by_share": {str(share): summed([k for k in every if cut[k][0] == share]) for share in SHARES},
        "by_place": {place: summed([k for k in every if cut[k][1] == place]) for place in PLACES},
        "each": {f"{share} {place}": summed([k]) for k, (share, place) in enumerate(cut)},
    }


def rolls(rolled: list[list[Outcome]]) -> dict[str, Any]:
    """For each of ANGLES the share of faces found right, not found, and found wrong with a confidence above 0.5.

    What is found wrong with less confidence counts as not found.

    Args:
        rolled: for each person the outcomes of the angles.
    """

    def shares(kind: list[list[bool]]) -> dict[str, float]:
        return {str(angle): float(value) for angle, value in zip(ANGLES, np.mean(kind, axis=0), strict=True)}

    right = [[_found(said) for said in row] for row in rolled]
    wrong = [[said.confidence > _CONFIDENT and not _found(said) for said in row] for row in rolled]
    return {
        "right_all": float(np.mean(right)),
        "wrong_all": float(np.mean(wrong)),
        "not_found_all": 1 - float(np.mean(right)) - float(np.mean(wrong)),
        "right": shares(right),
        "wrong": shares(wrong),
    }
