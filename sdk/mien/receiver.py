"""Receiver: states that somebody sends over UDP, in the packets of mien.wire.

with mien.Receiver(9050) as faces:
    for state in faces:
        avatar.set(state["jawOpen"])
"""

from __future__ import annotations

import socket
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from threading import Event
from typing import Any

from mien.errors import SourceError
from mien.types import FaceState
from mien.wire import LARGEST, Decoder
from mien.wire_identity import MAGIC, Collector

_TICK_S = 0.05  # how long a close may have to wait
_KERNEL_BUFFER = 1 << 20


class Receiver:
    """Listens on a port. Use it as a context manager, or close it.

    Args:
        port: 0 lets the system choose.
        host: the address to listen on; by default every one of IPv4.

    Attributes:
        port: the one that it listens on.
        counts: what came and what did not, see `mien.wire.Decoder`.

    Raises:
        SourceError: ``source.open``, the address or port cannot be used.
    """

    def __init__(self, port: int, host: str = "0.0.0.0") -> None:
        try:
            self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        except OSError as error:
            raise SourceError("source.open", f"There is no socket: {error}.", "") from error
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _KERNEL_BUFFER)
            self._socket.bind((host, port))
        except (OSError, OverflowError, TypeError) as error:
            self._socket.close()
            raise SourceError(
                "source.open", f"Cannot listen on {host}:{port} ({error}).", "Is another program listening there?"
            ) from error
        self.port = int(self._socket.getsockname()[1])
        self.counts = Decoder()
        self._waiting: deque[FaceState] = deque()
        self._identities = Collector()
        self._closed = Event()

    def read(self, timeout_s: float | None = None) -> FaceState | None:
        """The next state of any face, in each face's order; None after so many seconds without one, or when closed.

        Raises:
            SourceError: ``source.read``, the socket fails.
        """
        until = None if timeout_s is None else time.monotonic() + timeout_s
        while not self._waiting:
            left = _TICK_S if until is None else min(_TICK_S, until - time.monotonic())
            if self._closed.is_set() or left <= 0:
                return None
            datagram, sender = self._datagram(left)
            if datagram.startswith(MAGIC):
                if request := self._identities.feed(datagram, time.monotonic_ns()):
                    self._reply(request, sender)
            elif datagram:
                self._waiting.extend(self.counts.feed(datagram))
        return self._waiting.popleft()

    @property
    def identity(self) -> bytes | None:
        """What the sender wants its faces to be shown as (`mien.wire_identity`); None until all of it is here."""
        return self._identities.identity

    def _reply(self, datagram: bytes, to: Any) -> None:
        with suppress(OSError):  # it is asked for again
            self._socket.sendto(datagram, to)

    def _datagram(self, wait_s: float) -> tuple[bytes, Any]:
        """The next one and who sent it; empty if none came."""
        self._socket.settimeout(wait_s)
        while not self._closed.is_set():
            try:
                return self._socket.recvfrom(LARGEST + 1)
            except TimeoutError:
                break
            except ConnectionError:
                continue  # of an earlier packet that nobody took
            except OSError as error:
                if not self._closed.is_set():
                    raise SourceError("source.read", f"The socket fails: {error}.", "") from error
        return b"", None

    def __iter__(self) -> Iterator[FaceState]:
        """States until it is closed."""
        while (state := self.read()) is not None:
            yield state

    def close(self) -> None:
        """Stops listening; a read in another thread ends."""
        self._closed.set()
        self._socket.close()

    def __enter__(self) -> Receiver:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
