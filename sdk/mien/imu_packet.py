"""The packet of sensors on the skin, for UDP datagrams and serial lines. Little-endian; docs/imu.md is for builders.

offset  bytes
     0      4  "MIMU"
     4      1  version: 1, or 2 with repeated rows
     5      1  n: sensors, 1..32
     6      1  rows: moments in this packet, 1..64
     7      1  of these rows, the first so many were in packets before: 0 in version 1, 1..rows-1 in version 2
     8      4  sequence number, u32, one more with each packet, wraps
    12      8  t_ns: time of the first row on the device's clock, i64
    20      4  step_ns: from row to row, u32, 1 or more where there are several rows
    24      4  m/s^2 per count of the accelerometers, f32
    28      4  rad/s per count of the gyroscopes, f32
    32      n  ids of the sensors, u8 (0: the head's; `SENSORS` names them)
  32+n   12 * n * rows   for each row and sensor six i16: accelerometer x y z, gyroscope x y z;
                     all six -32768 where the sensor gave nothing
   end      4  CRC-32 (zlib's) of all bytes before it, u32

With one repeated row a lost packet costs nothing but 10 ms at 100 Hz: what it held comes with the next.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from mien.errors import InputError, SourceError
from mien.types import ImuWindow

MAGIC = b"MIMU"
HEAD = struct.Struct("<4sBBBBIqIff")
CHECKSUM = struct.Struct("<I")
MISSING = -32768
MOST_SENSORS, MOST_ROWS = 32, 64
LONGEST = HEAD.size + MOST_SENSORS + 12 * MOST_SENSORS * MOST_ROWS + CHECKSUM.size
FACE = Path(__file__).resolve().parent / "data" / "imu_face.npz"
_LAST_NS = 2**62  # of a packet's time: its rows stay within int64


@cache
def sensors() -> tuple[str, ...]:
    """Names by id: 0 is the head's sensor, then those on the skin in the order of the default layouts."""
    with np.load(FACE, allow_pickle=False) as face:
        return ("head", *(str(name) for name in face["names"]))


@dataclass(frozen=True, eq=False)
class Packet:
    """One packet: its number, its samples, and how many of the first were in packets before."""

    sequence: int
    window: ImuWindow
    repeated: int = 0

    def unseen(self, missed: int = 0) -> ImuWindow:
        """The rows that are new where `missed` packets before this one never came."""
        own = len(self.window.t_ns) - self.repeated
        first = max(self.repeated - missed * own, 0)
        w = self.window
        return w if first == 0 else ImuWindow(w.t_ns[first:], w.acc[first:], w.gyro[first:], w.sensors)

    def covers(self, missed: int) -> bool:
        """Whether it brings what the `missed` packets before it held."""
        return missed * (len(self.window.t_ns) - self.repeated) <= self.repeated


def length_of(head: bytes) -> int:
    """The bytes of the packet that begins with these 32. Raises SourceError ``imu.packet`` if none does."""
    magic, version, count, rows, repeated, *_ = HEAD.unpack_from(head)
    if magic != MAGIC or version not in (1, 2) or (version == 1 and repeated != 0):
        raise _refusal(f"begins with {head[:8].hex()}", '"MIMU", version 1 or 2, ...')
    if not 1 <= count <= MOST_SENSORS or not 1 <= rows <= MOST_ROWS:
        raise _refusal(f"has {count} sensors and {rows} rows", "1..32 and 1..64")
    if version == 2 and not 1 <= repeated < rows:
        raise _refusal(f"repeats {repeated} of {rows} rows", "1 or more, and one that is new")
    return int(HEAD.size + count + 12 * count * rows + CHECKSUM.size)


