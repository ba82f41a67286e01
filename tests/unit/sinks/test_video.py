"""mien.sinks.video: annotated videos and pictures, read back with OpenCV."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from mien.errors import MissingExtraError, SinkError
from mien.layouts import ARKIT52
from mien.sinks.video import VideoFile
from mien.types import FaceState, Frame, HeadPose, no_face
from models import MS


def frame(t_ns: int, width: int = 160, height: int = 120) -> Frame:
    return Frame.of(np.full((height, width, 3), (200, 40, 40), np.uint8), t_ns=t_ns)


def state(t_ns: int = 0) -> FaceState:
    ones = np.ones(52, np.float32)
    points = np.float32([[40, 40, 0], [100, 80, 0]])
    head = HeadPose((0.0, 0.0, 0.0, 1.0), (0.0, 0.0, -0.5), 0.0)
    box = (30.0, 30.0, 110.0, 90.0)
    return FaceState(t_ns, 0, ARKIT52, ones, ones, ones > 0, 0.9, box=box, landmarks=points, head=head)


def read_back(path: Path) -> tuple[float, list[np.ndarray]]:
    capture = cv2.VideoCapture(str(path))
    pictures = []
    while (picture := capture.read()[1]) is not None:
        pictures.append(picture)
    return capture.get(cv2.CAP_PROP_FPS), pictures


@pytest.mark.parametrize("name", ["a.mp4", "a.avi", "a.mkv"])
def test_a_video_has_every_frame_at_the_rate_of_the_source(name: str, tmp_path: Path) -> None:
    with VideoFile(str(tmp_path / name)) as sink:
        for t in range(6):
            sink.put([state()], frame(t * 50 * MS))
    fps, pictures = read_back(tmp_path / name)
    assert fps == pytest.approx(20, abs=0.5)
    assert len(pictures) == 6


def test_a_video_of_one_frame_is_written_when_closed(tmp_path: Path) -> None:
    with VideoFile(str(tmp_path / "a.mp4")) as sink:
        sink.put([no_face(0, ARKIT52)], frame(0))
    assert len(read_back(tmp_path / "a.mp4")[1]) == 1


def test_frames_that_change_their_size_go_into_one_video(tmp_path: Path) -> None:
    with VideoFile(str(tmp_path / "a.avi")) as sink:
        for t, width in enumerate((160, 320, 81)):
            sink.put([], frame(t * 40 * MS, width))
    pictures = read_back(tmp_path / "a.avi")[1]
    assert len({picture.shape for picture in pictures}) == 1
    assert len(pictures) == 3


def test_pictures_are_numbered_from_the_second_on(tmp_path: Path) -> None:
    with VideoFile(str(tmp_path / "out.png")) as sink:
        for t in range(3):
            sink.put([state()], frame(t))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.png", "out_0001.png", "out_0002.png"]


def test_a_picture_shows_the_face_and_keeps_the_rest(tmp_path: Path) -> None:
    for name, states in (("face.png", [state()]), ("none.png", [no_face(0, ARKIT52)])):
        with VideoFile(str(tmp_path / name)) as sink:
            sink.put(states, frame(0, 640, 480))
    face, none = (cv2.imread(str(tmp_path / name)) for name in ("face.png", "none.png"))
    assert (none == (40, 40, 200)).all()
    assert (face != none).any()
    assert (face[470:, 630:] == none[470:, 630:]).all()


def test_the_frame_itself_is_not_drawn_on(tmp_path: Path) -> None:
    given = frame(0, 640, 480)
    with VideoFile(str(tmp_path / "a.png")) as sink:
        sink.put([state()], given)
    assert (given.planes[0] == (200, 40, 40)).all()


def test_states_without_their_frame_are_refused(tmp_path: Path) -> None:
    with VideoFile(str(tmp_path / "a.mp4")) as sink, pytest.raises(SinkError) as refused:
        sink.send(state())
    assert refused.value.code == "sink.frame"


@pytest.mark.parametrize(
    ("name", "code"), [("a.xyz", "sink.format"), ("a", "sink.format"), ("missing/a.mp4", "sink.open")]
)
def test_a_name_that_cannot_be_written_is_refused(name: str, code: str, tmp_path: Path) -> None:
    with pytest.raises(SinkError) as refused:
        VideoFile(str(tmp_path / name))
    assert refused.value.code == code


@pytest.mark.parametrize("name", ["a.mp4", "a.png"])
def test_a_closed_video_takes_nothing(name: str, tmp_path: Path) -> None:
    sink = VideoFile(str(tmp_path / name))
    sink.put([], frame(0))
    sink.close()
    with pytest.raises(SinkError) as refused:
        sink.put([], frame(1))
    assert refused.value.code == "sink.write"


def test_a_video_that_got_no_frame_leaves_no_file(tmp_path: Path) -> None:
    VideoFile(str(tmp_path / "a.mp4")).close()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a.mp4", "a.avi", "a.mkv"])
def test_a_full_disk_is_noticed_when_the_video_is_closed(
    name: str, tmp_path: Path, disk_of: Callable[[int], AbstractContextManager[None]], capfd: pytest.CaptureFixture[str]
) -> None:
    noise, sink = np.random.default_rng(0), VideoFile(str(tmp_path / name))
    with disk_of(100_000), pytest.raises(SinkError, match="full") as refused:
        for t in range(30):
            sink.put([], Frame.of(noise.integers(0, 256, (120, 160, 3), np.uint8), t_ns=t * 33 * MS))
        sink.close()
    assert refused.value.code == "sink.write"
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("address", [None, 5, "a\0.mp4", "a" * 5000 + ".mp4"])
def test_what_is_no_path_is_refused(address: Any) -> None:
    with pytest.raises(SinkError) as refused:
        VideoFile(address)
    assert refused.value.code == "sink.open"


def test_what_stood_there_stays_until_the_first_frame(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"before")
    VideoFile(str(tmp_path / "a.mp4")).close()
    assert (tmp_path / "a.mp4").read_bytes() == b"before"


def test_without_opencv_the_pip_command_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'mien\[video\]'"):
        VideoFile(str(tmp_path / "a.mp4"))
