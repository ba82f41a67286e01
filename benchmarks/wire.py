"""Ten real minutes of states over UDP, through a network that loses 5 %, doubles 1 % and lets 5 % be overtaken.

The shipped performance, seen once by the default `expression` bundle, is sent over and over at 60 states a second by
the `udp` sink; a relay in between plays the network; a `Receiver` reads. Every state that arrives is compared with what
was sent: 52 coefficients, head, gaze, action units, emotions, valence, arousal. `python -m benchmarks.wire 1`: one
minute.
"""

from __future__ import annotations

import random
import socket
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import mien
import numpy as np
from mien.locate import film
from mien.receiver import Receiver
from mien.sinks.udp import Udp
from mien.types import FaceState
from mien.wire import Decoder, Encoder

from benchmarks._report import keep, verdict

MINUTES, RATE, SEED = 10.0, 60, 5
LOST, DOUBLED, OVERTAKEN, BEHIND = 0.05, 0.01, 0.05, 3  # shares of the packets; packets that overtake one
BYTES, GAP_MS, STEP = 300, 100.0, 0.5 / 511 + 1e-6


class Relay(threading.Thread):
    """Passes datagrams on from a port of its own, as a bad network would."""

    def __init__(self, target: int) -> None:
        super().__init__(daemon=True)
        self._in = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._in.bind(("127.0.0.1", 0))
        self._in.settimeout(0.2)
        self.port = self._in.getsockname()[1]
        self._target = ("127.0.0.1", target)
        self._done = threading.Event()
        self.came = self.lost = 0

    def run(self) -> None:
        chance = random.Random(SEED)
        waiting: list[tuple[int, bytes]] = []
        while not self._done.is_set():
            try:
                datagram = self._in.recv(4096)
            except TimeoutError:
                continue
            self.came += 1
            if chance.random() < LOST:
                self.lost += 1
                continue
            if chance.random() < OVERTAKEN:
                waiting.append((self.came + chance.randint(1, BEHIND), datagram))
                continue
            due = [late for number, late in waiting if number <= self.came]
            waiting = [(number, late) for number, late in waiting if number > self.came]
            for each in (datagram, *([datagram] if chance.random() < DOUBLED else []), *due):
                self._in.sendto(each, self._target)

    def stop(self) -> None:
        """Ends it."""
        self._done.set()
        self.join()
        self._in.close()


def main() -> None:
    """Runs the measurement."""
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else MINUTES
    take = _take()
    count = round(minutes * 60 * RATE)
    came: list[float] = []
    wrong: list[int] = []

    def read(states: Iterable[FaceState]) -> None:
        # Looked at and let go: Python's collector walks through kept states, and stops every thread meanwhile.
        for state in states:
            came.append(time.monotonic())
            if not _same(state, take):
                wrong.append(state.t_ns)

    with Receiver(0, "127.0.0.1") as receiver:
        relay = Relay(receiver.port)
        relay.start()
        reader = threading.Thread(target=read, args=(receiver,))
        reader.start()
        with Udp(f"127.0.0.1:{relay.port}") as sink:
            begun = time.monotonic()
            for k in range(count):
                time.sleep(max(0.0, begun + k / RATE - time.monotonic()))
                sink.send(_at(take, k))
            size = sink.bytes
        time.sleep(0.5)
        receiver.close()
        reader.join()
        relay.stop()
    counts = receiver.counts
    gaps = np.diff(came) * 1e3
    encoding, decoding = _costs(take)
    print(f"{count} states in {minutes:g} min; {relay.came} packets, {relay.lost} lost on the way")
    print(f"{size / count:.0f} bytes a state, {size / minutes / 60 / 1e3:.1f} kB/s; {counts.repaired} states mended,")
    print(f"{counts.lost} lost for good, {counts.late} packets with nothing new, {counts.damaged} damaged")
    print(f"encoding {encoding:.0f} us, decoding {decoding:.0f} us a state")
    asked = [
        verdict("bytes of a state on the wire", size / count, BYTES, " B"),
        verdict("longest time without a new state", float(gaps.max()), GAP_MS, " ms"),
        verdict("states that differ from what was sent by more than half a step", len(wrong), 0),
    ]
    figures = {
        "minutes": minutes, "rate": RATE, "states": count, "packets": relay.came, "packets_lost": relay.lost,
        "bytes_per_state": size / count, "kilobytes_per_s": size / minutes / 60 / 1e3, "mended": counts.repaired,
        "states_lost": counts.lost, "late": counts.late, "damaged": counts.damaged, "received": len(came),
        "gap_ms": {"p99": float(np.percentile(gaps, 99)), "max": float(gaps.max())},
        "encode_us": encoding, "decode_us": decoding, "asked": asked,
    }  # fmt: skip
    print("kept", keep("wire", figures, SEED).name)


def _take() -> list[FaceState]:
    """The states of the shipped performance."""
    with mien.open("expression") as expression:
        return [states[0] for _, states in expression.stream_all(str(film())) if states]


def _at(take: Sequence[FaceState], k: int) -> FaceState:
    return replace(take[k % len(take)], t_ns=k * 16_666_000)


def _same(state: FaceState, take: Sequence[FaceState]) -> bool:
    sent = _at(take, round(state.t_ns / 16_666_000))
    pairs: list[tuple[Any, Any]] = [
        (state.values, sent.values),
        (list((state.aus or {}).values()), list((sent.aus or {}).values())),
    ]
    pairs.append((list((state.emotion or {}).values()), list((sent.emotion or {}).values())))
    return bool(
        state.t_ns == sent.t_ns
        and all(np.allclose(now, was, rtol=0, atol=STEP) for now, was in pairs)
        and np.array_equal(state.valid, sent.valid)
    )


def _costs(take: Sequence[FaceState]) -> tuple[float, float]:
    """Microseconds of encoding and of decoding a state, medians."""
    encoder, decoder = Encoder(1), Decoder()
    spent: tuple[list[float], list[float]] = ([], [])
    for k in range(2000):
        state = _at(take, k)
        begun = time.perf_counter()
        datagrams = encoder.encode(state)
        middle = time.perf_counter()
        for datagram in datagrams:
            decoder.feed(datagram)
        spent[0].append(middle - begun)
        spent[1].append(time.perf_counter() - middle)
    return float(np.median(spent[0]) * 1e6), float(np.median(spent[1]) * 1e6)


if __name__ == "__main__":
    main()
