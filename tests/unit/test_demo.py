"""The demo page: complete, self-contained, and true to the run."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import mien
import pytest
from mien.demo import make_page


@contextmanager
def quiet(_what: str, _total: int | None) -> Iterator[Callable[[], None]]:
    yield lambda: None


@pytest.fixture(scope="module")
def page(shared: Path, mediapipe_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    sources = [
        str(shared / "faces_public_domain/astronaut_nasa.png"),
        str(shared / "faces_intel_ccby/head-pose-face-detection-female.gif"),
    ]
    return make_page(sources, str(mediapipe_bundle), tmp_path_factory.mktemp("demo"), 2, "auto", quiet)


def test_every_file_the_page_names_lies_beside_it(page: Path) -> None:
    named = set(re.findall(r'(?:src|href)="([^"]+)"', page.read_text()))
    assert len(named) == 3
    for name in named:
        assert "//" not in name
        assert (page.parent / name).stat().st_size > 1000


def test_the_page_needs_no_network(page: Path) -> None:
    assert not re.search(r"https?://(?!www\.w3\.org)", page.read_text())


def test_the_annotated_pictures_can_be_read(page: Path) -> None:
    for name in ("strip0.jpg", "strip1.jpg", "overview.png"):
        assert cv2.imread(str(page.parent / name)).std() > 10


def test_the_figures_count_what_was_processed(page: Path) -> None:
    figures = json.loads((page.parent / "report.json").read_text())
    assert figures["frames"] == {"in": 24, "out": 24, "dropped": 0}
    assert [source["with_face"] for source in figures["sources"]] == [1, 23]
    assert figures["stages"]["process"]["count"] == 24


def test_the_page_names_what_was_not_measured(page: Path) -> None:
    assert "not measured: tongueOut" in page.read_text()


def test_without_sources_it_says_what_it_needs(mediapipe_bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(mien.SourceError) as caught:
        make_page([], str(mediapipe_bundle), tmp_path / "demo", 1, "auto", quiet)
    assert caught.value.code == "demo.sources"
    assert not (tmp_path / "demo").exists()
