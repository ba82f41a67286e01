"""Part `real`: portraits and clips of real people, against MediaPipe's networks on the same frames.

Nobody has labelled these faces, so MediaPipe's answer for each frame as a picture of its own stands in for the truth,
which it is not: agreement is what is measured.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mien
import numpy as np
import numpy.typing as npt
from mien.layouts import ARKIT52
from mien.tracking import overlap
from mien.types import U8, FaceState

from training.errors import TrainingError
from training.evaluation import metrics, plots, sheets
from training.evaluation.part import Asked, Context, Part
from training.paths import asset

F64 = npt.NDArray[np.float64]

SOURCES = (
    "faces_public_domain/astronaut_nasa.png",
    "mediapipe/sergey.png",
    "faces_intel_ccby/head-pose-face-detection-female.gif",
    "faces_intel_ccby/head-pose-face-detection-male.gif",
    "faces_intel_ccby/face-demographics-walking-and-pause.gif",
)
_FACES = 4
_SAME = 0.2  # intersection over union of the two hulls; MediaPipe's reaches higher on the forehead
_SHOWN = 10  # every tenth frame goes onto the sheet
_CORNERS = (33, 263)  # outer eye corners of MediaPipe's mesh
_GROSS = 0.12  # outer eye distances
_OPEN, _MOVES = 0.15, 0.05
_AGREE = ("jawOpen", "eyeBlink", "mouthSmile", "browInnerUp", "browDown", "eyeLook")


@dataclass(frozen=True, eq=False)
class Seen:
    """One frame: our faces, MediaPipe's of the frame as a picture, MediaPipe's when it follows faces, the witness's."""

    source: str
    index: int
    picture: U8 | None
    ours: list[FaceState]
    theirs: list[FaceState]
    followed: list[FaceState]
    witnessed: list[FaceState]


@dataclass(frozen=True, eq=False)
class Pair:
    """A face that both have found.

    Attributes:
        off: (51, 2), ours minus MediaPipe's, in outer eye distances, axes along and across the line of the eyes.
    """

    source: str
    ours: FaceState
    theirs: FaceState
    off: F64


def common_points() -> list[int]:
    """MediaPipe's vertices for the iBUG landmarks 17..67."""
    table = json.loads(Path(__file__).with_name("ibug51_mediapipe.json").read_text("utf-8"))
    return [int(vertex) for vertex in table["vertices"]]


def run(context: Context) -> Part:
    """Part `real`. Raises TrainingError without MediaPipe's and YuNet's models or without the shared faces."""
    if context.reference is None or context.witness is None:
        raise TrainingError("asset.missing", "Without MediaPipe's and YuNet's models there is nothing to compare.", "")
    seen = [frame for source in SOURCES for frame in _watch(context, source)]
    pairs, missed, extra, false = _paired(seen)
    figures: dict[str, Any] = {"frames": len(seen), "pairs": len(pairs), "missed": missed}
    figures |= {"not_mediapipe": extra, "not_confirmed": false}
    if seen:
        _sheet(context.out / "real.png", seen)
    blank = float("nan")
    if pairs:
        figures |= landmarks(pairs) | {"eye_blink_where_open": open_eyes(pairs), "agreement": agreement(pairs)}
        _curves(context.out / "real_curves.png", pairs)
    agree = figures.get("agreement", {})
    asked = [
        Asked("real: faces that MediaPipe finds and we do not", missed, 0),
        Asked("real: faces that neither MediaPipe nor YuNet confirms", false, 0),
        Asked("real: inner landmarks, % of outer eye corners", figures.get("nme_percent", blank), 5.0),
        Asked("real: the same without constant offsets, %", figures.get("nme_aligned_percent", blank), 3.0),
        Asked("real: faces off by more than 12 %, %", figures.get("gross_percent", blank), 1.0),
        Asked("real: mean eyeBlink of open eyes", figures.get("eye_blink_where_open", blank), 0.12),
    ]
    asked += [Asked(f"real: r of {name} with MediaPipe", row["r"], 0.6, most=False) for name, row in agree.items()]
    return Part(figures, asked)


def _watch(context: Context, source: str) -> list[Seen]:
    """Both on one picture or clip; ours follows faces as it does for a user, with nothing smoothed."""
    address = str(asset("data", *source.split("/")))
    assert context.reference is not None
    assert context.witness is not None
    with (
        mien.open(context.bundle, max_faces=_FACES, smoothing=False) as ours,
        mien.open(context.reference, max_faces=_FACES, tracking=False) as single,
        mien.open(context.reference, max_faces=_FACES) as following,
        mien.open(context.witness, max_faces=2 * _FACES) as witness,
    ):
        rows = []
        for index, (frame, states) in enumerate(ours.stream_all(address)):
            picture = frame.to_rgb() if index % _SHOWN == 0 else None
            answers = (network.process_all(frame) for network in (single, following, witness))
            rows.append(Seen(source, index, picture, states, *answers))
        return rows


def _paired(seen: Sequence[Seen]) -> tuple[list[Pair], int, int, int]:
    """Faces that both found; how many of MediaPipe's we missed, of ours it never sees, and the witness neither."""
    pairs, missed, extra, false = [], 0, 0, 0
    for frame in seen:
        free = list(frame.ours)
        for theirs in frame.theirs:
            best = max(free, key=lambda state: _overlap(state, theirs), default=None)
            if best is None or _overlap(best, theirs) < _SAME:
                missed += 1
                continue
            free.remove(best)
            pairs.append(Pair(frame.source, best, theirs, _offset(best, theirs)))
        alone = [state for state in free if all(_overlap(state, other) < _SAME for other in frame.followed)]
        extra += len(alone)
        false += sum(all(_overlap(state, other) < _SAME for other in frame.witnessed) for state in alone)
    return pairs, missed, extra, false


