"""mien.sources.video: frames of a file at its rate."""

from __future__ import annotations

import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
from mien.errors import SourceError
from mien.sources.video import Video
from mien.types import Frame


def written(path: Path, frames: int = 10, fps: float = 20) -> Path:
    codec = "MJPG" if path.suffix == ".avi" else "mp4v"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), fps, (64, 48))
    assert writer.isOpened()
    for level in range(frames):
        writer.write(np.full((48, 64, 3), level * 20 % 256, np.uint8))
    writer.release()
    return path


def read_all(path: Path) -> list[Frame]:
    return list(iter(Video(str(path)).read, None))


def test_every_frame_comes_with_the_time_of_its_number(tmp_path: Path) -> None:
    frames = read_all(written(tmp_path / "a.avi"))
    assert [frame.t_ns for frame in frames] == [i * 50_000_000 for i in range(10)]
    assert [round(int(frame.planes[0].mean()) / 20) for frame in frames] == list(range(10))
    assert (frames[0].format, frames[0].width, frames[0].height) == ("bgr", 64, 48)


def test_the_number_of_frames_is_known_beforehand(tmp_path: Path) -> None:
    source = Video(str(written(tmp_path / "a.avi")))
    assert source.length() == 10
    assert source.fps == pytest.approx(20)


def test_an_animated_gif_is_a_video(shared: Path) -> None:
    frames = read_all(shared / "faces_intel_ccby/head-pose-face-detection-male.gif")
    assert len(frames) > 20
    times = [frame.t_ns for frame in frames]
    assert times == sorted(set(times))


def test_a_video_that_ends_early_gives_the_frames_it_has(tmp_path: Path) -> None:
    path = written(tmp_path / "a.mkv", frames=60)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    assert 0 < len(read_all(path)) < 60


@pytest.mark.parametrize("content", [b"", b"no video at all" * 100])
def test_a_file_that_is_no_video_is_an_error(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(content)
    with pytest.raises(SourceError) as refused:
        read_all(tmp_path / "a.mp4")
    assert refused.value.code == "source.truncated"


def test_a_video_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as refused:
        Video(str(tmp_path / "a.mp4"))
    assert refused.value.code == "source.missing"


def test_closing_while_another_thread_reads_ends_the_reading(tmp_path: Path) -> None:
    path = written(tmp_path / "a.avi", frames=200)
    for _ in range(20):
        source, started = Video(str(path)), threading.Event()

        def read(source: Video = source, started: threading.Event = started) -> None:
            while source.read() is not None:
                started.set()

        reader = threading.Thread(target=read)
        reader.start()
        started.wait(5)
        source.close()
        reader.join(5)
        assert not reader.is_alive()


@pytest.mark.parametrize(("address", "taken"), [("a.MP4", True), ("a.gif", True), ("a.png", False), ("0", False)])
def test_video_suffixes_are_accepted(address: str, taken: bool) -> None:
    assert Video.accepts(address) is taken
