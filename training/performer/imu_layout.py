"""The sensors of the skin: layouts (imu_layouts/*.toml), which coefficients move skin at all, and the head's sensor."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from mien.layouts import ARKIT52

from training.errors import TrainingError
from training.performer.patches import Place, motion, patch

F64 = npt.NDArray[np.float64]

FOLDER = Path(__file__).resolve().parent / "imu_layouts"
SIZES = (6, 12, 18)
HEAD = "head"
# The rigid sensor: on a band over the hairline, metres in head axes. It rides on the skull, not on moving skin.
HEAD_POSITION = (0.0, 0.105, 0.092)
_MOVES_TURN, _MOVES_WAY = 4.0, 1.0  # degrees and millimetres somewhere that a sensor can sit: then it moves skin
_UNSEEN = ("eyeLook", "tongue")  # the lids follow the gaze a little; it is not measured from that


@dataclass(frozen=True)
class Layout:
    """Sensors on the skin, in order. `about`: how it was found."""

    name: str
    places: tuple[Place, ...]
    about: str

    @property
    def names(self) -> tuple[str, ...]:
        """Of the sensors."""
        return tuple(place.name for place in self.places)


@cache
def layout(name: str) -> Layout:
    """A layout by its file's name. Raises TrainingError (``training.config``) for an unknown or damaged one."""
    path = FOLDER / f"{name}.toml"
    try:
        table = tomllib.loads(path.read_text("utf-8"))
        places = tuple(Place(row["name"], tuple(row["vertices"]), tuple(row["weights"])) for row in table["sensor"])
        return Layout(table["name"], places, table["about"])
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        known = ", ".join(sorted(p.stem for p in FOLDER.glob("*.toml")))
        raise TrainingError("training.config", f"No layout {name!r} ({error!r}).", f"There are: {known}.") from error


def write(path: Path, name: str, places: Sequence[Place], share: float, seed: int) -> None:
    """Writes a layout file."""
    lines = [
        "# Written by python -m training.imu_placement; vertices of ICT-FaceKit and barycentric weights.",
        f'name = "{name}"',
        f'about = "mean r of a ridge on simulated features: {share:.3f} (seed {seed})"',
    ]
    for place in places:
        weights = ", ".join(f"{w:.6f}" for w in place.weights)
        lines += ["", "[[sensor]]", f'name = "{place.name}"', f"vertices = {list(place.vertices)}"]
        lines += [f"weights = [{weights}]"]
    path.write_text("\n".join(lines) + "\n", "utf-8")


@cache
def nominal() -> tuple[F64, F64]:
    """Of all sensors, the head's first: positions (1 + 18, 3) in metres and frames (1 + 18, 3, 3), sensor to head.

    On the average person; the largest layout holds the others.
    """
    patches = [patch(place) for place in layout(f"imu{max(SIZES)}").places]
    from training.performer.head import Head

    position, frame = motion(Head(np.zeros(1, np.float32)), patches).at(np.zeros((1, 52)))
    return (
        np.concatenate([[HEAD_POSITION], position[0]]),
        np.concatenate([np.eye(3)[None], frame[0]]),
    )


def skin_moving() -> list[int]:
    """Indices into ARKIT52 of the coefficients that IMUs on the skin can measure.

    All but the gaze and the tongue: tests/training/performer/test_imu.py checks the rest against the geometry, where
    each turns a place by 4 degrees or moves it by 1 mm.
    """
    return [k for k, name in enumerate(ARKIT52.names) if not name.startswith(_UNSEEN)]
