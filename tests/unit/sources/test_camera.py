"""mien.sources.camera: unplugged and plugged in again, with OpenCV reading a video file in the place of the device."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path
from typing import Any

import cv2
import mien
import numpy as np
import pytest
from mien.errors import SourceError
from mien.sources.camera import Camera

FRAMES = 5


@pytest.fixture
def device(tmp_path: Path) -> Path:
    """A video of five frames; at its end it gives no more pictures, as a camera that is unplugged."""
    path = tmp_path / "device.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 30, (32, 24))
    for level in range(FRAMES):
        writer.write(np.full((24, 32, 3), level * 40, np.uint8))
    writer.release()
    return path


def opened(device: Path, **options: float) -> Camera:
    return Camera(str(device), **{"retry_s": 0.01, **options})  # type: ignore[arg-type]


def test_frames_come_at_the_host_s_clock(device: Path) -> None:
    camera, before = opened(device), time.monotonic_ns()
    times = [frame.t_ns for _ in range(FRAMES) if (frame := camera.read())]
    assert before < times[0]
    assert times == sorted(set(times))
    assert times[-1] < time.monotonic_ns()


def test_while_unplugged_the_last_frame_comes_again_marked_stale(device: Path) -> None:
    camera = opened(device)
    live = [camera.read() for _ in range(FRAMES)]
    device.rename(device.with_suffix(".gone"))
    stale = [camera.read() for _ in range(3)]
    assert not any(frame.stale for frame in live if frame)
    assert all(frame.stale for frame in stale if frame)
    assert None not in stale
    assert live[-1] is not None
    assert all(np.array_equal(frame.planes[0], live[-1].planes[0]) for frame in stale if frame)
    times = [frame.t_ns for frame in (*live, *stale) if frame]
    assert times == sorted(set(times))
    assert camera.reconnects == 0


def test_plugged_in_again_it_goes_on_and_counts_the_reconnect(device: Path, caplog: pytest.LogCaptureFixture) -> None:
    camera, away = opened(device), device.with_suffix(".gone")
    for cycle in range(3):
        assert [frame.stale for _ in range(FRAMES) if (frame := camera.read())] == [False] * FRAMES
        device.rename(away)
        with caplog.at_level(logging.WARNING, "mien"):
            assert [frame.stale for _ in range(2) if (frame := camera.read())] == [True, True]
        assert "gives no frames" in caplog.text
        assert camera.reconnects == cycle
        away.rename(device)
    back = camera.read()
    assert back is not None
    assert not back.stale
    assert camera.reconnects == 3


def test_after_giving_up_it_raises(device: Path) -> None:
    camera = opened(device, give_up_s=0.05)
    for _ in range(FRAMES):
        camera.read()
    device.unlink()
    with pytest.raises(SourceError, match="Plug it in") as refused:
        for _ in range(1000):
            camera.read()
    assert refused.value.code == "camera.lost"


@pytest.mark.parametrize("address", ["absent.avi", "camera:absent.avi"])
def test_a_device_that_is_not_there_is_an_error(address: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="doctor") as refused:
        Camera(str(tmp_path / address))
    assert refused.value.code == "camera.absent"


@pytest.mark.parametrize(
    "setting",
    [{"width": "a"}, {"height": -1}, {"fps": None}, {"retry_s": "a"}, {"retry_s": -1}, {"retry_s": float("inf")},
     {"give_up_s": float("nan")}, {"give_up_s": -1}, {"fps": True}],
)  # fmt: skip
def test_an_impossible_setting_is_refused(setting: dict[str, Any], device: Path) -> None:
    with pytest.raises(SourceError, match=next(iter(setting))) as refused:
        Camera(str(device), **setting)
    assert refused.value.code == "source.setting"


def test_a_closed_camera_gives_nothing(device: Path) -> None:
    camera = opened(device)
    camera.read()
    camera.close()
    assert camera.read() is None
    camera.close()


def test_closing_ends_a_read_that_waits_for_the_device(device: Path) -> None:
    camera = opened(device, retry_s=60)
    for _ in range(FRAMES):
        camera.read()
    device.unlink()
    answers: list[object] = []
    reader = threading.Thread(target=lambda: answers.append(camera.read()))
    reader.start()
    time.sleep(0.02)
    camera.close()
    reader.join(5)
    assert answers == [None]


def test_closing_while_another_thread_reads_does_no_harm(device: Path) -> None:
    for _ in range(20):
        camera = opened(device, retry_s=0)
        reader = threading.Thread(target=lambda camera=camera: list(iter(camera.read, None)))
        reader.start()
        time.sleep(0.003)
        camera.close()
        reader.join(5)
        assert not reader.is_alive()


def test_a_stream_over_an_unplugged_camera_stays_alive_and_reports_stale_frames(
    device: Path, blocks_bundle: Path
) -> None:
    camera = opened(device)
    with mien.open(blocks_bundle) as face:
        stream = face.stream(camera, drop="block")
        states = [next(stream) for _ in range(FRAMES)]
        device.unlink()
        while not states[-1].stale:
            states.append(next(stream))
        stream.close()  # type: ignore[attr-defined]
        assert face.report().stale >= 1
    camera.close()


@pytest.mark.parametrize(
    ("address", "taken"),
    [("0", True), ("camera:1", True), ("/dev/video0", True), ("rtsp://x", True), ("²", False), ("a.mp4", False)],
)
def test_numbers_and_device_addresses_are_accepted(address: str, taken: bool) -> None:
    assert Camera.accepts(address) is taken
