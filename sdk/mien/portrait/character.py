"""Characters: drawings, cartoons and animals, whose faces no detector knows, by named points that somebody placed.

A character file is TOML:

    picture = "cat.png"            # beside the file
    refine = false                 # optional: whether the network paints too; it knows faces of people only

    [anchors]                      # pixels, from the picture's upper left corner
    eye_right_outer = [102, 140]
    ...

    [strength]                     # optional: how much of each region of the driver, as mien.Transfer takes it
    mouth = 1.5

Right and left are the character's own. Anchors of `NEEDED` have to be there, those of `MORE` make it better. The face
that is moved is the one that people's portraits are fitted with, drawn out to the anchors, so a smile is a smile where
the character's mouth is: that is the space of motion which all characters share.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.errors import InputError
from mien.portrait.fit import Fit, fit, turn_about
from mien.portrait.mesh import IRIS, FaceMesh
from mien.sinks._files import writing
from mien.types import F32

# Landmarks of iBUG's 68, and two pupils. An eyelid has two of them, left and right of its anchor.
NEEDED: dict[str, tuple[int, ...]] = {
    "eye_right_outer": (36,), "eye_right_inner": (39,), "eye_right_top": (37, 38), "eye_right_bottom": (41, 40),
    "eye_left_outer": (45,), "eye_left_inner": (42,), "eye_left_top": (44, 43), "eye_left_bottom": (46, 47),
    "nose_tip": (30,), "mouth_right": (48,), "mouth_left": (54,), "mouth_top": (51,), "mouth_bottom": (57,),
    "chin": (8,),
}  # fmt: skip
MORE: dict[str, tuple[int, ...]] = {
    "pupil_right": (IRIS[1],), "pupil_left": (IRIS[0],),
    "brow_right_outer": (17,), "brow_right_middle": (19,), "brow_right_inner": (21,),
    "brow_left_inner": (22,), "brow_left_middle": (24,), "brow_left_outer": (26,),
    "nostril_right": (31,), "nostril_left": (35,), "mouth_inner_top": (62,), "mouth_inner_bottom": (66,),
    "jaw_right": (4,), "jaw_left": (12,), "ear_right": (0,), "ear_left": (16,),
}  # fmt: skip
_DEEPER = 0.8  # cm; eyes of drawings are larger than those of people, and lids drawn out that far would cut the eyeball
_LID = 1 / 6  # of an eye's width: how far a lid's landmarks lie from its middle


@dataclass(frozen=True, eq=False)
class Character:
    """What a character file says.

    Attributes:
        picture: its path. anchors: name -> (x, y) in pixels. strength: as `mien.Transfer` takes it. refine: whether the
            network paints what the picture does not show.
    """

    picture: Path
    anchors: Mapping[str, tuple[float, float]]
    strength: Mapping[str, float] = field(default_factory=dict)
    refine: bool = False

    def __post_init__(self) -> None:
        for name, point in self.anchors.items():
            if name not in NEEDED and name not in MORE:
                raise _wrong(f"There is no anchor {name!r}.", f"There are: {', '.join((*NEEDED, *MORE))}.")
            if len(point) != 2 or not all(math.isfinite(value) and abs(value) < 1e5 for value in point):
                raise _wrong(f"The anchor {name} is {point!r}.", "Give [column, row] in pixels.")
        if missing := [name for name in NEEDED if name not in self.anchors]:
            raise _wrong(f"Anchors are missing: {', '.join(missing)}.", "Place them with mien character.")
        right, left = (self._middle(side) for side in ("right", "left"))
        if right[0] >= left[0] or min(self._width("right"), self._width("left")) < 1:
            raise _wrong(
                "The right eye is not left of the left one in the picture, or an eye has no width.",
                "Right and left are the character's own: its right eye is on the picture's left.",
            )

    def _at(self, name: str) -> npt.NDArray[np.float64]:
        return np.array(self.anchors[name], np.float64)

    def _middle(self, side: str) -> npt.NDArray[np.float64]:
        ends = [self._at(f"eye_{side}_{end}") for end in ("outer", "inner", "top", "bottom")]
        return np.asarray(np.mean(ends, axis=0), np.float64)

    def _width(self, side: str) -> float:
        return float(np.linalg.norm(self._at(f"eye_{side}_outer") - self._at(f"eye_{side}_inner")))

    def landmarks(self) -> tuple[npt.NDArray[np.intp], F32]:
        """Which landmarks of the face model the anchors give, and where they are, float32 (N, 2)."""
        found: dict[int, npt.NDArray[np.float64]] = {}
        for name, indices in (NEEDED | MORE).items():
            if name not in self.anchors:
                continue
            if len(indices) == 1:
                found[indices[0]] = self._at(name)
                continue
            side = name.split("_")[1]
            aside = (self._at(f"eye_{side}_outer") - self._at(f"eye_{side}_inner")) * _LID
            for index, sign in zip(indices, (1, -1), strict=True):
                found[index] = self._at(name) + sign * aside
        for side, pupil in (("left", IRIS[0]), ("right", IRIS[1])):
            found.setdefault(pupil, self._middle(side))
        order = sorted(found)
        return np.array(order, np.intp), np.array([found[index] for index in order], np.float32)

    def fitted(self, mesh: FaceMesh) -> Fit:
        """The face model laid over the character, at rest and looking ahead."""
        which, points = self.landmarks()
        across = self._middle("left") - self._middle("right")
        roll = -math.atan2(across[1], across[0])
        turn = turn_about(np.array([0.0, 0.0, 1.0]), roll).astype(np.float32)
        nothing, ahead = np.zeros(52, np.float32), np.zeros((2, 2), np.float32)
        found = fit(mesh, points, turn, nothing, ahead, which=which)
        rest = found.rest.copy()
        for eye in mesh.eyes:
            rest[eye, 2] -= _DEEPER
        return replace(found, rest=rest)


def read(path: str | PathLike[str]) -> Character:
    """A character file.

    Raises:
        InputError: ``character.file``: missing, no TOML, or it says something that no character file says.
    """
    where = Path(path)
    try:
        told = tomllib.loads(where.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValueError) as error:
        raise _wrong(f"{fspath(path)} cannot be read as a character ({error}).", "See docs/reenact.md.") from error
    if strange := set(told) - {"picture", "anchors", "strength", "refine"}:
        raise _wrong(f"{fspath(path)} says {', '.join(sorted(strange))}.", "It may say: anchors, strength, refine.")
    picture, refine = told.get("picture"), told.get("refine", False)
    if not isinstance(picture, str) or not picture or not isinstance(refine, bool):
        raise _wrong(f"{fspath(path)} names no picture, or refine is not true or false.", 'picture = "cat.png"')
    anchors = {name: tuple(map(_number, _list(point))) for name, point in _table(told, "anchors").items()}
    strength = {name: _number(value) for name, value in _table(told, "strength").items()}
    return Character(where.parent / picture, anchors, strength, refine)  # type: ignore[arg-type]


def write(path: str | PathLike[str], character: Character) -> None:
    """Writes a character file; the picture's path is told as seen from it. Raises SinkError."""
    where = Path(path)
    with writing(fspath(path)):
        where.write_text(text_of(character, where.parent), "utf-8")


