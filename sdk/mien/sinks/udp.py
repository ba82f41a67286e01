"""States over UDP to `HOST:PORT`, in the packets of mien.wire; `mien.receiver` reads them."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Sequence
from typing import Any

from mien.errors import SinkError
from mien.sinks.base import Sink
from mien.types import FaceState, Frame, ImuWindow
from mien.wire import COPIES, LARGEST, Encoder
from mien.wire_identity import Offer

_REQUESTS = 4  # that are answered with one state
_FACES = 16  # with a stream of their own; beyond it the one that was sent first begins a new one


class Udp(Sink):
    """Sends each face as a stream of its own; nothing is waited for, and nobody need listen.

    Args:
        address: ``"HOST:PORT"``; IPv6 hosts in brackets.
        copies: how many earlier states go with each one, see mien.wire.
        identity: what the faces are to be shown as, sent once to who asks for it, see mien.wire_identity.

    Attributes:
        sent: datagrams. bytes: of their payloads. refused: datagrams that the system would not take; they are left out.

    Raises:
        InputError: ``wire.identity``.
        SinkError: ``sink.address``, it is no such address; ``sink.open``, the host is unknown or there is no socket.
    """

    def __init__(self, address: str, copies: int = COPIES, identity: bytes | None = None) -> None:
        self._offer = Offer(identity) if identity is not None else None
        host, _, port = address.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise SinkError("sink.address", f"{address!r} is not HOST:PORT.", "Such as 192.168.1.20:9050.")
        try:
            family, kind, *_, target = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_DGRAM)[0]
            self._socket = socket.socket(family, kind)
            self._target: Any = target
        except OSError as error:
            raise SinkError("sink.open", f"Cannot send to {address!r} ({error}).", "Check the host's name.") from error
        self._socket.setblocking(False)
        self._copies = copies
        self._encoders: dict[int, Encoder] = {}
        self.sent = self.bytes = self.refused = 0

    def put(self, states: Sequence[FaceState], frame: Frame | ImuWindow | None = None) -> None:
        for state in states:
            for datagram in self._encoder(state.id).encode(state):
                self._send(datagram)
        if self._offer is not None:
            for datagram in (*self._offer.due(time.monotonic_ns()), *self._asked(self._offer)):
                self._send(datagram)

    def _asked(self, offer: Offer) -> Iterator[bytes]:
        """The pieces of the identity that the receiver asks for."""
        for _ in range(_REQUESTS):
            try:
                datagram, (host, *_) = self._socket.recvfrom(LARGEST)
            except OSError:
                return  # nobody asks, or nobody listens
            if host == self._target[0]:
                yield from offer.answer(datagram)

    def _encoder(self, face: int) -> Encoder:
        if face not in self._encoders:
            while len(self._encoders) >= _FACES:
                del self._encoders[next(iter(self._encoders))]
            self._encoders[face] = Encoder(copies=self._copies)
        return self._encoders[face]

    def _send(self, datagram: bytes) -> None:
        try:
            self._socket.sendto(datagram, self._target)
        except OSError:
            # a full buffer, a cable that is out, or nobody who listens: the next state matters, not this one
            self.refused += 1
            return
        self.sent += 1
        self.bytes += len(datagram)

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Udp:
        return self
