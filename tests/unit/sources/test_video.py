"""mien.sources.video: frames of a file at its rate."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from pathlib import Path

import cv2
import numpy as np
import pytest
from mien.errors import SourceError
from mien.sources.video import Video
from mien.types import Frame


def written(path: Path, frames: int = 10, fps: float = 20) -> Path:
    codec = {".avi": "MJPG", ".webm": "VP80"}.get(path.suffix, "mp4v")
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


@pytest.mark.parametrize("name", ["a.mkv", "a.avi"])
def test_a_video_that_ends_early_gives_the_frames_it_has_and_then_an_error(name: str, tmp_path: Path) -> None:
    path = written(tmp_path / name, frames=60)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    source, frames = Video(str(path)), []
    with pytest.raises(SourceError, match="of 60 frames") as refused:
        while (frame := source.read()) is not None:
            frames.append(frame)
    assert refused.value.code == "source.truncated"
    assert 0 < len(frames) < 60


@pytest.mark.parametrize(("claim", "truncated"), [(60, False), (62, False), (63, True), (100, True)])
def test_a_small_difference_to_the_stated_length_is_no_error(claim: int, truncated: bool, tmp_path: Path) -> None:
    source = Video(str(written(tmp_path / "a.avi", frames=60)))
    source._length = claim
    with pytest.raises(SourceError) if truncated else nullcontext():
        assert len(list(iter(source.read, None))) == 60


@pytest.mark.parametrize("name", ["a.mp4", "a.avi", "a.mkv", "a.webm", "a.mov"])
@pytest.mark.parametrize("frames", [1, 2, 90])
def test_a_whole_video_is_read_to_its_end(name: str, frames: int, tmp_path: Path) -> None:
    assert len(read_all(written(tmp_path / name, frames))) == frames


def test_a_video_closed_in_the_middle_just_ends(tmp_path: Path) -> None:
    source = Video(str(written(tmp_path / "a.avi", frames=60)))
    source.read()
    source.close()
    assert source.read() is None


@pytest.mark.shared
@pytest.mark.parametrize("name", ["face-demographics-walking-and-pause", "head-pose-face-detection-female"])
def test_the_clips_are_read_to_their_end(name: str, shared: Path) -> None:
    source = Video(str(shared / f"faces_intel_ccby/{name}.gif"))
    assert len(list(iter(source.read, None))) == source.length()


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
