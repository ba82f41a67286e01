"""Sensors over UDP, through real sockets: order, loss, damage, and the end."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from threading import Thread

import mien
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mien import imu_packet
from mien.errors import SourceError
from mien.types import ImuWindow

NAMES = imu_packet.sensors()[:2]


def packet(number: int, repeated: int = 0) -> bytes:
    values = np.full((1 + repeated, 2, 3), 1.0, np.float32)
    times = np.arange(number - repeated, number + 1) * 10_000_000
    return imu_packet.encode(number, ImuWindow(times, values, values, NAMES), repeated=repeated)


@pytest.fixture
def source() -> Iterator[mien.Udp]:
    opened = mien.Udp("udp:127.0.0.1:0", timeout_s=0.3)
    yield opened
    opened.close()


@pytest.fixture
def line() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        yield made


def numbers(source: mien.Udp) -> list[int]:
    """What comes until nothing does."""
    found = []
    while True:
        try:
            window = source.read()
        except SourceError as error:
            assert error.code == "source.silent"
            return found
        assert window is not None
        found += [int(t) // 10_000_000 for t in window.t_ns]


def send(line: socket.socket, source: mien.Udp, *datagrams: bytes) -> None:
    for data in datagrams:
        line.sendto(data, ("127.0.0.1", source.port))


def test_packets_come_as_windows(source: mien.Udp, line: socket.socket) -> None:
    send(line, source, packet(5))
    window = source.read()
    assert window is not None
    assert window.sensors == NAMES
    assert window.t_ns.tolist() == [50_000_000]
    assert source.live
    assert source.continuous


def test_a_packet_that_was_overtaken_comes_in_order(source: mien.Udp, line: socket.socket) -> None:
    send(line, source, *(packet(k) for k in (1, 2, 4, 3, 5)))
    assert numbers(source) == [1, 2, 3, 4, 5]
    assert (source.received, source.lost, source.late) == (5, 0, 0)


def test_a_lost_packet_is_waited_for_and_then_counted(source: mien.Udp, line: socket.socket) -> None:
    send(line, source, packet(1), packet(2))
    assert source.read() is not None
    assert source.read() is not None
    send(line, source, packet(4))
    began = time.monotonic()
    window = source.read()
    assert window is not None
    assert int(window.t_ns[0]) == 40_000_000
    assert 0.0019 <= time.monotonic() - began < 0.1
    assert source.lost == 1
    send(line, source, packet(3), packet(5))
    assert numbers(source) == [5]
    assert source.late == 1


def test_what_a_lost_packet_held_comes_with_the_next_that_repeats_it_and_at_once(line: socket.socket) -> None:
    source = mien.Udp("udp:127.0.0.1:0", wait_ms=1000, timeout_s=0.3)
    try:
        send(line, source, packet(1, 1), packet(2, 1))
        assert [window.t_ns.tolist() for _ in range(2) if (window := source.read())] == [[10_000_000], [20_000_000]]
        send(line, source, packet(4, 1))
        began = time.monotonic()
        window = source.read()
        assert window is not None
        assert window.t_ns.tolist() == [30_000_000, 40_000_000]
        assert time.monotonic() - began < 0.5
        send(line, source, packet(3, 1), packet(5, 1))
        assert numbers(source) == [5]
        assert (source.lost, source.recovered, source.late) == (0, 1, 1)
    finally:
        source.close()


def test_two_lost_in_a_row_are_more_than_one_repeated_row_brings(source: mien.Udp, line: socket.socket) -> None:
    send(line, source, packet(1, 1), packet(4, 1), packet(5, 1))
    assert numbers(source) == [1, 3, 4, 5]
    assert (source.lost, source.recovered) == (2, 0)


def test_one_that_comes_twice_is_taken_once(source: mien.Udp, line: socket.socket) -> None:
    send(line, source, packet(1), packet(2), packet(2), packet(3))
    assert numbers(source) == [1, 2, 3]
    assert source.late == 1


def test_damaged_packets_are_left_out_and_counted(source: mien.Udp, line: socket.socket) -> None:
    broken = bytearray(packet(2))
    broken[40] ^= 1
    send(line, source, packet(1), bytes(broken), b"hello", b"", packet(3))
    assert numbers(source) == [1, 3]
    assert source.damaged == 3


def test_the_numbers_may_wrap(source: mien.Udp, line: socket.socket) -> None:
    top = 2**32
    order = [top - 2, top - 1, 1, 0, 2]
    for k in order:
        values = np.ones((1, 2, 3), np.float32)
        when = (k - top if k > 9 else k) + 10
        send(line, source, imu_packet.encode(k, ImuWindow(np.array([when * 10_000_000]), values, values, NAMES)))
    assert numbers(source) == [8, 9, 10, 11, 12]
    assert source.lost == 0


def test_a_device_that_began_again_is_followed(source: mien.Udp, line: socket.socket) -> None:
    send(line, source, packet(50_000), packet(50_001), packet(0), packet(1))
    assert numbers(source) == [50_000, 50_001, 0, 1]


def test_an_unknown_sensor_is_said(source: mien.Udp, line: socket.socket) -> None:
    names = [f"s{k}" for k in range(40)]
    values = np.ones((1, 1, 3), np.float32)
    send(line, source, imu_packet.encode(1, ImuWindow(np.array([1]), values, values, ("s39",)), names=names))
    with pytest.raises(SourceError, match=r"\[imu.sensor\] A packet holds the sensor id 39"):
        source.read()


def test_a_close_ends_a_read_in_another_thread(line: socket.socket) -> None:
    source = mien.Udp("udp:127.0.0.1:0")
    found: list[object] = []
    reader = Thread(target=lambda: found.append(source.read()))
    reader.start()
    time.sleep(0.05)
    source.close()
    reader.join(2)
    assert not reader.is_alive()
    assert found == [None]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations(range(8)), st.sets(st.integers(0, 7), max_size=3), st.integers(0, 2))
def test_whatever_the_network_does_time_only_goes_forward(
    line: socket.socket, order: list[int], lost: set[int], repeated: int
) -> None:
    source = mien.Udp("udp:127.0.0.1:0", timeout_s=0.05)
    try:
        send(line, source, *(packet(k, repeated) for k in order if k not in lost))
        found = numbers(source)
        assert found == sorted(set(found))
        assert source.received == 8 - len(lost)
        if not repeated:
            assert len(found) + source.late == source.received
    finally:
        source.close()


def test_a_stream_takes_every_window(source: mien.Udp, line: socket.socket) -> None:
    windows = [w for w in iter(mien.Simulator("sim:imu12?seconds=3").read, None) if isinstance(w, ImuWindow)]
    with mien.open("imu", threads=1) as pipeline, pytest.raises(SourceError, match=r"source.silent"):
        stream = pipeline.stream(source)
        send(line, source, *(imu_packet.encode(k, w) for k, w in enumerate(windows)))
        for state in stream:
            last = state
    assert pipeline.report().frames_out == len(windows)
    assert pipeline.report().dropped == 0
    assert last.found


@pytest.mark.parametrize("address", ["udp:nowhere.invalid:9", "udp:70000", "udp:", "udp:127.0.0.1:x"])
def test_an_address_that_cannot_be_is_refused(address: str) -> None:
    with pytest.raises(SourceError, match=r"\[source.open\]"):
        mien.Udp(address)


def test_a_port_that_is_taken_is_refused(source: mien.Udp) -> None:
    with pytest.raises(SourceError, match=r"\[source.open\]"):
        mien.Udp(f"udp:127.0.0.1:{source.port}")


def test_an_impossible_wait_is_refused() -> None:
    with pytest.raises(SourceError, match=r"\[source.setting\]"):
        mien.Udp("udp:0", wait_ms=-1)
