"""Samples of sensors in a text file (.imu.csv): a header, then one line for each moment.

The columns are `t_ns`, and for each sensor SENSOR_ax, _ay, _az (m/s^2), _gx, _gy, _gz (rad/s); an empty cell is a
sensor that gave nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import numpy as np

from mien._checks import within
from mien.errors import SourceError
from mien.sinks._files import opening, writing
from mien.sources.base import Source
from mien.sources.select import existing
from mien.types import ImuWindow

_AXES = ("ax", "ay", "az", "gx", "gy", "gz")
_BLOCK = 512  # lines that are parsed at once
SUFFIX = ".imu.csv"


class ImuCsv(Source):
    """Windows of `rows` lines.

    Raises:
        SourceError: ``source.missing``, ``source.format`` (no such header, or a cell that is no number; the line is
            named); ``source.setting``.
    """

    continuous = True

    def __init__(self, address: str, rows: int = 1) -> None:
        if not within(rows, 1, 1e6) or int(rows) != rows:
            raise SourceError("source.setting", f"Windows of {rows!r} rows are impossible.", "Give 1 or more.")
        self._path, self._rows = existing(address), int(rows)
        self._file = self._path.open("r", encoding="utf-8", errors="replace")
        try:
            self._sensors = self._header(self._file.readline())
        except SourceError:
            self._file.close()
            raise
        self._line = 1
        self._waiting: list[ImuWindow] = []

    @classmethod
    def accepts(cls, address: str) -> bool:
        return address.lower().endswith(SUFFIX)

    def _header(self, line: str) -> tuple[str, ...]:
        columns = line.strip().split(",")
        sensors = tuple(name.removesuffix("_ax") for name in columns[1::6])
        wanted = ["t_ns", *(f"{name}_{axis}" for name in sensors for axis in _AXES)]
        if not sensors or columns != wanted:
            bad = next((a for a, b in zip(columns, wanted, strict=False) if a != b), columns[-1])
            raise SourceError(
                "source.format",
                f"{self._path.name}: column {bad!r:.60} in the header.",
                "Expected t_ns, then SENSOR_ax ... SENSOR_gz for each sensor.",
            )
        return sensors

    def read(self) -> ImuWindow | None:
        if not self._waiting:
            self._waiting = self._block()
        return self._waiting.pop() if self._waiting else None

    def _block(self) -> list[ImuWindow]:
        """The windows of the next lines, the last first."""
        if self._file.closed:
            return []
        lines = [line for line in islice(self._file, _BLOCK * self._rows) if line.strip()]
        if not lines:
            self.close()
            return []
        cells = [line.rstrip("\r\n").split(",") for line in lines]
        width = 1 + 6 * len(self._sensors)
        for number, row in enumerate(cells, self._line + 1):
            if len(row) != width:
                raise SourceError(
                    "source.format", f"{self._path.name}, line {number}: {len(row)} cells, expected {width}.", ""
                )
        try:
            times = np.array([int(row[0]) for row in cells], np.int64)
            values = np.array([[cell or "nan" for cell in row[1:]] for row in cells]).astype(np.float32)
        except (ValueError, OverflowError) as error:
            raise SourceError(
                "source.format", f"{self._path.name}, lines {self._line + 1} and on: {error}.", "Cells are numbers."
            ) from error
        self._line += len(lines)
        table = values.reshape(len(lines), len(self._sensors), 6)
        starts = range(0, len(lines), self._rows)
        return [
            ImuWindow(times[k : k + self._rows], table[k : k + self._rows, :, :3], table[k : k + self._rows, :, 3:],
                      self._sensors)
            for k in reversed(starts)
        ]  # fmt: skip

    def close(self) -> None:
        self._file.close()


def write(path: str | os.PathLike[str], windows: Iterable[ImuWindow]) -> None:
    """Writes windows of the same sensors to such a file. Raises SinkError; InputError if the sensors change."""
    sensors: tuple[str, ...] = ()
    with opening(path):
        file = Path(path).open("w", encoding="utf-8")  # noqa: SIM115 (closed below)
    with file, writing(str(path)):
        for window in windows:
            if not sensors:
                sensors = window.sensors
                file.write(",".join(["t_ns", *(f"{name}_{axis}" for name in sensors for axis in _AXES)]) + "\n")
            if window.sensors != sensors:
                raise SourceError("imu.sensor", "The sensors change within a file.", "Write one file for each set.")
            rows = np.concatenate([window.acc, window.gyro], axis=2).reshape(len(window.t_ns), -1)
            for t_ns, row in zip(window.t_ns.tolist(), rows.tolist(), strict=True):
                file.write(f"{t_ns}," + ",".join("" if v != v else f"{v:.6g}" for v in row) + "\n")
