"""mien.recording: what was recorded is read back, whole or not at all; a killed writer loses at most one record."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mien import recording
from mien.errors import SinkError, SourceError
from mien.layouts import ARKIT52
from mien.sinks.recorder import Recorder
from mien.sources.replay import Replay
from mien.types import FORMATS, FaceState, Frame, HeadPose, no_face
from models import blocks

CHANNELS = {"rgb": 3, "bgr": 3, "rgba": 4, "bgra": 4, "gray8": 1, "yuyv": 2}


def recorded(path: Path, frames: list[Frame]) -> Path:
    with Recorder(str(path)) as sink:
        for frame in frames:
            sink.put([no_face(frame.t_ns, ARKIT52)], frame)
    return path


def replayed(path: Path) -> list[Frame]:
    source = Replay(str(path))
    return list(iter(source.read, None))


@given(
    format=st.sampled_from(FORMATS),
    width=st.integers(1, 12),
    height=st.integers(1, 6),
    padding=st.integers(0, 5),
    t_ns=st.integers(-(2**63), 2**63 - 1),
    stale=st.booleans(),
    matrix=st.sampled_from(["bt601", "bt709"]),
    range_=st.sampled_from(["limited", "full"]),
)
def test_a_frame_of_any_format_is_read_back(
    format: str, width: int, height: int, padding: int, t_ns: int, stale: bool, matrix: str, range_: str, tmp_path: Path
) -> None:
    from dataclasses import replace

    width, height = 2 * width, 2 * height
    planar = format in ("nv12", "nv21")
    row = width * (1 if planar else CHANNELS[format]) + padding
    rows = height * 3 // 2 if planar else height
    buffer = np.random.default_rng(0).integers(0, 256, rows * row, np.uint8)
    strides = [row] * (2 if planar else 1)
    colours = {"yuv_matrix": matrix, "yuv_range": range_}
    frame = Frame.from_buffer(buffer, format, width, height, t_ns=t_ns, strides=strides, **colours)
    (back,) = replayed(recorded(tmp_path / "a.mrec", [replace(frame, stale=stale)]))
    assert (back.format, back.width, back.height, back.t_ns, back.stale) == (format, width, height, t_ns, stale)
    assert (back.yuv_matrix, back.yuv_range) == (matrix, range_)
    np.testing.assert_array_equal(back.to_rgb(), frame.to_rgb())


@pytest.mark.parametrize("format", FORMATS)
def test_planes_larger_than_the_picture_are_cropped_to_it(format: str, tmp_path: Path) -> None:
    rng, planar = np.random.default_rng(1), format in ("nv12", "nv21")
    shape = (9, 13) if planar or format == "gray8" else (9, 13, CHANNELS[format])
    planes = [rng.integers(0, 256, shape, np.uint8)]
    if planar:
        planes.append(rng.integers(0, 256, (5, 7, 2), np.uint8))
    frame = Frame(tuple(planes), format, 8, 6, 0)
    (back,) = replayed(recorded(tmp_path / "a.mrec", [frame]))
    assert (back.width, back.height) == (8, 6)
    np.testing.assert_array_equal(back.to_rgb(), frame.to_rgb())


def test_numbers_of_numpy_in_a_frame_are_recorded(tmp_path: Path) -> None:
    picture = np.zeros((4, 6, 3), np.uint8)
    frame = Frame((picture,), "rgb", np.int64(6), np.int32(4), np.int64(7), np.bool_(True))  # type: ignore[arg-type]
    (back,) = replayed(recorded(tmp_path / "a.mrec", [frame]))
    assert (back.width, back.height, back.t_ns, back.stale) == (6, 4, 7, True)


@pytest.mark.parametrize("room", [8, 9, 100, 13000, 15000])
def test_a_record_that_found_no_room_is_taken_back_and_the_next_is_readable(
    room: int, tmp_path: Path, disk_of: Callable[[int], AbstractContextManager[None]]
) -> None:
    writer = recording.Writer(tmp_path / "a.mrec")
    with disk_of(room):
        kept = []
        for t in range(2):
            try:
                writer.frame(blocks(t_ns=t))
                kept.append(t)
            except SinkError as full:
                assert full.code == "sink.write"
    writer.frame(blocks(t_ns=9))
    writer.close()
    assert [frame.t_ns for frame in replayed(tmp_path / "a.mrec")] == [*kept, 9]


def test_where_half_a_record_cannot_be_taken_back_nothing_more_is_written(
    tmp_path: Path, disk_of: Callable[[int], AbstractContextManager[None]]
) -> None:
    writer = recording.Writer(tmp_path / "a.mrec")
    writer._end = -1  # no place to go back to
    with disk_of(100), pytest.raises(SinkError):
        writer.frame(blocks())
    with pytest.raises(SinkError):
        writer.frame(blocks())
    assert (tmp_path / "a.mrec").stat().st_size == 100


def test_states_are_recorded_with_their_frames(tmp_path: Path) -> None:
    path = recorded(tmp_path / "a.mrec", [blocks((1, 1), t_ns=3), blocks(t_ns=4)])
    kinds = [(kind, t_ns) for kind, t_ns, _ in recording.read(path)]
    assert kinds == [("frame", 3), ("state", 3), ("frame", 4), ("state", 4)]
    states = [content for kind, _, content in recording.read(path) if kind == "state"]
    assert states[0] == json.loads(json.dumps(no_face(3, ARKIT52).to_dict(landmarks=True)))


def test_a_recording_cut_anywhere_is_read_up_to_its_last_complete_record(tmp_path: Path) -> None:
    path = recorded(tmp_path / "a.mrec", [blocks((1, 1), t_ns=t) for t in range(3)])
    data = path.read_bytes()
    whole = [frame.t_ns for frame in replayed(path)]
    seen = set()
    for length in range(len(recording.MAGIC), len(data), 997):
        path.write_bytes(data[:length])
        times = tuple(frame.t_ns for frame in replayed(path))
        assert list(times) == whole[: len(times)]
        seen.add(times)
    assert seen == {(), (0,), (0, 1), (0, 1, 2)}


def test_an_altered_recording_is_refused_and_never_read_as_something_else(tmp_path: Path) -> None:
    small = [Frame.of(np.full((2, 2, 3), t, np.uint8), t_ns=t) for t in range(3)]
    with Recorder(str(path := tmp_path / "a.mrec")) as sink:
        for frame in small:
            sink.put([], frame)
    data = path.read_bytes()
    meant = [(frame.t_ns, frame.to_rgb().tolist()) for frame in replayed(path)]
    for bit in range(0, len(data) * 8, 7):
        altered = bytearray(data)
        altered[bit // 8] ^= 1 << bit % 8
        path.write_bytes(altered)
        got, source = [], Replay(str(path))
        with pytest.raises(SourceError) as refused:
            while (frame := source.read()) is not None:
                got.append((frame.t_ns, frame.to_rgb().tolist()))
        assert refused.value.code in ("recording.altered", "recording.format")
        assert got == meant[: len(got)]


def test_a_record_whose_content_is_no_frame_is_refused(tmp_path: Path) -> None:
    for number, payload in enumerate([b"", b"\xff\xff{}", b"\x02\x00{}", b"\x02\x00[]", b"\x00\x00"]):
        writer = recording.Writer(tmp_path / f"{number}.mrec")
        writer._record(b"FRAM", 0, payload)
        writer.close()
        with pytest.raises(SourceError) as refused:
            replayed(tmp_path / f"{number}.mrec")
        assert refused.value.code == "recording.altered"


ENDLESS = """
import sys, numpy as np
from mien.sinks.recorder import Recorder
from mien.types import Frame
sink = Recorder(sys.argv[1])
for t in range(10**9):
    sink.put([], Frame.of(np.full((120, 160, 3), t % 256, np.uint8), t_ns=t))
