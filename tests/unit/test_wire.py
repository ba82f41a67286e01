"""The packets of states: what is measured arrives, what is lost is mended, and nothing a network does can hurt."""

from __future__ import annotations

import json
import random
import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mien.errors import InputError
from mien.layouts import ARKIT52
from mien.types import FaceState, HeadPose, no_face
from mien.wire import LARGEST, Columns, Decoder, Encoder

HEAD = struct.Struct("<4sBBBxIIIq")


def state(k: int, seed: int = 0) -> FaceState:
    """The k-th of a smooth take at 60 frames per second."""
    rng = np.random.default_rng(seed)
    phase, speed = rng.uniform(0, 6.28, 52), rng.uniform(0.2, 3, 52)
    values = np.clip(np.sin(phase + speed * k / 60), 0, 1).astype(np.float32)
    turn = np.array([0.1 * np.sin(k / 40), 0.2 * np.cos(k / 50), 0.05, 1])
    x, y, z, w = (turn / np.linalg.norm(turn)).tolist()
    gaze = np.array([[0.1, 0.05, 0.99], [-0.02, 0.05, 0.99]], np.float32)
    gaze /= np.linalg.norm(gaze, axis=1, keepdims=True)
    return FaceState(
        1_000_000 * (1000 + k * 16), 3, ARKIT52, values, values, rng.random(52) > 0.2, 0.87,
        head=HeadPose((x, y, z, w), (0.02, -0.01, -0.55), 0.3), gaze=gaze, aus={"AU1": 0.25, "AU12": 0.75},
        emotion={"happiness": 0.9}, valence=-0.5, arousal=0.25, unknown=0.1, extras={"tongueUp": float("nan")},
    )  # fmt: skip


def sent(count: int, copies: int = 1, seed: int = 0) -> list[bytes]:
    """The first description, then a packet for each state."""
    encoder = Encoder(7, copies)
    described, first = encoder.encode(state(0, seed))
    return [described, first, *(encoder.encode(state(k, seed))[-1] for k in range(1, count))]


def times(states: list[FaceState]) -> list[int]:
    return [each.t_ns for each in states]


def test_what_was_measured_arrives_within_a_step() -> None:
    decoder, encoder = Decoder(), Encoder()
    for k in range(5):
        was = state(k)
        (now,) = [s for d in encoder.encode(was) for s in decoder.feed(d)]
        assert (now.t_ns, now.id, now.stale, now.layout) == (was.t_ns, 3, False, ARKIT52)
        np.testing.assert_allclose(now.values, was.values, atol=0.5 / 511 + 1e-6)
        assert np.array_equal(now.valid, was.valid)
        assert now.head is not None and was.head is not None and now.gaze is not None and was.gaze is not None
        np.testing.assert_allclose(now.head.rotation, was.head.rotation, atol=1e-4)
        np.testing.assert_allclose(now.head.translation, was.head.translation, atol=0.00026)
        np.testing.assert_allclose(now.gaze, was.gaze, atol=1e-4)
        assert now.aus == pytest.approx(was.aus, abs=2e-3) and now.emotion == pytest.approx(was.emotion, abs=2e-3)
        assert (now.valence, now.arousal) == (-0.5, 0.25)
        assert now.unknown == pytest.approx(0.1, abs=2e-3) and now.confidence == pytest.approx(0.87, abs=2e-3)
        assert now.extras is not None and np.isnan(now.extras["tongueUp"])


def test_what_was_not_measured_stays_unmeasured() -> None:
    decoder = Decoder()
    (now,) = [s for d in Encoder().encode(no_face(-5_000, ARKIT52, stale=True)) for s in decoder.feed(d)]
    assert (now.t_ns, now.id, now.stale, now.found) == (-5_000, -1, True, False)
    assert now.head is now.gaze is now.aus is now.emotion is now.valence is now.arousal is now.extras is None
    assert not now.valid.any()


