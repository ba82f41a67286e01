"""`mien reenact`: a portrait and a driver in, a marked video out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import pytest
from mien.locate import film
from mien.sources.video import Video

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
