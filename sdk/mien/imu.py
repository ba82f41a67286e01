"""What is known of sensors on the skin as they were glued on; kept as a file, so that a wearer calibrates once."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.errors import InputError

F32 = npt.NDArray[np.float32]

_ARRAYS = {"known": (), "bias": (3,), "rotation": (4,), "place": (3,), "tilt": (), "turned": ()}
_FORMAT = "mien imu calibration 1"


@dataclass(frozen=True, eq=False)
class ImuCalibration:
    """One entry per sensor of the bundle, the head's first.

    Attributes:
        sensors: names.
        known: bool (S,); False: it gave nothing while the wearer held still, and counts as missing.
        bias: float32 (S, 3), of the gyroscope, rad/s, in the sensor's axes.
        rotation: float32 (S, 4), unit quaternions x, y, z, w from the sensor's axes to the head's, face at rest.
        place: float32 (S, 3), metres in head axes (x to the wearer's left, y up, z out of the face).
        tilt: float32 (S,), radians between the gravity that it feels and what its nominal seat promises.
        turned: int32 (S,), degrees about its z axis by which it was found glued on wrongly (180: upside down, +-90), 1
            if it lies on its face, 0 if it is right. It is allowed for; the number is for whoever glues.
        corrected: how many sensors a range of motion has corrected, 0 without one.
    """

    sensors: tuple[str, ...]
    known: npt.NDArray[np.bool_]
    bias: F32
    rotation: F32
    place: F32
    tilt: F32
    turned: npt.NDArray[np.int32]
    corrected: int = 0

    def upside_down(self) -> tuple[str, ...]:
        """The sensors that were found glued on in a wrong direction."""
        return tuple(name for name, turned in zip(self.sensors, self.turned.tolist(), strict=True) if turned)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes JSON. Raises InputError ``imu.file`` if it cannot be written."""
        table = {name: getattr(self, name).tolist() for name in _ARRAYS}
        text = json.dumps({"format": _FORMAT, "sensors": self.sensors, "corrected": self.corrected, **table}, indent=1)
        try:
            Path(path).write_text(text, "utf-8")
        except OSError as error:
            raise InputError("imu.file", f"{path} cannot be written: {error.strerror}.", "") from error

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> ImuCalibration:
        """Reads what `save` wrote. Raises InputError ``imu.file`` if it is missing or something else."""
        try:
            table = json.loads(Path(path).read_text("utf-8"))
            if table["format"] != _FORMAT:
                raise ValueError(f"format {table['format']!r:.40}")
            return cls.of(tuple(table["sensors"]), table, int(table["corrected"]))
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise InputError(
                "imu.file", f"{path} holds no calibration of sensors ({error}).", "Calibrate again and save it."
            ) from error

    @classmethod
    def of(cls, sensors: tuple[str, ...], table: Mapping[str, Any], corrected: int = 0) -> ImuCalibration:
        """From a table of its arrays. Raises ValueError if one has another shape or is not finite."""
        kinds = {"known": np.bool_, "turned": np.int32}
        arrays: dict[str, npt.NDArray[Any]] = {}
        for name, shape in _ARRAYS.items():
            values: npt.NDArray[Any] = np.array(table[name], kinds.get(name, np.float32))
            if values.shape != (len(sensors), *shape) or not np.isfinite(values).all():
                raise ValueError(f"{name} has shape {values.shape} or is not finite")
            arrays[name] = values
        return cls(sensors, **arrays, corrected=corrected)