def test_a_packet_can_be_read_with_nothing_but_the_page() -> None:
    described, packet = Encoder(42).encode(state(0))
    for datagram, kind in ((described, 1), (packet, 0)):
        magic, version, is_kind, states, stream, sequence, names, t_ns = HEAD.unpack_from(datagram)
        assert (magic, version, is_kind, states) == (b"MNFS", 1, kind, 1 - kind)
        assert (stream, sequence, t_ns) == (42, 0, 1_000_000_000)
        (checksum,) = struct.unpack_from("<I", datagram, HEAD.size)
        assert checksum == zlib.crc32(datagram[: HEAD.size] + datagram[HEAD.size + 4 :])
    told = zlib.decompress(described[HEAD.size + 4 :], -15)
    assert zlib.crc32(told) == names
    assert json.loads(told) == {
        "layout": "arkit52", "extras": ["tongueUp"], "aus": ["AU1", "AU12"], "emotion": ["happiness"],
    }  # fmt: skip
    body = zlib.decompress(packet[HEAD.size + 4 :], -15)
    half = len(body) // 2
    numbers = [low | high << 8 for low, high in zip(body[:half], body[half:], strict=True)]
    numbers = [-(n >> 1) - 1 if n & 1 else n >> 1 for n in numbers]
    assert numbers[0] == 3 and numbers[2] == round(0.87 * 511)
    assert sum((n & 0xFFFF) << 16 * k for k, n in enumerate(numbers[3:7])) == 1_000_000
    assert numbers[20] == round(float(state(0).values[0]) * 511)
    assert numbers[20 + 52 : 20 + 56] == [-32768, round(0.25 * 511), round(0.75 * 511), round(0.9 * 511)]
    flags = "".join(f"{n & 0xFFFF:016b}" for n in numbers[76:])[:52]
    assert [bit == "1" for bit in flags] == state(0).valid.tolist()


def test_a_stream_takes_less_than_300_bytes_a_frame() -> None:
    encoder = Encoder()
    datagrams = [datagram for k in range(600) for datagram in encoder.encode(state(k))]
    assert sum(map(len, datagrams)) / 600 < 300
    assert max(map(len, datagrams)) <= LARGEST


@pytest.mark.parametrize("gap", [1, 2, 5])
def test_as_many_packets_in_a_row_may_be_lost_as_earlier_states_go_along(gap: int) -> None:
    described, *packets = sent(20, gap)
    del packets[5 : 5 + gap]
    decoder = Decoder()
    states = [s for d in [described, *packets] for s in decoder.feed(d)]
    assert times(states) == [state(k).t_ns for k in range(20)]
    assert (decoder.repaired, decoder.lost) == (gap, 0)
    np.testing.assert_allclose(states[5].values, state(5).values, atol=1.1e-3)


def test_what_more_lost_packets_take_along_is_counted() -> None:
    described, *packets = sent(20)
    del packets[5:8]
    decoder = Decoder()
    states = [s for d in [described, *packets] for s in decoder.feed(d)]
    assert times(states) == [state(k).t_ns for k in range(20) if k not in (5, 6)]
    assert (decoder.repaired, decoder.lost) == (1, 2)


def test_without_copies_a_lost_packet_is_a_lost_state() -> None:
    described, *packets = sent(10, copies=0)
    decoder = Decoder()
    states = [s for d in [described, *packets[:4], *packets[5:]] for s in decoder.feed(d)]
    assert len(states) == 9 and (decoder.repaired, decoder.lost) == (0, 1)


@settings(max_examples=50)
@given(st.integers(0, 10_000))
def test_lost_doubled_and_overtaken_packets_give_each_state_once_and_in_order(seed: int) -> None:
    rng = random.Random(seed)
    described, *packets = sent(60)
    kept = [(k + rng.choice([0, 0, 0, 1.5, 2.5]), p) for k, p in enumerate(packets) if rng.random() > 0.05]
    kept += [(place + rng.random() * 4, p) for place, p in kept if rng.random() < 0.05]
    decoder = Decoder()
    got = times([s for d in [described, *(p for _, p in sorted(kept))] for s in decoder.feed(d)])
    assert got == sorted(set(got))
    assert len(got) + decoder.lost in range(got.index(got[-1]) + 1, 61)
    assert decoder.damaged == 0


@settings(max_examples=300)
@given(st.binary(max_size=1400))
def test_noise_is_counted_and_nothing_else(data: bytes) -> None:
    decoder = Decoder()
    assert decoder.feed(data) == [] and decoder.damaged == 1


@settings(max_examples=200)
@given(st.integers(0, 1), st.data())
def test_a_changed_byte_never_becomes_a_state(which: int, data: st.DataObject) -> None:
    pair = sent(1)
    place, bit = data.draw(st.integers(0, len(pair[which]) - 1)), data.draw(st.integers(0, 7))
    changed = bytearray(pair[which])
    changed[place] ^= 1 << bit
    decoder = Decoder()
    for datagram in pair[:which]:
        decoder.feed(datagram)
    assert decoder.feed(bytes(changed)) == [] and decoder.damaged == 1


