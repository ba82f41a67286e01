"""Sensors on the skin over UDP: `udp:PORT` or `udp:HOST:PORT`, in the packets of mien.imu_packet.

A packet that is missing is waited for only if the next one does not repeat its rows, and only a moment: 10 ms, as it
was, made every loss cost a step more than it had to. Damaged packets are counted and left out: a network may do that
to anyone.
"""

from __future__ import annotations

import logging
import socket
import time
from threading import Event

from mien._checks import within
from mien.errors import SourceError
from mien.imu_packet import LONGEST, Packet, decode
from mien.sources.base import Source
from mien.types import ImuWindow

log = logging.getLogger("mien")

_TICK_S = 0.05  # how long a close may have to wait
_AHEAD = 4  # packets that may lie before a missing one: then it is lost for certain
_AGAIN = 1000  # a number so far behind is no late packet but a device that began again
_WRAP = 1 << 32
_KERNEL_BUFFER = 1 << 20


class Udp(Source):
    """Windows as they arrive, one for each packet.

    Args:
        wait_ms: how long a missing packet is waited for. A line in between is drawn where it does not come.
        timeout_s: seconds without any packet after which `read` gives up; 0 waits for ever.

    Attributes:
        received, lost, recovered, late, damaged: packets so far. lost: whose samples never came in time; recovered:
            which did not come in time either, but whose samples the next one repeated; late: came after that, or twice.
        port: the one that it listens on (with port 0 in the address the system chooses).

    Raises:
        SourceError: ``source.open``, the address or port cannot be used; from `read` ``imu.sensor`` (an unknown or
            doubled id), ``source.silent`` (nothing came).
    """

    live = True
    continuous = True

    def __init__(self, address: str, wait_ms: float = 2.0, timeout_s: float = 0.0) -> None:
        if not within(wait_ms, 0, 1000) or not within(timeout_s, 0, 1e6):
            raise SourceError("source.setting", f"Cannot wait {wait_ms!r} ms, or {timeout_s!r} s.", "Give 0 or more.")
        host, _, port = address.removeprefix("udp:").rpartition(":")
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _KERNEL_BUFFER)
            self._socket.bind((host, int(port)))
        except (OSError, ValueError, OverflowError) as error:
            self._socket.close()
            raise SourceError(
                "source.open", f"Cannot listen on {address!r} ({error}).", "Give udp:PORT or udp:HOST:PORT."
            ) from error
        self.port = int(self._socket.getsockname()[1])
        self._wait_s, self._timeout_s = wait_ms / 1e3, timeout_s
        self._next: int | None = None
        self._held: dict[int, Packet] = {}
        self._held_since = 0.0
        self._closed = Event()
        self.received = self.lost = self.recovered = self.late = self.damaged = 0

    @classmethod
    def accepts(cls, address: str) -> bool:
        return address.startswith("udp:")

    def read(self) -> ImuWindow | None:
        begun = time.monotonic()
        while not self._closed.is_set():
            window = self._due()
            if window is not None:
                return window
            self._receive()
            if self._timeout_s and not self._held and time.monotonic() - begun > self._timeout_s:
                raise SourceError(
                    "source.silent", f"No packet came in {self._timeout_s} s.", f"Do sensors send to port {self.port}?"
                )
        return None

    def _due(self) -> ImuWindow | None:
        """What is new of the next packet, if it is there, or those before it came with it or have been waited for."""
        if not self._held:
            return None
        if self._next is None:
            number, missed = min(self._held), 0
        else:
            number = min(self._held, key=self._ahead)
            missed = self._ahead(number)
        packet = self._held[number]
        if missed and packet.covers(missed):
            self.recovered += missed
        elif missed:
            if len(self._held) < _AHEAD and time.monotonic() - self._held_since < self._wait_s:
                return None
            self.lost += missed
        del self._held[number]
        self._next = (number + 1) % _WRAP
        self._held_since = time.monotonic()
        return packet.unseen(missed)

    def _ahead(self, number: int) -> int:
        """How many packets come before this one."""
        return (number - (self._next or 0)) % _WRAP

    def _receive(self) -> None:
        left = _TICK_S
        if self._held:
            left = min(left, max(self._held_since + self._wait_s - time.monotonic(), 0.0))
        try:
            self._socket.settimeout(max(left, 1e-4))
            data = self._socket.recv(LONGEST + 1)
        except TimeoutError:
            return
        except OSError as error:
            if self._closed.is_set():
                return
            raise SourceError("source.read", f"The socket fails: {error}.", "") from error
        try:
            packet = decode(data)
        except SourceError as error:
            if error.code != "imu.packet":
                raise
            self.damaged += 1
            log.debug("packet left out: %s", error)
            return
        self.received += 1
        behind = 0 if self._next is None else (self._next - packet.sequence) % _WRAP
        if 0 < behind < _AGAIN or packet.sequence in self._held:
            self.late += 1
            return
        if _AGAIN <= behind < _WRAP - _AGAIN:  # the device began again
            self._held.clear()
            self._next = packet.sequence
        if not self._held:
            self._held_since = time.monotonic()
        self._held[packet.sequence] = packet

    def close(self) -> None:
        self._closed.set()
        self._socket.close()
