"""States over a real socket: what is sent is received, and nobody who listens is no error."""

from __future__ import annotations

import socket

import numpy as np
import pytest
from mien.errors import SinkError
from mien.layouts import ARKIT52
from mien.receiver import Receiver
from mien.sinks.udp import Udp
from mien.types import FaceState


def state(t_ns: int, id: int = 0, level: float = 0.5) -> FaceState:
    values = np.full(52, level, np.float32)
    return FaceState(t_ns, id, ARKIT52, values, values, np.ones(52, np.bool_), 0.9)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_states_arrive(host: str) -> None:
    with Receiver(0, "127.0.0.1") as receiver, Udp(f"{host}:{receiver.port}") as sink:
        for k in range(10):
            sink.put([state(k * 1_000_000, 0, k / 10), state(k * 1_000_000, 1, 0.25)])
        got = [receiver.read(2) for _ in range(20)]
    assert [(s.t_ns, s.id) for s in got if s] == [(k * 1_000_000, face) for k in range(10) for face in (0, 1)]
    assert [round(float(s.values[0]), 1) for s in got if s and s.id == 0] == [k / 10 for k in range(10)]


def test_ipv6_hosts_stand_in_brackets() -> None:
    try:
        receiver = Receiver(0, "::1")
    except Exception as error:  # a machine without IPv6
        pytest.skip(f"no IPv6 here: {error}")
    with receiver, Udp(f"[::1]:{receiver.port}") as sink:
        sink.send(state(5_000))
        got = receiver.read(2)
    assert got is not None and got.t_ns == 5_000


def test_nobody_who_listens_is_no_error() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with Udp(f"127.0.0.1:{port}") as sink:
        for k in range(20):
            sink.send(state(k))
        assert sink.sent + sink.refused >= 20 and sink.bytes > 0


@pytest.mark.parametrize("address", ["", "9050", "host", "host:", ":9050", "host:0", "host:70000", "host:x", "a:-1"])
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(SinkError) as error:
        Udp(address)
    assert error.value.code == "sink.address"


def test_an_unknown_host() -> None:
    with pytest.raises(SinkError) as error:
        Udp("no-such-host.invalid:9050")
    assert error.value.code == "sink.open"


def test_faces_that_come_and_go_do_not_pile_up() -> None:
    with Receiver(0, "127.0.0.1") as receiver, Udp(f"127.0.0.1:{receiver.port}") as sink:
        for face in range(100):
            sink.send(state(face, face))
        assert len(sink._encoders) <= 16
