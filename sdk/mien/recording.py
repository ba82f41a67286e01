"""The recording file (.mrec): frames and states as they came, readable up to the last complete record.

Eight bytes of magic, then records: tag (4 bytes, FRAM or STAT), payload length u32, CRC-32 of the payload u32, t_ns
i64, CRC-32 of these 20 bytes u32, payload; little-endian. A FRAM payload is a u16 length, that many bytes of JSON
(format, size, ...), then the planes without padding; a STAT payload is the JSON of `FaceState.to_dict(landmarks=True)`.
Each record goes to the operating system in one write, so a killed program loses at most the record it was writing.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mien.errors import SinkError, SourceError
from mien.types import FaceState, Frame

MAGIC = b"MIENREC1"
_RECORD = struct.Struct("<4sIIq")
_CHECKSUM = struct.Struct("<I")
_MAX_PAYLOAD = 1 << 30


class Writer:
    """Appends records to a new file. Raises SinkError if it cannot be written."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        try:
            self._file = Path(path).open("wb", buffering=0)  # noqa: SIM115 (closed by close)
        except OSError as error:
            raise SinkError(
                "sink.open", f"Cannot write {str(path)!r}: {error.strerror}.", "Check the folder."
            ) from error
        try:
            self._write(MAGIC)
        except SinkError:
            self._file.close()
            raise

    def frame(self, frame: Frame) -> None:
        """Appends a frame."""
        about = {
            "format": frame.format,
            "width": frame.width,
            "height": frame.height,
            "yuv_matrix": frame.yuv_matrix,
            "yuv_range": frame.yuv_range,
            "stale": frame.stale,
        }
        head = json.dumps(about).encode()
        planes = b"".join(np.ascontiguousarray(plane).tobytes() for plane in frame.planes)
        self._record(b"FRAM", frame.t_ns, struct.pack("<H", len(head)) + head + planes)

    def state(self, state: FaceState) -> None:
        """Appends a state."""
        self._record(b"STAT", state.t_ns, json.dumps(state.to_dict(landmarks=True)).encode())

    def _record(self, tag: bytes, t_ns: int, payload: bytes) -> None:
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

    def close(self) -> None:
        """Ends the file."""
        self._file.close()


def read(path: str | os.PathLike[str]) -> Iterator[tuple[str, int, Any]]:
    """The records of a file in order: ("frame", t_ns, Frame) or ("state", t_ns, dict).

    An incomplete last record (the writer was killed) ends the iteration. Raises SourceError if the file is not a
    recording or was altered.
    """
    try:
        opened = Path(path).open("rb")  # noqa: SIM115 (closed below)
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
            if tag not in (b"FRAM", b"STAT") or length > _MAX_PAYLOAD:
                raise _altered(path, f"unknown record {tag!r} of {length} bytes")
            payload = file.read(length)
            if len(payload) < length:
                return
            if zlib.crc32(payload) != checksum:
                raise _altered(path, "a record fails its checksum")
            try:
                content = _frame(payload, t_ns) if tag == b"FRAM" else json.loads(payload)
            except (ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
                raise _altered(path, f"a record is no {tag.decode()} ({error})") from error
            yield "frame" if tag == b"FRAM" else "state", t_ns, content


def _altered(path: str | os.PathLike[str], why: str) -> SourceError:
    return SourceError("recording.altered", f"{str(path)!r}: {why}.", "Copy it again.")


def _frame(payload: bytes, t_ns: int) -> Frame:
    (size,) = struct.unpack_from("<H", payload)
    about = json.loads(payload[2 : 2 + size])
    stale = about.pop("stale")
    return replace(Frame.from_buffer(memoryview(payload)[2 + size :], t_ns=t_ns, **about), stale=stale)
