"""Sensors on the skin over a serial line: `serial:/dev/ttyUSB0?baud=921600`, in the packets of mien.imu_packet.

Packets follow each other without anything between; after a damaged one the next "MIMU" with a good checksum counts.
"""

from __future__ import annotations

import logging
import time
from threading import Event
from typing import Any

from mien._checks import within
from mien._extras import need
from mien.errors import SourceError
from mien.imu_packet import HEAD, MAGIC, decode, length_of
from mien.sources.base import Source
from mien.types import ImuWindow

log = logging.getLogger("mien")

_TICK_S = 0.05


class Serial(Source):
    """Windows as they arrive, one for each packet.

    Args:
        timeout_s: seconds without a whole packet after which `read` gives up; 0 waits for ever.

    Attributes:
        received, lost, recovered, damaged: packets so far; recovered: lost ones whose samples the next one repeated;
            damaged: places where the stream had to be taken up again.

    Raises:
        SourceError: ``source.open``, no such line or a wrong setting; from `read` ``source.read`` (it was unplugged),
            ``source.silent``, ``imu.sensor``. MissingExtraError: pyserial is not installed.
    """

    live = True
    continuous = True

    def __init__(self, address: str, timeout_s: float = 0.0) -> None:
        if not within(timeout_s, 0, 1e6):
            raise SourceError("source.setting", f"Cannot wait {timeout_s!r} s.", "Give 0 or more.")
        port, _, settings = address.removeprefix("serial:").partition("?")
        name, _, baud = settings.partition("=")
        if settings and (name != "baud" or not baud.isdecimal()):
            raise SourceError("source.open", f"{settings!r} is no setting of a serial line.", "Give ?baud=921600.")
        self._tool = need("serial", "Reading a serial line")
        try:
            self._line: Any = self._tool.Serial(port, int(baud or 921600), timeout=_TICK_S)
        except (self._tool.SerialException, ValueError, OSError) as error:
            raise SourceError(
                "source.open", f"Cannot open {port!r} ({error}).", "Check the device and your rights."
            ) from error
        self._timeout_s = timeout_s
        self._bytes = bytearray()
        self._closed = Event()
        self._next: int | None = None
        self.received = self.lost = self.recovered = self.damaged = 0

    @classmethod
    def accepts(cls, address: str) -> bool:
        return address.startswith("serial:")

    def read(self) -> ImuWindow | None:
        begun = time.monotonic()
        while not self._closed.is_set():
            window = self._packet()
            if window is not None:
                return window
            try:
                self._bytes += self._line.read(max(1, self._line.in_waiting))
            except (self._tool.SerialException, OSError, TypeError) as error:  # TypeError: closed while it reads
                if self._closed.is_set():
                    return None
                raise SourceError("source.read", f"The serial line fails: {error}.", "Was it unplugged?") from error
            if self._timeout_s and time.monotonic() - begun > self._timeout_s:
                raise SourceError("source.silent", f"No packet came in {self._timeout_s} s.", "Check the baud rate.")
        return None

    def _packet(self) -> ImuWindow | None:
        """The first whole packet of the bytes that came."""
        while True:
            start = self._bytes.find(MAGIC)
            if start < 0:
                del self._bytes[: max(len(self._bytes) - len(MAGIC) + 1, 0)]
                return None
            del self._bytes[:start]
            if len(self._bytes) < HEAD.size:
                return None
            try:
                size = length_of(bytes(self._bytes[: HEAD.size]))
                if len(self._bytes) < size:
                    return None
                packet = decode(bytes(self._bytes[:size]))
            except SourceError as error:
                if error.code != "imu.packet":
                    raise
                self.damaged += 1
                log.debug("taken up again behind a damaged packet: %s", error)
                del self._bytes[: len(MAGIC)]
                continue
            del self._bytes[:size]
            self.received += 1
            missed = 0 if self._next is None else min((packet.sequence - self._next) % (1 << 32), 1000)
            self._next = (packet.sequence + 1) % (1 << 32)
            if packet.covers(missed):
                self.recovered += missed
            else:
                self.lost += missed
            return packet.unseen(missed)

    def close(self) -> None:
        self._closed.set()
        self._line.close()
