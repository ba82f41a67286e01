"""Enrolment files: a portrait's picture, without loss, and the mesh fitted to it.

A NumPy archive with the picture's rows as differences from the row above, which deflates well, and the fit.
"""

from __future__ import annotations

import zipfile
import zlib
from os import PathLike, fspath
from pathlib import Path

import numpy as np

from mien.errors import InputError
from mien.portrait.fit import Fit, Placed
from mien.sinks._files import writing
from mien.types import U8

_VERSION = 1
_MOST_PIXELS = 4320 * 4320
_FIELDS = ("rotation", "origin", "rest", "coefficients", "gaze", "points", "seen")


def write(path: str | PathLike[str], picture: U8, fit: Fit, faces: int, refine: bool, digest: str) -> None:
    """Writes an enrolment. Raises SinkError."""
    rows = picture.copy()
    rows[1:] -= picture[:-1]
    stored = {
        "version": np.int32(_VERSION),
        "digest": np.frombuffer(digest.encode(), np.uint8),
        "rows": rows,
        "faces": np.int32(faces),
        "refine": np.bool_(refine),
        "scale": np.float64(fit.placed.scale),
        "residual": np.float64(fit.residual),
        "rotation": fit.placed.rotation,
        "origin": fit.placed.origin,
        "rest": fit.rest,
        "coefficients": fit.coefficients,
        "gaze": fit.gaze,
        "points": fit.points,
        "seen": fit.seen,
    }
    with writing(fspath(path)), Path(path).open("wb") as out:
        np.savez_compressed(out, allow_pickle=False, **stored)  # type: ignore[arg-type]


def read(path: str | PathLike[str], vertices: int, digest: str) -> tuple[U8, Fit, int, bool]:
    """An enrolment's picture, its fit, how many faces the picture has, and whether the network paints it.

    Raises:
        InputError: ``portrait.file``; missing, damaged, or of another face model.
    """
    try:
        with Path(path).open("rb") as source, np.load(source, allow_pickle=False) as stored:
            if int(stored["version"]) != _VERSION:
                raise ValueError(f"version {int(stored['version'])}")
            theirs = stored["digest"].tobytes().decode("ascii")
            rows = stored["rows"]
            values = {name: stored[name] for name in _FIELDS}
            scale, residual, faces = (float(stored[name]) for name in ("scale", "residual", "faces"))
            refine = bool(stored["refine"])
    except (
        OSError,
        ValueError,
        KeyError,
        EOFError,
        TypeError,
        zipfile.BadZipFile,
        zlib.error,
        NotImplementedError,
    ) as e:
        raise InputError(
            "portrait.file", f"{fspath(path)} cannot be read as a portrait ({e}).", "Enrol the picture again."
        ) from e
    if theirs != digest:
        raise InputError(
            "portrait.file", f"{fspath(path)} was enrolled with another face model.", "Enrol the picture again."
        )
    shapes = {"rotation": (3, 3), "origin": (2,), "rest": (vertices, 3), "coefficients": (52,), "gaze": (2, 2)}
    shapes |= {"points": (vertices, 3), "seen": (3, 3)}
    whole = all(
        values[name].shape == shape and values[name].dtype == np.float32 and np.isfinite(values[name]).all()
        for name, shape in shapes.items()
    )
    picture = rows.dtype == np.uint8 and rows.ndim == 3 and rows.shape[2] == 3 and 0 < rows.size <= 3 * _MOST_PIXELS
    if not whole or not picture or not 0 < scale < 1e4 or not np.isfinite(residual) or not 1 <= faces < 1000:
        raise InputError("portrait.file", f"{fspath(path)} is damaged.", "Enrol the picture again.")
    fit = Fit(
        Placed(values["rotation"], scale, values["origin"]),
        values["rest"],
        values["coefficients"],
        values["gaze"],
        values["points"],
        values["seen"],
        residual,
    )
    return np.cumsum(rows, axis=0, dtype=np.uint8), fit, int(faces), refine
