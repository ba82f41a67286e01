"""Who the faces of a stream are shown as: a portrait or its enrolment, sent once beside the states of mien.wire.

A sender offers it four times a second in 28 bytes; a receiver that lacks it asks for the pieces that it lacks, until it
has them all. All packets are little-endian:

    magic "MNID", version u8 = 1, kind u8 (0: offer, 1: request, 2: piece), 0 u16, CRC-32 u32 of the whole identity, its
    size in bytes u32, first u32, CRC-32 u32 of all but itself, body

    offer      first 0, no body
    request    first 0; the body is the numbers of the wanted pieces, u16 each, at most 64
    piece      first: its number; the body is the identity's bytes from 1100 times that number on, at most 1100

A sender answers to the address that it sends to and to no other, so nobody can be flooded by asking in another's name.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np

from mien.errors import InputError

MAGIC = b"MNID"
LARGEST = 4 << 20  # bytes of an identity

_VERSION, _OFFER, _REQUEST, _PIECE = 1, 0, 1, 2
_HEAD = struct.Struct("<4sBBxxIII")
_CHECKSUM = struct.Struct("<I")
_SIZE = 1100  # bytes of a piece: what crosses every network in one packet
_AT_ONCE = 64  # pieces of a request
_OFFER_NS, _ASK_NS = 250_000_000, 100_000_000


class Offer:
    """The sender's side.

    Args:
        identity: 1 byte to 4 MB of any kind.

    Raises:
        InputError: ``wire.identity``, it is empty or larger.
    """

    def __init__(self, identity: bytes) -> None:
        if not 0 < len(identity) <= LARGEST:
            raise InputError(
                "wire.identity", f"An identity of {len(identity)} bytes.", f"1 to {LARGEST}; make the picture smaller."
            )
        self._identity = bytes(identity)
        self._checksum = zlib.crc32(self._identity)
        self._offered_ns: int | None = None

    def due(self, now_ns: int) -> list[bytes]:
        """The offer, if it is time for one."""
        if self._offered_ns is not None and 0 <= now_ns - self._offered_ns < _OFFER_NS:
            return []
        self._offered_ns = now_ns
        return [_packet(_OFFER, self._checksum, len(self._identity), 0, b"")]

    def answer(self, datagram: bytes) -> list[bytes]:
        """The pieces that a request asks for; nothing to anything else."""
        try:
            kind, checksum, size, _, body = _opened(datagram)
        except ValueError:
            return []
        if kind != _REQUEST or (checksum, size) != (self._checksum, len(self._identity)) or len(body) % 2:
            return []
        wanted = np.frombuffer(body, "<u2")[:_AT_ONCE].tolist()
        return [self._piece(number) for number in wanted if number * _SIZE < size]

    def _piece(self, number: int) -> bytes:
        body = self._identity[number * _SIZE : (number + 1) * _SIZE]
        return _packet(_PIECE, self._checksum, len(self._identity), number, body)


class Collector:
    """The receiver's side.

    Attributes:
        identity: the newest that is whole, or None.
    """

    def __init__(self) -> None:
        self.identity: bytes | None = None
        self._have: tuple[int, int] | None = None  # checksum and size of `identity`
        self._wanted: tuple[int, int] | None = None
        self._pieces: dict[int, bytes] = {}
        self._asked: set[int] = set()
        self._asked_ns = 0

    def feed(self, datagram: bytes, now_ns: int) -> bytes | None:
        """Takes an offer or a piece; the request to send back, if one is due. Whatever else comes is left out."""
        try:
            kind, checksum, size, number, body = _opened(datagram)
        except ValueError:
            return None
        if kind == _REQUEST or not 0 < size <= LARGEST or (checksum, size) == self._have:
            return None
        if (checksum, size) != self._wanted:
            if kind != _OFFER:
                return None
            self._wanted, self._pieces, self._asked = (checksum, size), {}, set()
        count = -(-size // _SIZE)
        if kind == _PIECE and number < count and len(body) == min(_SIZE, size - number * _SIZE):
            self._pieces[number] = body
            self._asked.discard(number)
        if len(self._pieces) == count:
            self._finish(checksum, size)
            return None
        if self._asked and now_ns - self._asked_ns < _ASK_NS:
            return None
        missing = [number for number in range(count) if number not in self._pieces][:_AT_ONCE]
        self._asked, self._asked_ns = set(missing), now_ns
        return _packet(_REQUEST, checksum, size, 0, np.array(missing, "<u2").tobytes())

    def _finish(self, checksum: int, size: int) -> None:
        whole = b"".join(self._pieces[number] for number in sorted(self._pieces))
        if zlib.crc32(whole) == checksum:  # pieces of two identities that share a checksum: asked for anew
            self.identity, self._have = whole, (checksum, size)
        self._wanted, self._pieces, self._asked = None, {}, set()


def _packet(kind: int, checksum: int, size: int, first: int, body: bytes) -> bytes:
    head = _HEAD.pack(MAGIC, _VERSION, kind, checksum, size, first)
    return head + _CHECKSUM.pack(zlib.crc32(head + body)) + body


def _opened(datagram: bytes) -> tuple[int, int, int, int, bytes]:
    """Kind, the identity's checksum and size, first, body. Raises ValueError."""
    fixed = _HEAD.size + _CHECKSUM.size
    if len(datagram) < fixed:
        raise ValueError("its length")
    magic, version, kind, checksum, size, first = _HEAD.unpack_from(datagram)
    body = datagram[fixed:]
    (own,) = _CHECKSUM.unpack_from(datagram, _HEAD.size)
    if magic != MAGIC or version != _VERSION or kind > _PIECE or own != zlib.crc32(datagram[: _HEAD.size] + body):
        raise ValueError("its head")
    return kind, checksum, size, first, body