def packed(kind: int, states: int, described: int, body: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = packer.compress(body) + packer.flush()
    head = HEAD.pack(b"MNFS", 1, kind, states, 7, 0, described, 0)
    return head + struct.pack("<I", zlib.crc32(head + body)) + body


@pytest.mark.parametrize(
    "description",
    [
        b"", b"[]", b"nothing", b'{"layout": 3}', b"\xff", b"[" * 5000, b'{"layout":"arkit52"}',
        b'{"layout":"no","extras":[],"aus":[],"emotion":[]}',
        b'{"layout":"arkit52","extras":[1],"aus":[],"emotion":[]}',
    ],
)  # fmt: skip
def test_a_description_that_describes_nothing_is_damage(description: bytes) -> None:
    decoder = Decoder()
    assert decoder.feed(packed(1, 0, zlib.crc32(description), description)) == []
    assert decoder.damaged == 1


def test_bodies_of_another_length_and_bombs_are_damage() -> None:
    described = sent(1)[0]
    names = HEAD.unpack_from(described)[6]
    decoder = Decoder()
    decoder.feed(described)
    for states, body in ((1, b"12"), (0, b""), (200, b"\0" * (1 << 20)), (2, b"\0" * 160)):
        assert decoder.feed(packed(0, states, names, body)) == []
    assert decoder.damaged == 4


def test_states_wait_for_their_description_and_get_it_soon() -> None:
    decoder = Decoder()
    encoder = Encoder()
    datagrams = [datagram for k in range(150) for datagram in encoder.encode(state(k))]
    states = [s for d in datagrams[1:] for s in decoder.feed(d)]
    assert states[0].t_ns - state(0).t_ns <= 250_000_000 + 16_000_000
    assert decoder.unnamed > 0 and len(states) == 150 - decoder.unnamed


def test_new_names_are_told_at_once() -> None:
    encoder, decoder = Encoder(), Decoder()
    other = replace(state(1), emotion=None)
    states = [s for each in (state(0), other) for d in encoder.encode(each) for s in decoder.feed(d)]
    assert [s.emotion is None for s in states] == [False, True]


def test_faces_that_share_a_port_do_not_mix() -> None:
    left, right, decoder = Encoder(1), Encoder(2), Decoder()
    for k in range(5):
        for encoder, shown in ((left, state(k)), (right, replace(state(k, 1), id=4))):
            (now,) = [s for d in encoder.encode(shown) for s in decoder.feed(d)]
            assert now.id == shown.id
            np.testing.assert_allclose(now.values, shown.values, atol=1.1e-3)


def test_a_sender_that_begins_again_is_heard_at_once() -> None:
    decoder = Decoder()
    for d in sent(30):
        decoder.feed(d)
    encoder = Encoder(7)
    encoder._sequence = 1_000_000
    assert [s.t_ns for d in encoder.encode(state(50)) for s in decoder.feed(d)] == [state(50).t_ns]


def test_ten_thousand_senders_leave_no_trace() -> None:
    decoder = Decoder()
    for stream in range(10_000):
        decoder.feed(Encoder(stream).encode(state(0))[0])
    assert len(decoder._streams) <= 16


@pytest.mark.parametrize("copies", [-1, 9])
def test_impossible_numbers_of_copies(copies: int) -> None:
    with pytest.raises(InputError, match=r"wire\.copies"):
        Encoder(copies=copies)


def test_more_names_than_a_datagram_holds() -> None:
    rng = np.random.default_rng(0)
    extras = {f"extra{k}": float(v) for k, v in enumerate(rng.random(2000))}
    with pytest.raises(InputError, match=r"wire\.large"):
        Encoder().encode(replace(state(0), extras=extras))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
def test_values_beyond_all_measure_do_not_spoil_the_others(value: float) -> None:
    spoilt = state(0).values.copy()
    spoilt[0] = value
    decoder = Decoder()
    (now,) = [s for d in Encoder().encode(replace(state(0), values=spoilt)) for s in decoder.feed(d)]
    assert np.isfinite(now.values).all()
    np.testing.assert_allclose(now.values[1:], state(0).values[1:], atol=1.1e-3)


def test_columns_say_how_many_they_are() -> None:
    columns = Columns.of(state(0))
    assert len(columns) == len(columns.pack(state(0)))
