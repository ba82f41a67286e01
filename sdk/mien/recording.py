"""The recording file (.mrec): frames and states as they came, readable up to the last complete record.

Eight bytes of magic, then records: tag (4 bytes, FRAM, IMUW or STAT), payload length u32, CRC-32 of the payload u32,
t_ns i64, CRC-32 of these 20 bytes u32, payload; little-endian. A FRAM payload is a u16 length, that many bytes of JSON
(format, size, ...), then the planes without padding; an IMUW payload is JSON with the sensors' names likewise, then
times i64, accelerometers and gyroscopes f32 of an ImuWindow; a STAT payload is the JSON of
`FaceState.to_dict(landmarks=True)`.
Each record goes to the operating system in one write, so a killed program loses at most the record it was writing, and
a record for which the disk has no room is taken back, so that those after it can be read.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mien._checks import as_path
from mien.errors import LayoutError, SinkError, SourceError
from mien.layouts import layout
from mien.sinks._files import opening
from mien.types import _CHANNELS, _PLANAR, FaceState, Frame, HeadPose, ImuWindow

MAGIC = b"MIENREC1"
_RECORD = struct.Struct("<4sIIq")
_CHECKSUM = struct.Struct("<I")
_MAX_PAYLOAD = 1 << 30
_ARRAYS = ("landmarks", "gaze", "embedding", "eyes", "raw_embedding", "attention")
_NUMBERS = ("aus", "emotion", "valence", "arousal", "extras", "visibility", "unknown")


class Writer:
    """Appends records to a new file. Raises SinkError if it cannot be written.

    After a failed write it can go on where that is possible (the disk has room again); else it refuses all that comes.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        with opening(path):
            self._file = Path(path).open("wb", buffering=0)  # noqa: SIM115 (closed by close)
        self._end = 0  # of the last complete record
        try:
            self._write(MAGIC)
        except SinkError:
            self._file.close()
            raise

    def frame(self, frame: Frame) -> None:
        """Appends a frame."""
        about = {
            "format": frame.format,
            "width": int(frame.width),
            "height": int(frame.height),
            "yuv_matrix": frame.yuv_matrix,
            "yuv_range": frame.yuv_range,
            "stale": bool(frame.stale),
        }
        head = json.dumps(about).encode()
        self._record(b"FRAM", frame.t_ns, struct.pack("<H", len(head)) + head + b"".join(_packed(frame)))

    def window(self, window: ImuWindow) -> None:
        """Appends samples of sensors; the record's time is that of their end."""
        head = json.dumps({"sensors": window.sensors}).encode()
        arrays = window.t_ns.tobytes() + window.acc.tobytes() + window.gyro.tobytes()
        self._record(b"IMUW", int(window.t_ns[-1]), struct.pack("<H", len(head)) + head + arrays)

    def state(self, state: FaceState) -> None:
        """Appends a state."""
        self._record(b"STAT", state.t_ns, json.dumps(state.to_dict(landmarks=True)).encode())

    def _record(self, tag: bytes, t_ns: int, payload: bytes) -> None:
        if len(payload) > _MAX_PAYLOAD:
            raise SinkError("sink.oversized", f"A record of {len(payload)} bytes is too large.", "Record smaller ones.")
        head = _RECORD.pack(tag, len(payload), zlib.crc32(payload), t_ns)
        self._write(head + _CHECKSUM.pack(zlib.crc32(head)) + payload)

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._file.write(rest) or 0 :]
        except (OSError, ValueError) as error:
            raise SinkError(
                "sink.write", f"The recording cannot be continued: {error}.", "Is the disk full?"
            ) from error
        finally:
            if rest:
                self._take_back()
            else:
                self._end += len(data)

    def _take_back(self) -> None:
        """Removes the part of a record that was written; where that is impossible nothing may follow it."""
        try:
            self._file.truncate(self._end)
            self._file.seek(self._end)
        except (OSError, ValueError):
            self._file.close()

    def close(self) -> None:
        """Ends the file."""
        self._file.close()


