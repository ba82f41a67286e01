"""A receiver on a real socket, behind a network that loses, doubles and reorders."""

from __future__ import annotations

import random
import socket
import threading
import time

import numpy as np
import pytest
from mien.errors import SourceError
from mien.layouts import ARKIT52
from mien.receiver import Receiver
from mien.types import FaceState
from mien.wire import Encoder


def state(k: int) -> FaceState:
    values = np.full(52, k % 100 / 100, np.float32)
    return FaceState(k * 16_000_000, 0, ARKIT52, values, values, np.ones(52, np.bool_), 0.9)


def test_a_bad_network_costs_no_state_and_no_order() -> None:
    rng = random.Random(3)
    datagrams = [d for encoder in (Encoder(),) for k in range(600) for d in encoder.encode(state(k))]
    late: list[bytes] = []
    with Receiver(0, "127.0.0.1") as receiver, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        got: list[FaceState] = []
        for place, datagram in enumerate(datagrams):
            if place and rng.random() < 0.05:
                continue
            if place and rng.random() < 0.05:
                late.append(datagram)
                continue
            for each in (datagram, *late):
                out.sendto(each, ("127.0.0.1", receiver.port))
            late.clear()
            while (now := receiver.read(0.002)) is not None:
                got.append(now)
        while (now := receiver.read(0.2)) is not None:
            got.append(now)
    times = [s.t_ns for s in got]
    assert times == sorted(set(times))
    assert receiver.counts.repaired > 20
    assert len(got) >= 600 - receiver.counts.lost - 2 and receiver.counts.lost <= 8
    for each in got:
        assert float(each.values[0]) == pytest.approx(each.t_ns // 16_000_000 % 100 / 100, abs=2e-3)


def test_silence_ends_a_read_in_its_time() -> None:
    with Receiver(0, "127.0.0.1") as receiver:
        begun = time.monotonic()
        assert receiver.read(0.2) is None
        assert 0.15 < time.monotonic() - begun < 5


def test_closing_ends_a_read_in_another_thread() -> None:
    receiver = Receiver(0, "127.0.0.1")
    seen: list[list[FaceState]] = []
    thread = threading.Thread(target=lambda: seen.append(list(receiver)))
    thread.start()
    time.sleep(0.1)
    receiver.close()
    thread.join(5)
    assert not thread.is_alive() and seen == [[]]


def test_a_port_that_is_taken() -> None:
    with Receiver(0, "127.0.0.1") as receiver, pytest.raises(SourceError) as error:
        Receiver(receiver.port, "127.0.0.1")
    assert error.value.code == "source.open"


@pytest.mark.parametrize(("port", "host"), [(70_000, "127.0.0.1"), (-1, "127.0.0.1"), (0, "no-such-host.invalid")])
def test_what_cannot_be_listened_on(port: int, host: str) -> None:
    with pytest.raises(SourceError) as error:
        Receiver(port, host)
    assert error.value.code == "source.open"


def test_noise_on_the_port_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    with Receiver(0, "127.0.0.1") as receiver, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        for size in (0, 1, 30, 500, 1200, 1500, 9000):
            out.sendto(rng.bytes(size), ("127.0.0.1", receiver.port))
        for datagram in Encoder().encode(state(7)):
            out.sendto(datagram, ("127.0.0.1", receiver.port))
        got = receiver.read(2)
    assert got is not None and got.t_ns == state(7).t_ns
    assert receiver.counts.damaged == 6
