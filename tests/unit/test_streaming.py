"""mien.streaming: a bounded queue between the reader's thread and the consumer, with a drop policy and exact counts."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from itertools import count
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mien.errors import InputError, SourceError
from mien.sources.base import Source
from mien.streaming import POLICIES, FrameQueue, frames
from mien.types import Frame

PICTURE = np.zeros((2, 2, 3), np.uint8)
STOP_S = 0.5  # the promise is 0.1 s; a busy machine gets more


def frame(t_ns: int) -> Frame:
    return Frame.of(PICTURE, t_ns=t_ns)


class Script(Source):
    """Delivers frames 0, 1, 2 ... up to `length`, then ends or raises; endless without a length."""

    def __init__(self, length: int | None = None, error: Exception | None = None, pause_s: float = 0) -> None:
        self._times = iter(range(length)) if length is not None else count()
        self._error, self._pause_s = error, pause_s
        self.reads = 0

    @classmethod
    def accepts(cls, address: str) -> bool:
        return False

    def read(self) -> Frame | None:
        self.reads += 1
        time.sleep(self._pause_s)
        t_ns = next(self._times, None)
        if t_ns is None and self._error:
            raise self._error
        return None if t_ns is None else frame(t_ns)


def wait_for(condition: Any) -> None:
    limit = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < limit, "waited for ten seconds"
        time.sleep(0.001)


def readers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "mien-reader"]


EXPECTED = {"oldest": [8, 9], "newest": [0, 1]}


@pytest.mark.parametrize("drop", EXPECTED)
def test_a_full_queue_drops_by_its_policy_and_counts(drop: str) -> None:
    queue = FrameQueue(drop, 2)
    assert all(queue.put(frame(t)) for t in range(10))
    assert (queue.received, queue.delivered, queue.dropped, queue.waiting()) == (10, 0, 8, 2)
    queue.end()
    kept = [got.t_ns for got in iter(queue.get, None)]
    assert kept == EXPECTED[drop]
    assert (queue.received, queue.delivered, queue.dropped, queue.waiting()) == (10, 2, 8, 0)


def test_block_makes_the_source_wait_and_drops_nothing() -> None:
    queue, source = FrameQueue("block", 2), Script(50)
    stream = frames(source, queue)
    assert next(stream).t_ns == 0
    wait_for(lambda: source.reads == 4)  # one taken, two wait, one in the reader's hand
    time.sleep(0.02)
    assert source.reads == 4
    assert [got.t_ns for got in stream] == list(range(1, 50))
    assert (queue.received, queue.delivered, queue.dropped) == (50, 50, 0)


@given(drop=st.sampled_from(["oldest", "newest"]), size=st.integers(1, 5), steps=st.lists(st.booleans(), max_size=60))
def test_received_is_delivered_and_dropped_and_waiting_at_every_moment(drop: str, size: int, steps: list[bool]) -> None:
    queue, times, got = FrameQueue(drop, size), count(), []
    for put in steps:
        if put:
            queue.put(frame(next(times)))
        elif queue.waiting():
            taken = queue.get()
            assert taken is not None
            got.append(taken.t_ns)
        assert queue.received == queue.delivered + queue.dropped + queue.waiting()
        assert queue.waiting() <= size
    assert got == sorted(set(got))


@pytest.mark.parametrize("drop", POLICIES)
def test_a_source_twice_as_fast_as_its_consumer_is_counted_exactly(drop: str) -> None:
    queue, source = FrameQueue(drop, 3), Script(100, pause_s=0.001)
    got = []
    for taken in frames(source, queue):
        got.append(taken.t_ns)
        assert queue.waiting() <= 3
        time.sleep(0.002)
    assert got == sorted(set(got))
    assert queue.received == 100
    assert queue.delivered == len(got)
    assert queue.received == queue.delivered + queue.dropped
    assert (queue.dropped > 0) == (drop != "block")


@pytest.mark.parametrize("drop", POLICIES)
def test_an_endless_source_is_left_at_once(drop: str) -> None:
    queue = FrameQueue(drop, 2)
    stream = frames(Script(), queue)
    assert [next(stream).t_ns >= 0 for _ in range(5)] == [True] * 5
    start = time.monotonic()
    stream.close()  # type: ignore[attr-defined]
    assert time.monotonic() - start < STOP_S
    wait_for(lambda: not readers())
    assert queue.received == queue.delivered + queue.dropped + queue.waiting()


def test_a_consumer_that_raises_stops_the_reader() -> None:
    def consume() -> None:
        for _ in frames(Script(), FrameQueue("block", 2)):
            raise KeyError

    with pytest.raises(KeyError):
        consume()
    wait_for(lambda: not readers())


def test_a_source_that_sits_in_its_read_does_not_hold_up_the_stop() -> None:
    stream = frames(Script(pause_s=0.8), FrameQueue("block", 2))
    next(stream)
    start = time.monotonic()
    stream.close()  # type: ignore[attr-defined]
    assert time.monotonic() - start < STOP_S
    wait_for(lambda: not readers())


def test_what_the_source_raises_comes_after_the_frames_before_it() -> None:
    got: list[int] = []
    with pytest.raises(SourceError) as raised:
        stream = frames(Script(7, SourceError("camera.lost", "gone")), FrameQueue("block", 2))
        got.extend(taken.t_ns for taken in stream)
    assert raised.value.code == "camera.lost"
    assert got == list(range(7))


def test_any_exception_of_a_source_reaches_the_consumer() -> None:
    with pytest.raises(ZeroDivisionError):
        list(frames(Script(0, ZeroDivisionError()), FrameQueue("oldest", 2)))


def test_nothing_is_read_before_the_first_frame_is_asked_for() -> None:
    source = Script()
    stream = frames(source, FrameQueue("block", 2))
    time.sleep(0.02)
    assert source.reads == 0
    stream.close()  # type: ignore[attr-defined]
    assert not readers()


def test_a_closed_queue_takes_nothing_more() -> None:
    queue = FrameQueue("block", 1)
    queue.end()
    assert not queue.put(frame(0))
    assert queue.get() is None
    assert queue.received == 0


def test_a_reader_that_waits_for_room_is_released_by_the_end() -> None:
    queue = FrameQueue("block", 1)
    queue.put(frame(0))
    answers: list[bool] = []
    waiting = threading.Thread(target=lambda: answers.append(queue.put(frame(1))))
    waiting.start()
    queue.end()
    waiting.join(5)
    assert answers == [False]


@pytest.mark.parametrize(
    ("drop", "size", "code"),
    [
        ("random", 2, "stream.drop"),
        (None, 2, "stream.drop"),
        ("block", 0, "stream.queue"),
        ("block", -1, "stream.queue"),
        ("block", 1.5, "stream.queue"),
        ("block", "2", "stream.queue"),
    ],
)
def test_an_impossible_queue_is_refused(drop: Any, size: Any, code: str) -> None:
    with pytest.raises(InputError) as refused:
        FrameQueue(drop, size)
    assert refused.value.code == code


class Slow(Source):
    """Takes its time for each frame, and notes how many threads are inside."""

    def __init__(self) -> None:
        self.inside = self.most = self.read_so_far = 0

    @classmethod
    def accepts(cls, address: str) -> bool:
        return False

    def read(self) -> Frame | None:
        self.inside += 1
        self.most = max(self.most, self.inside)
        time.sleep(0.15)
        self.inside -= 1
        self.read_so_far += 1
        return Frame.of(np.zeros((2, 2), np.uint8), t_ns=self.read_so_far)


def test_a_new_reader_waits_for_the_one_that_still_sits_in_the_source() -> None:
    source = Slow()
    for _ in range(2):
        taken = frames(source, FrameQueue("block", 1))
        next(taken)
        taken.close()
    assert source.most == 1


@pytest.mark.parametrize("drop", ["oldest", "block"])
def test_a_program_ends_well_with_a_stream_still_open(drop: str, tmp_path: Path) -> None:
    """A reader inside OpenCV at the end of the interpreter used to abort the process."""
    video = tmp_path / "a.avi"
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter_fourcc(*"MJPG"), 30, (320, 240))
    for k in range(40):
        writer.write(np.full((240, 320, 3), k, np.uint8))
    writer.release()
    program = (
        "import sys, mien\n"
        "from mien.streaming import FrameQueue, frames\n"
        "taken = frames(mien.Camera(sys.argv[1], retry_s=0.001), FrameQueue(sys.argv[2], 2))\n"
        "for k, frame in enumerate(taken):\n"
        "    if k == 20: break\n"
    )
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", program, str(video), drop], capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr.decode()[-2000:]