def text_of(character: Character, folder: Path) -> str:
    """The file's text, for a file in that folder."""
    try:
        picture = character.picture.resolve().relative_to(folder.resolve()).as_posix()
    except ValueError:
        picture = character.picture.resolve().as_posix()
    quoted = picture.replace("\\", "\\\\").replace('"', '\\"')
    lines = [f'picture = "{quoted}"', f"refine = {str(character.refine).lower()}", "", "[anchors]"]
    lines += [f"{name} = [{x:.1f}, {y:.1f}]" for name, (x, y) in character.anchors.items()]
    if character.strength:
        lines += ["", "[strength]", *(f"{name} = {value:g}" for name, value in character.strength.items())]
    return "\n".join(lines) + "\n"


def anchors_of(landmarks: F32) -> dict[str, tuple[float, float]]:
    """All anchors, from landmarks (220, 2) that a network found."""
    return {
        name: (float(point[0]), float(point[1]))
        for name, indices in (NEEDED | MORE).items()
        for point in [landmarks[list(indices), :2].mean(0)]
    }


def guessed(height: int, width: int) -> dict[str, tuple[float, float]]:
    """Anchors of a face that fills most of a picture of that size, to be dragged to their places."""
    return {name: (x * width, y * height) for name, (x, y) in _GUESS.items()}


_GUESS = {
    "eye_right_outer": (0.26, 0.42), "eye_right_inner": (0.42, 0.42), "eye_right_top": (0.34, 0.38),
    "eye_right_bottom": (0.34, 0.46), "eye_left_outer": (0.74, 0.42), "eye_left_inner": (0.58, 0.42),
    "eye_left_top": (0.66, 0.38), "eye_left_bottom": (0.66, 0.46), "nose_tip": (0.5, 0.58), "mouth_right": (0.38, 0.72),
    "mouth_left": (0.62, 0.72), "mouth_top": (0.5, 0.69), "mouth_bottom": (0.5, 0.76), "chin": (0.5, 0.9),
    "pupil_right": (0.34, 0.42), "pupil_left": (0.66, 0.42), "brow_right_outer": (0.24, 0.33),
    "brow_right_middle": (0.33, 0.3), "brow_right_inner": (0.43, 0.33), "brow_left_inner": (0.57, 0.33),
    "brow_left_middle": (0.67, 0.3), "brow_left_outer": (0.76, 0.33), "nostril_right": (0.46, 0.61),
    "nostril_left": (0.54, 0.61), "mouth_inner_top": (0.5, 0.72), "mouth_inner_bottom": (0.5, 0.73),
    "jaw_right": (0.22, 0.74), "jaw_left": (0.78, 0.74), "ear_right": (0.14, 0.46), "ear_left": (0.86, 0.46),
}  # fmt: skip


def _table(told: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = told.get(name, {})
    if not isinstance(found, Mapping):
        raise _wrong(f"{name} is no table.", f"[{name}]")
    return found


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise _wrong(f"An anchor is {value!r}.", "Give [column, row] in pixels.")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _wrong(f"{value!r} is no number.", "")
    return float(value)


def _wrong(message: str, advice: str) -> InputError:
    return InputError("character.file", message, advice)
