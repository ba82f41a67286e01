"""Recordings of samples of sensors: read back, refused when altered, and replayed through the task."""

from __future__ import annotations

from pathlib import Path

import mien
import numpy as np
import pytest
from mien.errors import SinkError, SourceError
from mien.layouts import ARKIT52
from mien.sinks.recorder import Recorder
from mien.sources.replay import Replay
from mien.types import ImuWindow, no_face


def windows(seconds: float) -> list[ImuWindow]:
    source = mien.Simulator(f"sim:imu6?seconds={seconds}")
    return [w for w in iter(source.read, None) if isinstance(w, ImuWindow)]


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    parts = windows(3)
    parts[5].acc[0, 2] = np.nan
    with Recorder(str(tmp_path / "a.mrec")) as sink:
        for window in parts:
            sink.put([no_face(int(window.t_ns[-1]), ARKIT52)], window)
    return tmp_path / "a.mrec"


def test_windows_are_read_back_to_the_bit(recording: Path) -> None:
    expected = windows(3)
    expected[5].acc[0, 2] = np.nan
    for a, b in zip(expected, iter(Replay(str(recording)).read, None), strict=True):
        assert isinstance(b, ImuWindow)
        assert a.sensors == b.sensors
        for name in ("t_ns", "acc", "gyro"):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


def test_a_recording_gives_the_states_of_the_day(recording: Path) -> None:
    with mien.open("imu", threads=1) as pipeline:
        states = list(pipeline.stream(str(recording)))
    assert len(states) == 300
    assert states[-1].found


def test_a_window_whose_length_is_wrong_is_refused(recording: Path) -> None:
    with Recorder(str(recording)) as sink:
        sink._writer._record(b"IMUW", 1, b"\x12\x00" + b'{"sensors": ["a"]}' + bytes(31))
    with pytest.raises(SourceError, match=r"\[recording.altered\].*31 bytes for 1 sensors"):
        Replay(str(recording)).read()


def test_a_video_of_samples_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("cv2")
    from mien.sinks.video import VideoFile

    with VideoFile(str(tmp_path / "a.mp4")) as sink, pytest.raises(SinkError, match=r"\[sink.frame\]"):
        sink.put([], windows(1)[0])
