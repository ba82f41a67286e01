"""Sensors over a serial line: a pseudo terminal stands for the cable."""

from __future__ import annotations

import os
import sys
import tty
from collections.abc import Iterator

import mien
import numpy as np
import pytest
from mien import imu_packet
from mien.errors import MissingExtraError, SourceError
from mien.types import ImuWindow

NAMES = imu_packet.sensors()[:2]


def packet(number: int) -> bytes:
    values = np.full((1, 2, 3), 1.0, np.float32)
    return imu_packet.encode(number, ImuWindow(np.array([number * 10_000_000]), values, values, NAMES))


@pytest.fixture
def cable() -> Iterator[tuple[int, mien.Serial]]:
    pytest.importorskip("serial")
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    source = mien.Serial(f"serial:{os.ttyname(theirs)}?baud=115200", timeout_s=0.3)
    yield ours, source
    source.close()
    os.close(ours)
    os.close(theirs)


def numbers(source: mien.Serial) -> list[int]:
    found = []
    while True:
        try:
            window = source.read()
        except SourceError as error:
            assert error.code == "source.silent"
            return found
        assert window is not None
        found.append(int(window.t_ns[0]) // 10_000_000)


def test_packets_are_found_in_the_stream(cable: tuple[int, mien.Serial]) -> None:
    ours, source = cable
    data = b"noise" + packet(1) + packet(2) + packet(4)
    for k in range(0, len(data), 7):
        os.write(ours, data[k : k + 7])
    assert numbers(source) == [1, 2, 4]
    assert (source.received, source.lost, source.damaged) == (3, 1, 0)


def test_what_a_lost_packet_held_comes_with_one_that_repeats_it(cable: tuple[int, mien.Serial]) -> None:
    ours, source = cable
    for number in (1, 3):
        values = np.ones((2, 2, 3), np.float32)
        times = np.array([number - 1, number]) * 10_000_000
        os.write(ours, imu_packet.encode(number, ImuWindow(times, values, values, NAMES), repeated=1))
    windows = [source.read(), source.read()]
    assert [window.t_ns.tolist() for window in windows if window] == [[10_000_000], [20_000_000, 30_000_000]]
    assert (source.lost, source.recovered) == (0, 1)


def test_after_damage_the_stream_is_taken_up_again(cable: tuple[int, mien.Serial]) -> None:
    ours, source = cable
    broken = bytearray(packet(2))
    broken[50] ^= 1
    os.write(ours, packet(1) + bytes(broken) + b"MIMU" + packet(3))
    assert numbers(source) == [1, 3]
    assert source.damaged >= 2


def test_a_line_that_is_not_there_is_refused() -> None:
    pytest.importorskip("serial")
    with pytest.raises(SourceError, match=r"\[source.open\]"):
        mien.Serial("serial:/dev/none")


@pytest.mark.parametrize("address", ["serial:/dev/x?speed=9", "serial:/dev/x?baud=fast"])
def test_a_wrong_setting_is_refused(address: str) -> None:
    with pytest.raises(SourceError, match=r"baud=921600"):
        mien.Serial(address)


def test_without_pyserial_the_command_to_install_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "serial", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'mien\[serial\]'"):
        mien.Serial("serial:/dev/ttyUSB0")
