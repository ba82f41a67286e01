"""An identity arrives whole through a network that loses, doubles, reorders and damages, or does not arrive at all."""

from __future__ import annotations

import random
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mien.errors import InputError
from mien.wire_identity import LARGEST, Collector, Offer

SECOND = 1_000_000_000


def talk(identity: bytes, collector: Collector, rng: random.Random, loss: float, seconds: float = 20) -> int:
    """60 exchanges a second over a lossy network; how many bytes the sender sent until the identity was there."""
    offer, sent, late = Offer(identity), 0, []
    requests: list[bytes] = []
    for tick in range(int(seconds * 60)):
        now = tick * SECOND // 60
        out = [*offer.due(now), *(piece for request in requests for piece in offer.answer(request))]
        sent += sum(map(len, out))
        requests = []
        for datagram in [*late, *out]:
            late = []
            if rng.random() < loss:
                continue
            for each in [datagram] * (1 + (rng.random() < loss)):
                if rng.random() < loss:
                    late.append(each)
                elif (request := collector.feed(each, now)) and rng.random() >= loss:
                    requests.append(request)
        if collector.identity == identity:
            break
    return sent


@settings(max_examples=40, deadline=None)
@given(size=st.integers(1, 300_000), loss=st.sampled_from([0.0, 0.05, 0.3]), seed=st.integers(0, 1000))
def test_it_arrives_whole(size: int, loss: float, seed: int) -> None:
    rng = random.Random(seed)
    identity = rng.randbytes(size)
    collector = Collector()
    talk(identity, collector, rng, loss)
    assert collector.identity == identity


def test_each_piece_is_sent_once_where_nothing_is_lost() -> None:
    identity = random.Random(1).randbytes(200_000)
    collector = Collector()
    sent = talk(identity, collector, random.Random(2), 0.0)
    assert collector.identity == identity
    assert sent < 1.05 * len(identity)


def test_a_new_identity_takes_the_place_of_the_old() -> None:
    collector, rng = Collector(), random.Random(3)
    for _ in range(2):
        identity = rng.randbytes(5000)
        talk(identity, collector, rng, 0.0)
        assert collector.identity == identity


def test_the_packets_are_those_of_the_page() -> None:
    """Read with nothing but the module's text."""
    identity = bytes(range(256)) * 9
    (offer,) = Offer(identity).due(0)
    checksum, size = zlib.crc32(identity), len(identity)
    head = b"MNID" + struct.pack("<BBHIII", 1, 0, 0, checksum, size, 0)
    assert offer == head + struct.pack("<I", zlib.crc32(head))
    ask = b"MNID" + struct.pack("<BBHIII", 1, 1, 0, checksum, size, 0)
    body = struct.pack("<2H", 0, 2)
    first, last = Offer(identity).answer(ask + struct.pack("<I", zlib.crc32(ask + body)) + body)
    assert first[24:] == identity[:1100]
    assert last[24:] == identity[2200:]
    assert struct.unpack_from("<I", last, 16) == (2,)


@given(noise=st.binary(max_size=1400))
def test_strangers_are_ignored(noise: bytes) -> None:
    collector, offer = Collector(), Offer(b"me")
    for datagram in (noise, b"MNID" + noise):
        assert collector.feed(datagram, 0) is None
        assert offer.answer(datagram) == []
    assert collector.identity is None


@given(place=st.integers(0, 27), bit=st.integers(0, 7))
def test_a_damaged_packet_is_none(place: int, bit: int) -> None:
    (packet,) = Offer(b"me").due(0)
    broken = bytearray(packet)
    broken[place % len(broken)] ^= 1 << bit
    assert Collector().feed(bytes(broken), 0) is None


def test_an_offer_of_more_than_fits_is_not_asked_for() -> None:
    head = b"MNID" + struct.pack("<BBHIII", 1, 0, 0, 7, LARGEST + 1, 0)
    assert Collector().feed(head + struct.pack("<I", zlib.crc32(head)), 0) is None


@pytest.mark.parametrize("size", [0, LARGEST + 1])
def test_what_cannot_be_sent_is_named(size: int) -> None:
    with pytest.raises(InputError, match=r"wire\.identity"):
        Offer(bytes(size))
