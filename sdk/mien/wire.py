"""States on the wire: a face in less than 300 bytes, each packet whole by itself and a cure for the one before it.

A packet is a head and a deflated body, little-endian:

    head   magic "MNFS", version u8 = 1, kind u8 (0: states, 1: description), states u8, 0 u8, stream u32, sequence u32,
           description u32 (CRC-32 of the description that names the columns), t_ns i64, CRC-32 u32 of all but itself
    body   kind 0: raw deflate of the columns of `states` states as u16, all low bytes, then all high bytes. First the
           state's own, then the differences of the one before it from it, and so on; all modulo 2^16, and each signed
           number n as 2n or, below 0, as -2n - 1, so that small ones have high bytes of 0
           kind 1: raw deflate of the description, JSON: layout, extras, aus, emotion

The columns are in `Columns`. A description is sent before the first state and four times a second. No state is told as
the difference from one that may have been lost: what a lost packet said can be read from the next one. The 106
numbers of the default `expression` bundle, the state before and the descriptions make 276 bytes a state
(`python -m benchmarks.wire`): real numbers have noise, which no coder shortens.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.errors import InputError, LayoutError
from mien.layouts import Layout, layout
from mien.types import FaceState, HeadPose

I16 = npt.NDArray[np.int16]

LARGEST = 1200  # bytes: what crosses every network in one piece
COPIES = 1  # earlier states in each packet

_MAGIC, _VERSION, _STATES, _DESCRIPTION = b"MNFS", 1, 0, 1
_HEAD = struct.Struct("<4sBBBxIIIq")
_CHECKSUM = struct.Struct("<I")
_WRAP = 1 << 32
_AGAIN = 1 << 16  # a sequence so far away is no late packet
_EVERY_NS = 250_000_000  # between two descriptions
_STREAMS = 16  # that a decoder follows at once; beyond it the one that was silent longest is forgotten
_NOTHING = -32768  # stands for None and NaN
_UNIT, _SIGNED, _METRE, _RADIAN = 511, 1000, 2000, 10_000  # steps per one
_MOST = 32_767
_FLAGS, _TIMES = 3, 4  # columns


@dataclass(frozen=True)
class Columns:
    """What a stream's numbers are, in this order.

    First face id, stale (0 or 1) and confidence in 1/511; t_ns in whole microseconds as four words, lowest first; head
    rotation x, y, z (w >= 0) in 1/32767, translation in 0.5 mm; yaw and pitch of both eyes' gaze in 0.1 mrad; valence,
    arousal in 1/1000 and unknown in 1/511; then the coefficients, extras, action units and emotions in 1/511, and one
    bit for each coefficient that says whether it is valid, 16 in a word, the first in the highest.
    -32768: not measured.
    """

    layout: Layout
    extras: tuple[str, ...] = ()
    aus: tuple[str, ...] = ()
    emotion: tuple[str, ...] = ()

    @classmethod
    def of(cls, state: FaceState) -> Columns:
        """Those that a state needs."""
        return cls(state.layout, tuple(state.extras or ()), tuple(state.aus or ()), tuple(state.emotion or ()))

    @property
    def description(self) -> bytes:
        """As it is sent."""
        named = {"layout": self.layout.name, "extras": self.extras, "aus": self.aus, "emotion": self.emotion}
        return json.dumps(named, separators=(",", ":")).encode()

    @classmethod
    def parse(cls, description: bytes) -> Columns:
        """From what was sent. Raises ValueError, LayoutError."""
        named = json.loads(description)
        groups = [tuple(named[key]) for key in ("extras", "aus", "emotion")]
        if not all(isinstance(name, str) for group in groups for name in group):
            raise ValueError("names are text")
        return cls(layout(named["layout"]), *groups)

    def __len__(self) -> int:
        names = len(self.layout) + len(self.extras) + len(self.aus) + len(self.emotion)
        return _FLAGS + _TIMES + 6 + 4 + 3 + names + (len(self.layout) + 15) // 16

    def pack(self, state: FaceState) -> I16:
        """The numbers of a state. What is beyond a column's range is cut to it."""
        stamp = np.array([state.t_ns // 1000], "<i8").view("<i2")
        flags = [state.id, state.stale, _steps(state.confidence, _UNIT)]
        groups = (state.extras, state.aus, state.emotion)
        scalars = [_steps(state.valence, _SIGNED), _steps(state.arousal, _SIGNED), _steps(state.unknown, _UNIT)]
        named = [np.fromiter(group.values(), np.float64, len(group)) for group in groups if group]
        units = np.concatenate([state.values, *named])
        units = np.where(np.isfinite(units), np.clip(np.rint(units * _UNIT), -_MOST, _MOST), _NOTHING)
        bits = np.packbits(state.valid)
        bits = np.concatenate([bits, np.zeros(-len(bits) % 2, np.uint8)])
        parts = [np.clip(flags, -_MOST, _MOST), stamp, _pose(state.head), _gaze(state.gaze), scalars, units]
        return np.concatenate(
            [*(np.asarray(part).astype(np.int16) for part in parts), bits.view(">u2").astype(np.int16)]
        )

    def unpack(self, numbers: I16) -> FaceState:
        """The state of these numbers."""
        count = len(self.layout)
        cuts = np.cumsum([_FLAGS, _TIMES, 6, 4, 3, count, len(self.extras), len(self.aus), len(self.emotion)])
        flags, stamp, pose, gaze, scalars, values, extras, aus, emotion, bits = np.split(numbers, cuts)
        valid = np.unpackbits(bits.astype(">u2").view(np.uint8))[:count].astype(np.bool_)
        plain = np.where(values == _NOTHING, 0, values).astype(np.float32) / np.float32(_UNIT)
        valence, arousal, unknown = (
            None if number == _NOTHING else float(number) / steps
            for number, steps in zip(scalars.tolist(), (_SIGNED, _SIGNED, _UNIT), strict=True)
        )
        return FaceState(
            int(stamp.astype("<i2").view("<i8")[0]) * 1000, int(flags[0]), self.layout, plain, plain.copy(), valid,
            int(flags[2]) / _UNIT, head=_posed(pose), gaze=_gazed(gaze), aus=_named(self.aus, aus),
            emotion=_named(self.emotion, emotion), valence=valence, arousal=arousal, unknown=unknown,
            stale=bool(flags[1]), extras=_named(self.extras, extras),
        )  # fmt: skip


class Encoder:
    """Turns the states of one face, one after the other, into datagrams.

    Args:
        stream: a number that tells this sender's faces from others'; None: by chance.
        copies: how many of the states before go with each one, 0..8: so many packets in a row may be lost at no cost.
    """

    def __init__(self, stream: int | None = None, copies: int = COPIES) -> None:
        if not 0 <= copies <= 8:
            raise InputError("wire.copies", f"{copies!r} earlier states in a packet.", "Give 0 to 8.")
        self._stream = int(np.random.default_rng().integers(_WRAP)) if stream is None else stream % _WRAP
        self._copies, self._sequence = copies, 0
        self._columns: Columns | None = None
        self._told_ns = 0
        self._before: list[I16] = []

    def encode(self, state: FaceState) -> list[bytes]:
        """The datagrams to send for a state: itself, and now and then the description before it.

        Raises:
            InputError: ``wire.large``, its numbers do not fit into one datagram.
        """
        columns = Columns.of(state)
        out = []
        if columns != self._columns:
            self._columns, self._before = columns, []
            self._told_ns = state.t_ns - _EVERY_NS
        if not 0 <= state.t_ns - self._told_ns < _EVERY_NS:
            self._told_ns = state.t_ns
            out.append(self._packet(_DESCRIPTION, 0, state.t_ns, columns.description))
        numbers = columns.pack(state)
        rows = [numbers, *self._before]
        table = np.stack(rows)
        delta = np.concatenate([table[:1], np.diff(table, axis=0)])  # modulo 2^16, as the sums that undo it
        self._before = rows[: self._copies]
        folded = (delta << 1) ^ (delta >> 15)
        planes = np.ascontiguousarray(folded.astype("<i2").reshape(-1, 1).view(np.uint8).T)
        out.append(self._packet(_STATES, len(rows), state.t_ns, planes.tobytes()))
        self._sequence = (self._sequence + 1) % _WRAP
        return out

    def _packet(self, kind: int, states: int, t_ns: int, body: bytes) -> bytes:
        assert self._columns is not None
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        body = packer.compress(body) + packer.flush()
        described = zlib.crc32(self._columns.description)
        head = _HEAD.pack(_MAGIC, _VERSION, kind, states, self._stream, self._sequence, described, t_ns)
        packet = head + _CHECKSUM.pack(zlib.crc32(head + body)) + body
        if len(packet) > LARGEST:
            raise InputError(
                "wire.large", f"A packet of {len(packet)} bytes.", f"At most {LARGEST} fit; send fewer names."
            )
        return packet


@dataclass
class _Stream:
    columns: Columns | None = None
    described: int = -1
    last: int | None = None  # sequence of the newest state that was given


@dataclass
class Decoder:
    """Turns datagrams into states, in order, each once.

    Attributes:
        received: packets that were read. repaired: states that came with a later packet, because their own was lost or
            is late. lost: states that nobody will see. late: packets with nothing new. damaged: packets that are none.
        unnamed: states that came before a description of theirs.
    """

    received: int = 0
    repaired: int = 0
    lost: int = 0
    late: int = 0
    damaged: int = 0
    unnamed: int = 0
    _streams: OrderedDict[int, _Stream] = field(default_factory=OrderedDict)

    def feed(self, datagram: bytes) -> list[FaceState]:
        """The states that a datagram brings, oldest first; whatever else it holds is counted, never raised."""
        try:
            kind, states, number, sequence, described, body = _opened(datagram)
            stream = self._streams.setdefault(number, _Stream())
            self._streams.move_to_end(number)
            while len(self._streams) > _STREAMS:
                self._streams.popitem(last=False)
            if kind == _DESCRIPTION:
                if zlib.crc32(body) != described:
                    raise ValueError("the description is not the one that is meant")
                if stream.described != described:
                    stream.columns, stream.described = Columns.parse(body), described
                self.received += 1
                return []
            if stream.columns is None or stream.described != described:
                self.unnamed += 1
                return []
            rows = _rows(body, states, len(stream.columns))
        except (ValueError, KeyError, TypeError, LayoutError, RecursionError):
            self.damaged += 1
            return []
        self.received += 1
        return self._fresh(stream, sequence, rows)

    def _fresh(self, stream: _Stream, sequence: int, rows: I16) -> list[FaceState]:
        ahead = 1 if stream.last is None else (sequence - stream.last) % _WRAP
        if _AGAIN < ahead <= _WRAP - _AGAIN:  # the sender began again
            ahead = 1
        if ahead == 0 or ahead > _AGAIN:
            self.late += 1
            return []
        count = min(ahead, len(rows))
        self.lost += ahead - count
        self.repaired += count - 1
        stream.last = sequence
        assert stream.columns is not None
        return [stream.columns.unpack(row) for row in rows[:count][::-1]]


def _opened(datagram: bytes) -> tuple[int, int, int, int, int, bytes]:
    """Kind, states, stream, sequence, description and inflated body. Raises ValueError."""
    fixed = _HEAD.size + _CHECKSUM.size
    if not fixed <= len(datagram) <= LARGEST:
        raise ValueError("its length")
    magic, version, kind, states, stream, sequence, described, _ = _HEAD.unpack_from(datagram)
    if magic != _MAGIC or version != _VERSION or kind not in (_STATES, _DESCRIPTION):
        raise ValueError("its head")
    (checksum,) = _CHECKSUM.unpack_from(datagram, _HEAD.size)
    if zlib.crc32(datagram[: _HEAD.size] + datagram[fixed:]) != checksum:
        raise ValueError("its checksum")
    inflate = zlib.decompressobj(-15)
    try:
        body = inflate.decompress(datagram[fixed:], 1 << 16)  # a bomb is no state
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if not inflate.eof or inflate.unused_data:
        raise ValueError("its body")
    return kind, states, stream, sequence, described, body


def _rows(body: bytes, states: int, columns: int) -> I16:
    """(states, columns): the newest first."""
    planes = np.frombuffer(body, np.uint8)
    if not states or planes.size != 2 * states * columns:
        raise ValueError("its body's length")
    folded = np.ascontiguousarray(planes.reshape(2, -1).T).view("<u2").reshape(states, columns)
    numbers = (folded >> 1).astype(np.int16) ^ -(folded & 1).astype(np.int16)
    return np.cumsum(numbers, axis=0, dtype=np.int16)


def _steps(value: float | None, steps: int) -> int:
    if value is None or value != value:
        return _NOTHING
    return round(min(max(value * steps, -_MOST), _MOST))


def _named(names: tuple[str, ...], numbers: I16) -> dict[str, float] | None:
    if not names:
        return None
    values = np.where(numbers == _NOTHING, np.nan, numbers / _UNIT)
    return dict(zip(names, values.tolist(), strict=True))


def _pose(head: HeadPose | None) -> npt.NDArray[Any]:
    if head is None:
        return np.full(6, _NOTHING)
    rotation = np.array(head.rotation) * (-1 if head.rotation[3] < 0 else 1)
    return np.clip(np.rint([*(rotation[:3] * _MOST), *(np.array(head.translation) * _METRE)]), -_MOST, _MOST)


def _posed(numbers: I16) -> HeadPose | None:
    if (numbers == _NOTHING).any():
        return None
    xyz = numbers[:3] / _MOST
    w = float(np.sqrt(max(0.0, 1 - float(xyz @ xyz))))
    rotation = np.array([*xyz, w])
    x, y, z, w = (rotation / np.linalg.norm(rotation)).tolist()
    tx, ty, tz = (numbers[3:] / _METRE).tolist()
    return HeadPose((x, y, z, w), (tx, ty, tz), 0.0)


def _gaze(gaze: npt.NDArray[np.float32] | None) -> npt.NDArray[Any]:
    if gaze is None:
        return np.full(4, _NOTHING)
    x, y, z = gaze.astype(np.float64).T
    yaw, pitch = np.arctan2(x, z), np.arcsin(np.clip(y, -1, 1))
    angles = np.stack([yaw, pitch], 1).ravel() * _RADIAN
    return np.where(np.isfinite(angles), np.rint(angles), _NOTHING)


def _gazed(numbers: I16) -> npt.NDArray[np.float32] | None:
    if (numbers == _NOTHING).any():
        return None
    yaw, pitch = (numbers.reshape(2, 2) / _RADIAN).T
    return np.stack([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)], 1).astype(np.float32)
