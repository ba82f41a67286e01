"""The demo's portrait: a marked video and a contact sheet."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest
from mien import demo_portrait
from mien.demo_portrait import portrait_section


@contextmanager
def quiet(_what: str, _total: int | None) -> Iterator[Callable[[], None]]:
    yield lambda: None


def test_a_section_names_files_that_lie_beside_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_portrait, "_SHOWN", 3)
    (section,) = portrait_section([], tmp_path, "auto", quiet)
    for name in re.findall(r'(?:src|href)="([^"]+)"', section):
        assert (tmp_path / name).stat().st_size > 1000
        assert b"compositeWithTrainedAlgorithmicMedia" in (tmp_path / name).read_bytes()
    assert cv2.imread(str(tmp_path / "portrait.jpg")).shape == (400, 600, 3)


def test_a_picture_without_a_face_is_said(tmp_path: Path) -> None:
    path = tmp_path / "wall.png"
    cv2.imwrite(str(path), np.full((200, 200, 3), 80, np.uint8))
    (section,) = portrait_section([str(path)], tmp_path, "auto", quiet)
    assert "portrait.no_face" in section