def decode(data: bytes, names: Sequence[str] | None = None) -> Packet:
    """Reads one packet.

    Args:
        names: sensors by id; default: `sensors()`.

    Raises:
        SourceError: ``imu.packet``, it is not one or was damaged; ``imu.sensor``, an id is unknown or stands twice.
    """
    known = sensors() if names is None else names
    if len(data) < HEAD.size or len(data) != length_of(data):
        raise _refusal(f"has {len(data)} bytes", "as many as its head says")
    if zlib.crc32(data[: -CHECKSUM.size]) != CHECKSUM.unpack_from(data, len(data) - CHECKSUM.size)[0]:
        raise _refusal("fails its checksum", "CRC-32 of all bytes before it")
    _, _, count, rows, repeated, sequence, t_ns, step_ns, acc_scale, gyro_scale = HEAD.unpack_from(data)
    if not (0 < acc_scale < math.inf and 0 < gyro_scale < math.inf):
        raise _refusal(f"has the scales {acc_scale} and {gyro_scale}", "numbers above 0")
    if not -_LAST_NS < t_ns < _LAST_NS or (rows > 1 and step_ns == 0):
        raise _refusal(f"is of {t_ns} ns with rows {step_ns} ns apart", "times that go on")
    ids = data[HEAD.size : HEAD.size + count]
    for number in ids:
        if number >= len(known):
            raise SourceError(
                "imu.sensor",
                f"A packet holds the sensor id {number}.",
                f"Known are 0..{len(known) - 1}; see docs/imu.md.",
            )
        if ids.count(number) > 1:
            raise SourceError(
                "imu.sensor", f"A packet holds the sensor id {number} ({known[number]}) twice.", "Give each its own id."
            )
    counts = np.frombuffer(data, "<i2", 6 * count * rows, HEAD.size + count).reshape(rows, count, 6)
    values = counts.astype(np.float32)
    values[(counts == MISSING).all(axis=2)] = np.nan
    values[..., :3] *= np.float32(acc_scale)
    values[..., 3:] *= np.float32(gyro_scale)
    times = t_ns + np.arange(rows, dtype=np.int64) * step_ns
    window = ImuWindow(times, values[..., :3], values[..., 3:], tuple(known[number] for number in ids))
    return Packet(sequence, window, repeated)


def encode(
    sequence: int,
    window: ImuWindow,
    acc_scale: float = 8 * 9.80665 / 32768,
    gyro_scale: float = math.radians(1024) / 32768,
    names: Sequence[str] | None = None,
    repeated: int = 0,
) -> bytes:
    """Writes one packet, as a device would; rows are taken to be equally far apart.

    Args:
        acc_scale, gyro_scale: m/s^2 and rad/s per count; values beyond 32767 counts saturate, as in a real part.
        repeated: how many of the first rows were in packets before.

    Raises:
        InputError: ``imu.sensor``, a name without id; ``imu.packet``, more than 32 sensors or 64 rows, or none is new.
    """
    known = list(sensors() if names is None else names)
    rows, count = window.acc.shape[:2]
    if rows > MOST_ROWS or count > MOST_SENSORS:
        raise InputError("imu.packet", f"{count} sensors and {rows} rows do not fit.", "32 and 64 do.")
    if not 0 <= repeated < rows:
        raise InputError("imu.packet", f"{repeated} of {rows} rows are repeated.", "At least one must be new.")
    unknown = [name for name in window.sensors if name not in known]
    if unknown:
        raise InputError("imu.sensor", f"The sensor {unknown[0]!r} has no id.", f"Known: {', '.join(known)}.")
    step_ns = int((window.t_ns[-1] - window.t_ns[0]) // max(rows - 1, 1))
    values = np.concatenate([window.acc / acc_scale, window.gyro / gyro_scale], axis=2)
    gone = np.isnan(values).any(axis=2)
    counts = np.clip(np.round(np.nan_to_num(values)), -32767, 32767).astype("<i2")
    counts[gone] = MISSING
    version, number, first_ns = 2 if repeated else 1, sequence & 0xFFFFFFFF, int(window.t_ns[0])
    head = HEAD.pack(MAGIC, version, count, rows, repeated, number, first_ns, step_ns, acc_scale, gyro_scale)
    body: bytes = head + bytes(known.index(name) for name in window.sensors) + counts.tobytes()
    return body + CHECKSUM.pack(zlib.crc32(body))


def _refusal(came: str, expected: str) -> SourceError:
    return SourceError("imu.packet", f"The packet {came}; expected: {expected}.", "See docs/imu.md.")
