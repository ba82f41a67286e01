"""mien.pipeline: stream(), from a source through a bounded queue to states, as the frames come."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import ClassVar

import mien
import numpy as np
import pytest
from mien.errors import InputError, SourceError, TimestampError
from mien.pipeline import Pipeline
from mien.sources.base import Source
from mien.types import Frame
from models import MS, blocks

STOP_S = 0.5


def moving() -> Iterator[Frame]:
    """An endless walk of one face through the frame."""
    return (blocks((1 + step // 4 % 6, 2), t_ns=step * MS) for step in count())


class Live(Source):
    """Frames by the clock, whether or not somebody reads."""

    live: ClassVar[bool] = True

    def __init__(self, frames: Iterator[Frame]) -> None:
        self._frames = frames
        self.closed = False

    @classmethod
    def accepts(cls, address: str) -> bool:
        return False

    def read(self) -> Frame | None:
        time.sleep(0.001)
        return next(self._frames, None)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def face(blocks_bundle: Path) -> Pipeline:
    return mien.open(blocks_bundle)


def wait_for_readers() -> None:
    limit = time.monotonic() + 10
    while any(thread.name == "mien-reader" for thread in threading.enumerate()):
        assert time.monotonic() < limit
        time.sleep(0.001)


def test_every_frame_of_a_file_like_source_comes_out_in_order(face: Pipeline) -> None:
    states = list(face.stream([blocks((1, 1), t_ns=t) for t in range(40)]))
    assert [state.t_ns for state in states] == list(range(40))
    report = face.report()
    assert (report.frames_in, report.frames_out, report.dropped) == (40, 40, 0)


def test_stream_all_gives_each_frame_with_all_its_faces(blocks_bundle: Path) -> None:
    given = [blocks(*[(1, 1), (6, 6)][:faces], t_ns=faces) for faces in range(3)]
    with mien.open(blocks_bundle, max_faces=2, tracking=False) as face:
        pairs = list(face.stream_all(given))
    assert [frame for frame, _ in pairs] == given
    assert [len(states) for _, states in pairs] == [0, 1, 2]


@pytest.mark.parametrize("drop", ["oldest", "newest", "block"])
def test_every_frame_of_a_fast_source_is_counted_once(drop: str, face: Pipeline) -> None:
    frames = (frame for frame, _ in zip(moving(), range(100), strict=False))
    out = 0
    for _ in face.stream(Live(frames), drop=drop, queue=3):
        out += 1
        time.sleep(0.002)
    report = face.report()
    assert report.frames_in == 100
    assert report.frames_out == out
    assert report.frames_in == report.frames_out + report.dropped
    assert (report.dropped > 0) == (drop != "block")


def test_a_live_source_drops_the_oldest_and_a_file_waits(face: Pipeline) -> None:
    live = Live(frame for frame, _ in zip(moving(), range(60), strict=False))
    for _ in face.stream(live):
        time.sleep(0.004)
    assert face.report().dropped > 0
    face.reset()
    before = face.report()
    for _ in face.stream(frame for frame, _ in zip(moving(), range(20), strict=False)):
        time.sleep(0.001)
    assert face.report().dropped == before.dropped
    assert face.report().frames_out == before.frames_out + 20


def test_the_report_is_true_while_the_stream_runs(face: Pipeline) -> None:
    stream = face.stream(Live(moving()), drop="oldest", queue=2)
    for _ in range(5):
        next(stream)
    report = face.report()
    assert 0 <= report.frames_in - report.frames_out - report.dropped <= 3
    stream.close()  # type: ignore[attr-defined]


def test_leaving_the_loop_stops_the_stream(face: Pipeline) -> None:
    stream = face.stream(moving())
    for state in stream:
        if state.t_ns > 5 * MS:
            break
    start = time.monotonic()
    stream.close()  # type: ignore[attr-defined]
    assert time.monotonic() - start < STOP_S
    wait_for_readers()


def test_a_consumer_that_raises_stops_the_stream(face: Pipeline) -> None:
    def consume() -> None:
        for _ in face.stream(moving()):
            raise KeyError

    with pytest.raises(KeyError):
        consume()
    wait_for_readers()


def test_a_source_that_raises_in_the_middle_is_heard_after_its_frames(face: Pipeline) -> None:
    def broken() -> Iterator[Frame]:
        yield from (blocks((1, 1), t_ns=t) for t in range(4))
        raise SourceError("camera.lost", "gone")

    got: list[int] = []
    with pytest.raises(SourceError, match="gone"):
        got.extend(state.t_ns for state in face.stream(broken()))
    assert got == [0, 1, 2, 3]
    assert face.process(blocks((1, 1), t_ns=10)).found


def test_a_frame_that_goes_back_in_time_ends_the_stream_but_not_the_pipeline(face: Pipeline) -> None:
    with pytest.raises(TimestampError):
        list(face.stream([blocks(t_ns=5), blocks(t_ns=4)]))
    wait_for_readers()
    assert face.process(blocks((1, 1), t_ns=6)).found


def test_a_stream_that_is_never_read_starts_no_thread(face: Pipeline) -> None:
    stream = face.stream(moving())
    wait_for_readers()
    assert face.report().frames_in == 0
    del stream


def test_a_source_of_ones_own_stays_open_an_address_is_closed(face: Pipeline, tmp_path: Path) -> None:
    mine = Live(frame for frame, _ in zip(moving(), range(3), strict=False))
    list(face.stream(mine))
    assert not mine.closed
    np.save(tmp_path / "a.npy", np.zeros((3, 8, 8, 3), np.uint8))
    face.reset()
    assert len(list(face.stream(str(tmp_path / "a.npy")))) == 3


@pytest.mark.parametrize(("options", "code"), [({"drop": "some"}, "stream.drop"), ({"queue": 0}, "stream.queue")])
def test_impossible_arguments_are_refused_at_once(options: dict[str, object], code: str, face: Pipeline) -> None:
    with pytest.raises(InputError) as refused:
        face.stream(moving(), **options)  # type: ignore[arg-type]
    assert refused.value.code == code


@pytest.mark.parametrize("source", ["nothing.xyz", "absent.png", "absent.mp4", 3.5, None])
def test_a_source_that_cannot_be_opened_is_refused_at_once(source: object, face: Pipeline) -> None:
    with pytest.raises(SourceError):
        face.stream(source)  # type: ignore[arg-type]


def test_pictures_of_a_folder_are_not_tracked_from_one_to_the_next(face: Pipeline, tmp_path: Path) -> None:
    import cv2

    for name, cells in (("a.png", [(1, 1)]), ("b.png", [(5, 5)]), ("c.png", [])):
        cv2.imwrite(str(tmp_path / name), blocks(*cells).planes[0])
    states = list(face.stream(str(tmp_path)))
    assert [state.id for state in states] == [0, 0, -1]


def test_two_forks_stream_at_the_same_time(face: Pipeline) -> None:
    given = [blocks((1 + t // 4, 2), t_ns=t * MS) for t in range(24)]
    other = face.fork()
    pairs = zip(face.stream(given), other.stream(given), strict=True)
    assert all(one.values.tolist() == two.values.tolist() for one, two in pairs)


def test_states_of_a_stream_are_those_of_process(face: Pipeline) -> None:
    given = [blocks((1 + t // 4, 2), t_ns=t * MS) for t in range(24)]
    single = face.fork()
    expected = [single.process(frame) for frame in given]
    for state, wanted in zip(face.stream(given), expected, strict=True):
        assert (state.id, state.box) == (wanted.id, wanted.box)
        np.testing.assert_array_equal(state.values, wanted.values)


@pytest.fixture
def closings(monkeypatch: pytest.MonkeyPatch) -> list[Source]:
    """Sources over an iterable that were closed."""
    closed: list[Source] = []
    monkeypatch.setattr("mien.sources.frames.Frames.close", lambda source: closed.append(source))
    return closed


def test_a_stream_that_is_never_read_still_closes_what_it_opened(face: Pipeline, closings: list[Source]) -> None:
    stream = face.stream([blocks((2, 2), t_ns=MS)])
    del stream
    assert len(closings) == 1


def test_leaving_the_loop_by_break_stops_the_reader_and_closes_the_source(
    face: Pipeline, closings: list[Source]
) -> None:
    for state in face.stream(moving()):
        if state.t_ns > 3 * MS:
            break
    wait_for_readers()
    assert len(closings) == 1


def test_a_stream_is_a_context_manager_that_may_be_closed_again(face: Pipeline, closings: list[Source]) -> None:
    with face.stream(moving()) as stream:
        assert next(stream).found
    wait_for_readers()
    assert closings
    stream.close()
    assert list(stream) == []


def test_a_source_of_the_caller_stays_open(face: Pipeline) -> None:
    source = Live(moving())
    with face.stream(source) as stream:
        next(stream)
    assert not source.closed


def test_each_stream_begins_a_new_recording(face: Pipeline) -> None:
    for _ in range(2):
        times = [state.t_ns for state in face.stream([blocks((2, 2), t_ns=k * MS) for k in range(3)])]
        assert times == [0, MS, 2 * MS]


def test_a_second_stream_of_one_pipeline_is_refused_and_a_fork_is_not(face: Pipeline) -> None:
    with face.stream(moving()) as first, face.fork().stream(moving()) as other:
        assert next(first).found
        assert next(other).found
        with pytest.raises(InputError) as refused:
            next(face.stream(moving()))
        assert refused.value.code == "stream.busy"
        assert next(first).found


@pytest.mark.parametrize("drop", ["oldest", "newest", "block"])
def test_every_frame_of_an_early_stop_is_accounted_for(face: Pipeline, drop: str) -> None:
    with face.stream(moving(), drop=drop, queue=3) as stream:
        for _ in range(5):
            next(stream)
    wait_for_readers()
    report = face.report()
    assert report.frames_in == report.frames_out + report.dropped + report.unprocessed
    assert report.frames_out == 5