"""


def test_a_recording_of_a_killed_program_is_readable_up_to_its_last_complete_frame(tmp_path: Path) -> None:
    path = tmp_path / "a.mrec"
    writer = subprocess.Popen([sys.executable, "-c", ENDLESS, str(path)])
    try:
        limit = time.monotonic() + 30
        while not path.exists() or path.stat().st_size < 2 << 20:
            assert time.monotonic() < limit
            time.sleep(0.005)
    finally:
        writer.send_signal(signal.SIGKILL)
        writer.wait()
    frames = replayed(path)
    assert len(frames) > 30
    assert [frame.t_ns for frame in frames] == list(range(len(frames)))
    assert all((frame.planes[0] == frame.t_ns % 256).all() for frame in frames)


@pytest.mark.parametrize("content", [b"nothing of ours", b"MIENREC2", b"MIEN"])
def test_a_file_that_is_no_recording_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.mrec").write_bytes(content)
    with pytest.raises(SourceError) as refused:
        replayed(tmp_path / "a.mrec")
    assert refused.value.code == "recording.format"


@pytest.mark.parametrize("path", [None, 5, "a\0b", "a" * 5000])
def test_what_is_no_path_is_neither_written_nor_read(path: Any) -> None:
    with pytest.raises(SinkError) as refused:
        recording.Writer(path)
    assert refused.value.code == "sink.open"
    with pytest.raises(SourceError):
        list(recording.read(path))


def test_reading_a_missing_recording_directly_is_a_source_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        list(recording.read(tmp_path / "absent.mrec"))


def test_states_come_back_as_they_were_told(tmp_path: Path) -> None:
    values = np.linspace(0, 1, 52, dtype=np.float32)
    valid = np.arange(52) % 7 != 0
    state = FaceState(
        5, 1, ARKIT52, values, values, valid, 0.75, box=(1.0, 2.0, 30.0, 40.0), stale=True,
        landmarks=np.arange(9, dtype=np.float32).reshape(3, 3),
        head=HeadPose((0.0, 0.6, 0.0, 0.8), (0.0, 0.0, 0.5), 1.5),
        gaze=np.array([[0, 0, 1], [0, 0.6, 0.8]], np.float32), aus={"AU12": 0.25}, valence=-0.5,
        extras={"tongueUp": 0.125}, attention=np.eye(14, dtype=np.float32) / 14,
    )  # fmt: skip
    path = tmp_path / "states.mrec"
    with Recorder(str(path)) as sink:
        sink.put([state, no_face(6, ARKIT52)])
    back, nobody = recording.states(path)
    assert back.to_dict(landmarks=True) == state.to_dict(landmarks=True)
    assert (back.valid == valid).all()
    assert back.values[valid] == pytest.approx(values[valid], abs=1e-6)
    assert back.landmarks is not None and back.landmarks.dtype == np.float32
    assert not nobody.found and nobody.head is None


def test_a_recording_of_frames_alone_has_no_states(tmp_path: Path) -> None:
    path = tmp_path / "frames.mrec"
    with Recorder(str(path)) as sink:
        sink.put([], blocks((1, 1)))
    with pytest.raises(SourceError, match=r"recording\.empty"):
        list(recording.states(path))
