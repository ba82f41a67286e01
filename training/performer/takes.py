"""Recorded ARKit takes: real timing and real co-activation, read from shared/data/livelink_takes.

Columns are read BY NAME (JawRight stands before JawLeft). The iPhone wrote a true 30 Hz into a 60-base timecode; what
comes out is 60 Hz. Whole takes belong to one split, so that no recording is in both.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from mien.layouts import ARKIT52

from training.errors import TrainingError
from training.paths import asset
from training.performer.coefficients import COEFFICIENTS
from training.performer.mesh import F32

TRAIN_TAKES = ("alex_rom_3", "S07_001", "apfel")
VALIDATION_TAKES = ("facial",)
RATE = 60.0
LONGEST_GAP = 1.0  # seconds


@dataclass(frozen=True, eq=False)
class Take:
    """One recording.

    Attributes:
        name: the file's name without its ending.
        values: float32 (T, 57), 0..1, 60 Hz; the tongue's directions were not recorded and are 0.
    """

    name: str
    values: F32


def takes(names: tuple[str, ...]) -> tuple[Take, ...]:
    """The takes of these names; each file is read once per process.

    Raises:
        TrainingError: ``asset.missing`` or ``asset.damaged``, naming the file.
    """
    return tuple(_take(asset("data", "livelink_takes", f"{name}.csv.gz")) for name in names)


@cache
def _take(path: Path) -> Take:
    take = read(path)
    take.values.setflags(write=False)
    return take


def read(path: Path) -> Take:
    """One Live Link Face file (.csv.gz), resampled to 60 Hz.

    Frames without a face (empty or not-a-number cells) are dropped and bridged linearly, up to LONGEST_GAP: in the
    recordings at hand the longest gap is 0.37 s.

    Raises:
        TrainingError: ``asset.damaged``; not such a file, columns missing, time that does not go forward, gaps
            above LONGEST_GAP, fewer than two frames.
    """
    try:
        with gzip.open(path, "rt", encoding="ascii", newline="") as file:
            rows = list(csv.DictReader(file, restval=""))
        header = rows[0].keys()
        columns = [name[0].upper() + name[1:] for name in ARKIT52.names]
        absent = [name for name in ("Timecode", *columns) if name not in header]
        if absent:
            raise ValueError(f"no column {', '.join(absent)}")
        seconds = np.array([_seconds(row["Timecode"]) for row in rows])
        frames = np.array([[float(row[name] or "nan") for name in columns] for row in rows])
    except (OSError, EOFError, zlib.error, csv.Error, ValueError, IndexError, TypeError) as error:
        raise _damaged(path, str(error) or type(error).__name__) from error
    seen = np.isfinite(frames).all(axis=1)
    seconds, frames = seconds[seen], frames[seen]
    steps = np.diff(seconds)
    if not len(steps) or not ((steps > 0) & (steps <= LONGEST_GAP)).all():
        raise _damaged(path, f"its timecode does not go forward in steps of at most {LONGEST_GAP} s")
    return Take(path.name.removesuffix(".csv.gz"), _resampled(seconds, frames))


def _seconds(timecode: str) -> float:
    """HH:MM:SS:FF.fff with 60 frames to the second."""
    hours, minutes, seconds, frames = (float(part) for part in timecode.split(":"))
    return hours * 3600 + minutes * 60 + seconds + frames / 60


def _resampled(seconds: npt.NDArray[np.float64], frames: npt.NDArray[np.float64]) -> F32:
    clock = np.arange(seconds[0], seconds[-1], 1 / RATE)
    values = np.zeros((len(clock), len(COEFFICIENTS)), np.float32)
    for slot in range(frames.shape[1]):
        values[:, slot] = np.interp(clock, seconds, frames[:, slot])
    return np.clip(values, 0, 1)


def _damaged(path: Path, what: str) -> TrainingError:
    return TrainingError("asset.damaged", f"{path} is no Live Link Face take: {what}.", "Fetch the file again.")
