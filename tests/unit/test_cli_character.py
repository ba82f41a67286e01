"""`mien character` in a real process: a file that `mien reenact` takes, and a page to place anchors in."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn import ANCHORS, cat
from mien.portrait.character import MORE, NEEDED, read

OK, NOTHING_FOUND, REFUSED = 0, 1, 2


def mien(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mien", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def given() -> list[str]:
    return [part for name, (x, y) in ANCHORS.items() for part in ("--anchor", f"{name}={x},{y}")]


@pytest.fixture(scope="module")
def drawing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("drawings") / "cat.png"
    cv2.imwrite(str(path), cat()[..., ::-1])
    return path


@pytest.fixture(scope="module")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("blank") / "blank.png"
    cv2.imwrite(str(path), np.full((120, 160, 3), 90, np.uint8))
    return path


def test_a_drawing_with_given_anchors_is_driven_by_the_film(drawing: Path, tmp_path: Path) -> None:
    from mien.locate import film

    file, out = drawing.with_suffix(".toml"), tmp_path / "out.mp4"
    made = mien("character", drawing, "-o", file, *given())
    assert made.returncode == OK, made.stderr
    assert read(file).anchors["chin"] == ANCHORS["chin"]
    shown = mien("reenact", file, film(), "-o", out, "--frames", 8)
    assert shown.returncode == OK, shown.stderr
    video = cv2.VideoCapture(str(out))
    assert int(video.get(cv2.CAP_PROP_FRAME_COUNT)) == 8


def test_without_a_face_a_page_is_the_way(blank: Path, tmp_path: Path) -> None:
    file, page = tmp_path / "blank.toml", tmp_path / "blank.html"
    made = mien("character", blank, "-o", file, "--page", page)
    assert made.returncode == OK, made.stderr
    assert not file.exists()
    text = page.read_text()
    told = json.loads(text.split("const told = ", 1)[1].split(";\n", 1)[0])
    assert set(told["anchors"]) == set(NEEDED) | set(MORE)
    assert (told["width"], told["height"], told["file"]) == (160, 120, "blank.toml")
    assert told["picture"].startswith("data:image/png;base64,")
    assert "http" not in text.replace("http://www.w3.org", "")


def test_without_a_face_or_a_page_the_missing_anchors_are_named(blank: Path, tmp_path: Path) -> None:
    made = mien("character", blank, "-o", tmp_path / "blank.toml")
    assert made.returncode == REFUSED
    assert "character.file" in made.stderr and "eye_right_outer" in made.stderr


@pytest.mark.parametrize("anchor", ["tail=1,2", "chin", "chin=1", "chin=a,b"])
def test_an_anchor_that_is_none_is_refused(anchor: str, blank: Path, tmp_path: Path) -> None:
    made = mien("character", blank, "-o", tmp_path / "blank.toml", "--anchor", anchor)
    assert made.returncode == REFUSED
    assert "character.file" in made.stderr


def test_the_drawing_is_not_overwritten(drawing: Path) -> None:
    before = drawing.read_bytes()
    assert mien("character", drawing, "-o", drawing, *given()).returncode == REFUSED
    assert drawing.read_bytes() == before