def _packed(frame: Frame) -> Iterator[bytes]:
    """Each plane without the padding that its rows, or more rows than the picture has, may bring."""
    sizes = [(frame.height, frame.width * _CHANNELS[frame.format])]
    if frame.format in _PLANAR:
        sizes.append((frame.height // 2, frame.width))
    for plane, (rows, columns) in zip(frame.planes, sizes, strict=True):
        yield plane.reshape(len(plane), -1)[:rows, :columns].tobytes()


def read(path: str | os.PathLike[str]) -> Iterator[tuple[str, int, Any]]:
    """The records of a file in order: ("frame", t_ns, Frame), ("window", t_ns, ImuWindow) or
    ("state", t_ns, dict).

    An incomplete last record (the writer was killed) ends the iteration. Raises SourceError if the file is not a
    recording or was altered.
    """
    where = as_path(path, SourceError, "source.missing")
    try:
        opened = where.open("rb")
    except OSError as error:
        raise SourceError(
            "source.missing", f"Cannot read {str(path)!r}: {error.strerror}.", "Check the path."
        ) from error
    with opened as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise SourceError("recording.format", f"{str(path)!r} is not a mien recording.", "Record with --record.")
        while len(head := file.read(_RECORD.size + _CHECKSUM.size)) == _RECORD.size + _CHECKSUM.size:
            tag, length, checksum, t_ns = _RECORD.unpack_from(head)
            if zlib.crc32(head[: _RECORD.size]) != _CHECKSUM.unpack_from(head, _RECORD.size)[0]:
                raise _altered(path, "the head of a record fails its checksum")
            if tag not in _KINDS or length > _MAX_PAYLOAD:
                raise _altered(path, f"unknown record {tag!r} of {length} bytes")
            payload = file.read(length)
            if len(payload) < length:
                return
            if zlib.crc32(payload) != checksum:
                raise _altered(path, "a record fails its checksum")
            try:
                content = _READERS[tag](payload, t_ns)
            except (ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
                raise _altered(path, f"a record is no {tag.decode()} ({error})") from error
            yield _KINDS[tag], t_ns, content


def states(path: str | os.PathLike[str]) -> Iterator[FaceState]:
    """The states that a recording holds, in its order; `raw` is `values`, for a recording keeps the filtered ones.

    Raises:
        SourceError: as `read`; ``recording.empty``, there is none: it was made of frames alone.
    """
    seen = False
    for kind, _, content in read(path):
        if kind == "state":
            try:
                yield _state(content)
            except (ValueError, KeyError, TypeError, AttributeError, LayoutError) as error:
                raise _altered(path, f"a record is no state ({error})") from error
            seen = True
    if not seen:
        raise SourceError("recording.empty", f"{str(path)!r} holds no states.", "Record with mien run --record.")


def _state(told: dict[str, Any]) -> FaceState:
    """The inverse of `FaceState.to_dict`."""
    names = layout(told["layout"])
    values = np.array([told["values"][name] for name in names.names], np.float32)  # null becomes NaN
    valid = np.array([told["valid"][name] for name in names.names], np.bool_)
    values = np.where(valid, values, 0).astype(np.float32)
    head, box = told.get("head"), told.get("box")
    return FaceState(
        int(told["t_ns"]), int(told["id"]), names, values, values.copy(), valid, float(told["confidence"]),
        box=None if box is None else (float(box[0]), float(box[1]), float(box[2]), float(box[3])),
        head=None if head is None else HeadPose(
            tuple(head["rotation_xyzw"]), tuple(head["translation_m"]), float(head["residual"])
        ),
        stale=bool(told["stale"]),
        **{name: _array(told.get(name)) for name in _ARRAYS},
        **{name: told.get(name) for name in _NUMBERS},
    )  # fmt: skip


def _array(told: Any) -> Any:
    return None if told is None else np.array(told, np.float32)


def _altered(path: str | os.PathLike[str], why: str) -> SourceError:
    return SourceError("recording.altered", f"{str(path)!r}: {why}.", "Copy it again.")


def _frame(payload: bytes, t_ns: int) -> Frame:
    (size,) = struct.unpack_from("<H", payload)
    about = json.loads(payload[2 : 2 + size])
    stale = about.pop("stale")
    return replace(Frame.from_buffer(memoryview(payload)[2 + size :], t_ns=t_ns, **about), stale=stale)


def _window(payload: bytes, t_ns: int) -> ImuWindow:
    (size,) = struct.unpack_from("<H", payload)
    sensors = tuple(json.loads(payload[2 : 2 + size])["sensors"])
    data = payload[2 + size :]
    rows = len(data) // (8 + 24 * len(sensors))
    if rows * (8 + 24 * len(sensors)) != len(data):
        raise ValueError(f"{len(data)} bytes for {len(sensors)} sensors")
    times = np.frombuffer(data, "<i8", rows)
    values = np.frombuffer(data, "<f4", offset=8 * rows).reshape(2, rows, len(sensors), 3)
    return ImuWindow(times, values[0], values[1], sensors)


_KINDS = {b"FRAM": "frame", b"IMUW": "window", b"STAT": "state"}
_READERS: dict[bytes, Callable[[bytes, int], Any]] = {
    b"FRAM": _frame,
    b"IMUW": _window,
    b"STAT": lambda payload, t_ns: json.loads(payload),
}
