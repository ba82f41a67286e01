"""Samples of motion sensors, as they flow through mien; `mien.types` has it beside Frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from mien.errors import InputError, TimestampError

F32 = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ImuWindow:
    """Samples of face-worn IMUs, one row for each moment.

    Attributes:
        t_ns: int64 (T,), increasing. T >= 1.
        acc: float32 (T, S, 3), specific force in m/s^2 (at rest 9.81 upwards), in each sensor's own axes; NaN where a
            sensor gave none.
        gyro: float32 (T, S, 3), angular velocity in rad/s.
        sensors: S names, as the bundle has them.
        stale: always False; there is no old window.

    Raises:
        InputError: ``imu.type``, ``imu.shape``, ``imu.sensor`` (a name stands twice); TimestampError: ``imu.order``.
    """

    t_ns: npt.NDArray[np.int64]
    acc: F32
    gyro: F32
    sensors: tuple[str, ...]
    stale: ClassVar[bool] = False

    def __post_init__(self) -> None:
        t_ns = np.asarray(self.t_ns)
        if t_ns.dtype.kind not in "iu":
            raise InputError("imu.type", f"t_ns is {t_ns.dtype}, expected int64 nanoseconds.", "int(seconds * 1e9)")
        object.__setattr__(self, "t_ns", np.ascontiguousarray(t_ns, np.int64))
        object.__setattr__(self, "sensors", tuple(self.sensors))
        shape = (len(self.t_ns) if self.t_ns.ndim == 1 else -1, len(self.sensors), 3)
        for name in ("acc", "gyro"):
            values = np.asarray(getattr(self, name))
            if values.dtype.kind != "f":
                raise InputError("imu.type", f"{name} is {values.dtype}, expected float32 in SI units.", "")
            if values.shape != shape or 0 in shape:
                raise InputError(
                    "imu.shape", f"{name} has shape {values.shape}, expected {shape}.", "(samples, sensors, 3)"
                )
            object.__setattr__(self, name, np.ascontiguousarray(values, np.float32))
        if len(set(self.sensors)) != len(self.sensors):
            double = next(name for name in self.sensors if self.sensors.count(name) > 1)
            raise InputError("imu.sensor", f"The sensor {double!r} stands twice.", "Name each sensor once.")
        if len(self.t_ns) > 1 and (np.diff(self.t_ns) <= 0).any():
            raise TimestampError("imu.order", "The times of a window do not increase.", "Sort the samples by time.")

    @property
    def span_ns(self) -> tuple[int, int]:
        """The times of its first and last row."""
        return int(self.t_ns[0]), int(self.t_ns[-1])
