"""The packet of sensors on the skin: its bytes are a contract, read here by struct alone."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from mien import imu_packet
from mien.bundle import Bundle
from mien.errors import InputError, SourceError
from mien.locate import locate
from mien.types import ImuWindow

NAMES = imu_packet.sensors()
ACC, GYRO = 8 * 9.80665 / 32768, 0.0005


def window(rows: int = 2, count: int = 3) -> ImuWindow:
    counts = np.arange(rows * count * 6).reshape(rows, count, 6).astype(np.float32)
    return ImuWindow(
        1_000 + 10_000_000 * np.arange(rows), counts[..., :3] * np.float32(ACC), counts[..., 3:] * np.float32(GYRO),
        NAMES[:count],
    )  # fmt: skip


def test_the_ids_are_those_of_the_bundle_that_ships() -> None:
    with Bundle.open(locate("imu")) as bundle:
        assert [row["name"] for row in bundle.manifest.root.fields["imu"]["sensors"]] == list(NAMES)


def test_the_bytes_are_those_of_the_page() -> None:
    data = imu_packet.encode(7, window(), ACC, GYRO)
    head = struct.unpack("<4sBBBBIqIff", data[:32])
    assert head[:8] == (b"MIMU", 1, 3, 2, 0, 7, 1_000, 10_000_000)
    assert head[8:] == (pytest.approx(ACC), pytest.approx(GYRO))
    assert list(data[32:35]) == [0, 1, 2]
    assert struct.unpack("<36h", data[35:107]) == tuple(range(36))
    assert struct.unpack("<I", data[107:]) == (zlib.crc32(data[:107]),)
    assert len(data) == imu_packet.length_of(data[:32]) == 111


def test_what_is_written_is_read() -> None:
    packet = imu_packet.decode(imu_packet.encode(0xFFFFFFFF, window(), ACC, GYRO))
    assert packet.sequence == 0xFFFFFFFF
    assert packet.window.sensors == NAMES[:3]
    np.testing.assert_array_equal(packet.window.t_ns, window().t_ns)
    np.testing.assert_allclose(packet.window.acc, window().acc, rtol=1e-6)
    np.testing.assert_allclose(packet.window.gyro, window().gyro, rtol=1e-6)


def test_repeated_rows_are_a_second_version() -> None:
    data = imu_packet.encode(7, window(3), ACC, GYRO, repeated=2)
    assert data[4:8] == bytes([2, 3, 3, 2])
    packet = imu_packet.decode(data)
    assert packet.repeated == 2
    times = window(3).t_ns.tolist()
    assert [packet.unseen(missed).t_ns.tolist() for missed in range(4)] == [times[2:], times[1:], times, times]
    assert [packet.covers(missed) for missed in range(4)] == [True, True, True, False]
    np.testing.assert_allclose(packet.unseen(1).gyro, window(3).gyro[1:], rtol=1e-6)


def test_a_sensor_that_gave_nothing_stays_missing() -> None:
    given_window = window()
    given_window.gyro[1, 2, 0] = np.nan
    data = imu_packet.encode(1, given_window, ACC, GYRO)
    assert struct.unpack("<6h", data[-16:-4]) == (-32768,) * 6
    read = imu_packet.decode(data).window
    assert np.isnan(read.acc[1, 2]).all()
    assert np.isnan(read.gyro[1, 2]).all()
    assert np.isfinite(read.acc[:, :2]).all()


def test_values_beyond_the_range_saturate() -> None:
    loud = ImuWindow(np.array([5]), np.full((1, 1, 3), 1e4), np.full((1, 1, 3), -1e4), NAMES[:1])
    assert struct.unpack("<6h", imu_packet.encode(1, loud)[-16:-4]) == (32767,) * 3 + (-32767,) * 3


def sealed(body: bytes) -> bytes:
    return body + struct.pack("<I", zlib.crc32(body))


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (lambda b: b[:20], "imu.packet", "24 bytes"),
        (lambda b: b"MIMO" + b[4:], "imu.packet", "MIMU"),
        (lambda b: b[:4] + b"\3" + b[5:], "imu.packet", "version 1 or 2"),
        (lambda b: b[:7] + b"\1" + b[8:], "imu.packet", "version 1 or 2"),
        (lambda b: b[:4] + b"\2" + b[5:], "imu.packet", "repeats 0 of 2 rows"),
        (lambda b: b[:4] + b"\2" + b[5:7] + b"\2" + b[8:], "imu.packet", "repeats 2 of 2 rows"),
        (lambda b: b[:5] + b"\0" + b[6:], "imu.packet", "0 sensors"),
        (lambda b: b[:6] + b"\x41" + b[7:], "imu.packet", "65 rows"),
        (lambda b: b[:20] + bytes(4) + b[24:], "imu.packet", "0 ns apart"),
        (lambda b: b[:24] + struct.pack("<f", float("nan")) + b[28:], "imu.packet", "nan"),
        (lambda b: b[:28] + struct.pack("<f", -1.0) + b[32:], "imu.packet", "-1.0"),
        (lambda b: b[:33] + b"\x63" + b[34:], "imu.sensor", "id 99"),
        (lambda b: b[:33] + b"\2" + b[34:], "imu.sensor", "underChin) twice"),
    ],
)
def test_what_is_wrong_with_a_packet_is_said(change: object, code: str, said: str) -> None:
    body = imu_packet.encode(1, window(), ACC, GYRO)[:-4]
    with pytest.raises(SourceError) as caught:
        imu_packet.decode(sealed(change(body)))  # type: ignore[operator]
    assert caught.value.code == code
    assert said in str(caught.value)


def test_a_flipped_bit_fails_the_checksum() -> None:
    data = bytearray(imu_packet.encode(1, window(), ACC, GYRO))
    for place in range(len(data)):
        data[place] ^= 4
        with pytest.raises(SourceError):
            imu_packet.decode(bytes(data))
        data[place] ^= 4


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_read_or_refused(data: bytes, good_start: bool) -> None:
    if good_start:
        data = sealed(b"MIMU" + data)
    try:
        packet = imu_packet.decode(data)
    except SourceError as error:
        assert error.code in ("imu.packet", "imu.sensor")
    else:
        assert packet.window.acc.shape[1] == len(packet.window.sensors)


@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(1, 8))
def test_every_window_survives_the_way(data: st.DataObject, sequence: int, rows: int, count: int) -> None:
    counts = data.draw(npst.arrays(np.int16, (rows, count, 6), elements=st.integers(-32767, 32767)))
    names = tuple(data.draw(st.permutations(NAMES))[:count])
    times = 10**15 + 2_500_000 * np.arange(rows)
    values = counts.astype(np.float32)
    given_window = ImuWindow(times, values[..., :3] * np.float32(ACC), values[..., 3:] * np.float32(GYRO), names)
    packet = imu_packet.decode(imu_packet.encode(sequence, given_window, ACC, GYRO))
    assert (packet.sequence, packet.window.sensors) == (sequence, names)
    np.testing.assert_array_equal(packet.window.t_ns, times)
    np.testing.assert_allclose(packet.window.acc, given_window.acc, rtol=1e-5)
    np.testing.assert_allclose(packet.window.gyro, given_window.gyro, rtol=1e-5)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match=r"\[imu.packet\]"):
        imu_packet.encode(1, window(rows=65))
    with pytest.raises(InputError, match=r"\[imu.packet\] 2 of 2 rows are repeated"):
        imu_packet.encode(1, window(), repeated=2)
    strange = ImuWindow(np.array([1]), np.zeros((1, 1, 3)), np.zeros((1, 1, 3)), ("elbow",))
    with pytest.raises(InputError, match=r"\[imu.sensor\] The sensor 'elbow' has no id"):
        imu_packet.encode(1, strange)
