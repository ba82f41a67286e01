"""The demo's portraits: the film's person and the drawn cat do what the film does, as video and contact sheet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from mien.demo_portrait import portrait_section
from mien.locate import drawing
from mien.marking import find
from mien.portrait.character import read
from mien.provenance import COMPOSITE


@contextmanager
def quiet(what: str, total: int | None) -> Iterator[Any]:
    yield lambda: None


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    sections = portrait_section([], folder, "auto", quiet)
    assert len(sections) == 2
    assert "a drawn cat" in sections[1]
    return folder


@pytest.mark.parametrize("name", ["portrait", "drawing"])
def test_video_and_sheet_are_marked_and_say_so(name: str, output: Path) -> None:
    for suffix in (".mp4", ".jpg"):
        assert COMPOSITE.encode() in (output / f"{name}{suffix}").read_bytes()
    video = cv2.VideoCapture(str(output / f"{name}.mp4"))
    assert find(*(video.read()[1] for _ in range(12))).marked  # flat fields of a drawing keep little of it in one frame
    count = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
    video.release()
    assert count > 100
    assert cv2.imread(str(output / f"{name}.jpg")).shape == (400, 1600, 3)


def test_the_drawing_moves(output: Path) -> None:
    sheet = cv2.imread(str(output / "drawing.jpg"))[200:]
    first, others = sheet[:, :200].astype(int), [sheet[:, k : k + 200] for k in range(200, 1600, 200)]
    assert max(float(abs(other - first).mean()) for other in others) > 3


def test_a_photo_without_a_face_is_said_on_the_page(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "wall.png"), np.full((200, 200, 3), 120, np.uint8))
    sections = portrait_section([str(tmp_path / "wall.png")], tmp_path, "auto", quiet)
    assert "portrait.no_face" in sections[0]
    assert (tmp_path / "drawing.mp4").exists()


def test_the_shipped_drawing_is_a_character() -> None:
    told = read(drawing())
    assert told.picture.is_file()
    assert not told.refine
