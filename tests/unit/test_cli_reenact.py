"""`mien reenact`: a portrait and a driver in, a marked video out."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import pytest
from mien import recording
from mien.locate import film
from mien.sources.video import Video
from portraits import driver

OK, NOTHING_FOUND, REFUSED = 0, 1, 2


def mien(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mien", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=180)


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photo") / "me.png"
    video = Video(str(film()))
    first = video.read()
    video.close()
    assert first is not None
    cv2.imwrite(str(path), first.to_rgb()[..., ::-1])
    return path


def test_a_video_of_the_portrait_is_written_and_stamped(photo: Path, tmp_path: Path) -> None:
    made, kept = tmp_path / "out.mp4", tmp_path / "me.portrait"
    done = mien("reenact", photo, film(), "-o", made, "--frames", 8, "--save", kept, "--strength", "mouth=1.5")
    assert done.returncode == OK, done.stderr
    assert "8 frame(s), a driver's face in 8" in done.stdout
    video = Video(str(made))
    assert len(list(iter(video.read, None))) == 8
    video.close()
    assert b"compositeWithTrainedAlgorithmicMedia" in made.read_bytes()
    again = mien("reenact", kept, film(), "-o", tmp_path / "again.mp4", "--frames", 2, "--mark", "none", "--absolute")
    assert again.returncode == OK, again.stderr
    assert b"compositeWithTrainedAlgorithmicMedia" not in (tmp_path / "again.mp4").read_bytes()


def test_portrait_and_driver_come_over_the_wire(photo: Path, tmp_path: Path) -> None:
    take, made = tmp_path / "take.mrec", tmp_path / "out.mp4"
    writer = recording.Writer(take)
    for k in range(90):
        state = replace(driver()[k % len(driver())], t_ns=k * 33_333_333)
        writer.state(state)
    writer.close()
    command = [sys.executable, "-m", "mien", "reenact", "wire", "wire:0", "-o", str(made), "--idle", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = process.stderr.readline()
        assert said.startswith("listening on port "), said
        address = f"127.0.0.1:{said.rpartition(' ')[2].strip()}"
        assert mien("send", take, address, "--recorded", "--identity", photo).returncode == OK
        _, errors = process.communicate(timeout=120)
    assert process.returncode == OK, errors
    video = cv2.VideoCapture(str(made))
    frames = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
    height = int(video.get(cv2.CAP_PROP_FRAME_HEIGHT))
    video.release()
    assert 20 < frames <= 90  # those before the portrait was there are not shown
    assert height == cv2.imread(str(photo)).shape[0]


def test_a_wire_on_which_nobody_sends_is_left() -> None:
    done = mien("reenact", "wire", "wire:0", "-o", "never.mp4", "--idle", 0.2)
    assert done.returncode == REFUSED
    assert "portrait.identity" in done.stderr


@pytest.mark.parametrize(
    ("more", "code"),
    [
        (["--mode", "half"], "portrait.transfer"),
        (["--strength", "mouth"], "portrait.transfer"),
        (["--face", 5], "portrait.face"),
        (["--mark", "loud"], "mark.kind"),
        (["--model", "face"], "portrait.bundle"),
    ],
)
def test_what_cannot_be_done_is_said_with_its_code(photo: Path, tmp_path: Path, more: list, code: str) -> None:
    done = mien("reenact", photo, film(), "-o", tmp_path / "out.mp4", *more)
    assert done.returncode == REFUSED
    assert code in done.stderr