def _overlap(a: FaceState, b: FaceState) -> float:
    return overlap(a.box, b.box) if a.box is not None and b.box is not None else 0.0


def _offset(ours: FaceState, theirs: FaceState) -> F64:
    assert ours.landmarks is not None
    assert theirs.landmarks is not None
    mesh = theirs.landmarks[:, :2].astype(np.float64)
    x, y = mesh[_CORNERS[1]] - mesh[_CORNERS[0]]
    to_face = np.array([[x, y], [-y, x]]) / (x * x + y * y)
    return np.asarray((ours.landmarks[17:68, :2] - mesh[common_points()]) @ to_face.T)


def landmarks(pairs: Sequence[Pair]) -> dict[str, Any]:
    """Distances of the 51 common points in % of the outer eye distance; with and without each point's mean offset.

    The two point sets are defined differently by a constant, which is the same for all faces in the frame of the eyes.
    """
    off = np.stack([pair.off for pair in pairs])
    errors = np.linalg.norm(off, axis=2).mean(1)
    aligned = np.linalg.norm(off - off.mean(0), axis=2).mean(1)
    each = {
        source: float(aligned[[pair.source == source for pair in pairs]].mean() * 100)
        for source in dict.fromkeys(pair.source for pair in pairs)
    }
    return {
        "nme_percent": errors.mean() * 100,
        "nme_aligned_percent": aligned.mean() * 100,
        "nme_aligned_percent_each": each,
        "gross_percent": (errors > _GROSS).mean() * 100,
        "offset_percent": off.mean(0) * 100,
    }


def open_eyes(pairs: Sequence[Pair]) -> float:
    """Our mean eyeBlink over the eyes of which MediaPipe says less than 0.15; NaN if there is none."""
    values = [
        float(pair.ours.raw[slot])
        for pair in pairs
        for slot in (ARKIT52.names.index(f"eyeBlink{side}") for side in ("Left", "Right"))
        if pair.theirs.raw[slot] < _OPEN
    ]
    return float(np.mean(values)) if values else float("nan")


def agreement(pairs: Sequence[Pair]) -> dict[str, dict[str, float]]:
    """Pearson's r with MediaPipe over the clips in which its coefficient moves (standard deviation above 0.05).

    r is taken within a clip, so that a person's own rest does not enter, and each clip counts by its frames; `frames`
    is their sum, `difference` the mean difference over them. Coefficients that never move are left out.
    """
    rows: dict[str, dict[str, float]] = {}
    for slot, name in enumerate(ARKIT52.names):
        if not name.startswith(_AGREE):
            continue
        r, weight, apart = [], [], []
        for source in dict.fromkeys(pair.source for pair in pairs):
            both = np.array([(p.ours.raw[slot], p.theirs.raw[slot]) for p in pairs if p.source == source])
            if both[:, 1].std() > _MOVES:
                r.append(float(metrics.pearson(both[:, :1], both[:, 1:])[0]))
                weight.append(len(both))
                apart.append(float((both[:, 0] - both[:, 1]).mean()))
        if r:
            rows[name] = {
                "r": float(np.average(r, weights=weight)),
                "difference": float(np.average(apart, weights=weight)),
                "frames": int(np.sum(weight)),
            }
    return rows


def _sheet(path: Path, seen: Sequence[Seen]) -> None:
    """Every tenth frame: our landmarks in green on MediaPipe's in red."""
    cells = []
    for frame in seen:
        if frame.picture is None:
            continue
        name = f"{Path(frame.source).stem[-16:]} {frame.index}"
        for state in [*frame.theirs, *frame.ours]:
            if state.box is None:
                continue
            partner = max(frame.ours, key=lambda other, s=state: _overlap(other, s), default=None)  # type: ignore[misc]
            both = partner is not None and _overlap(partner, state) >= _SAME
            if state in frame.ours and any(_overlap(state, other) >= _SAME for other in frame.theirs):
                continue
            cell, affine = sheets.around(frame.picture, state.box)
            if state in frame.theirs:
                sheets.dots(cell, _mapped(state, affine)[common_points()], (255, 70, 60))
            lines = [name, "" if both else "missed"]
            if both and partner is not None:
                sheets.dots(cell, _mapped(partner, affine)[:78], (90, 230, 90))
                lines[1] = "" if state in frame.theirs else "only ours"
                top = np.argsort(-partner.raw)[:3]
                lines += [f"{ARKIT52.names[k]} {partner.raw[k]:.2f} / {state.raw[k]:.2f}" for k in top]
            cells.append(sheets.captioned(cell, lines))
    if cells:
        sheets.write(path, cells)


def _mapped(state: FaceState, affine: F64) -> F64:
    assert state.landmarks is not None
    return np.asarray(state.landmarks[:, :2] @ affine[:, :2].T + affine[:, 2])


def _curves(path: Path, pairs: Sequence[Pair]) -> None:
    shown = ("jawOpen", "eyeBlinkLeft", "mouthSmileLeft", "browInnerUp", "eyeLookInLeft", "eyeLookOutLeft")
    rows = {}
    for name in shown:
        slot = ARKIT52.names.index(name)
        rows[name] = {
            "MediaPipe": np.array([pair.theirs.raw[slot] for pair in pairs]),
            "ours": np.array([pair.ours.raw[slot] for pair in pairs]),
        }
    plots.traces(path, rows, "faces, source after source")
