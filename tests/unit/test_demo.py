"""The demo page: complete, self-contained, and true to the run."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import direct_models
import mien
import pytest
from mien.demo import make_page
from models import blocks

FILES = (("strip", "0.jpg"), ("strip", "1.jpg"), ("curves", "0.svg"), ("curves", "1.svg"))


@contextmanager
def quiet(_what: str, _total: int | None) -> Iterator[Callable[[], None]]:
    yield lambda: None


@pytest.fixture(scope="module")
def page(shared: Path, mediapipe_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    sources = [
        str(shared / "faces_public_domain/astronaut_nasa.png"),
        str(shared / "faces_intel_ccby/head-pose-face-detection-female.gif"),
    ]
    return make_page(sources, [str(mediapipe_bundle)], tmp_path_factory.mktemp("demo"), 2, "auto", quiet)


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
    (run,) = json.loads((page.parent / "report.json").read_text())["runs"]
    assert run["frames"] == {"in": 24, "out": 24, "dropped": 0}
    assert [source["with_face"] for source in run["sources"]] == [1, 23]
    assert run["stages"]["process"]["count"] == 24


def test_the_page_names_what_was_not_measured(page: Path) -> None:
    assert "not measured: tongueOut" in page.read_text()


def test_without_sources_and_none_that_ship_it_says_what_it_needs(
    blocks_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mien.demo._portraits", list)
    with pytest.raises(mien.SourceError) as caught:
        make_page([], [str(blocks_bundle)], tmp_path / "demo", 1, "auto", quiet)
    assert caught.value.code == "demo.sources"
    assert not (tmp_path / "demo").exists()


def test_with_nothing_given_the_shipped_bundles_run_on_the_shipped_performance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "models").mkdir()
    writer = cv2.VideoWriter(str(tmp_path / "data/performance.mp4"), cv2.VideoWriter_fourcc(*"mp4v"), 25, (64, 64))
    for _ in range(5):
        writer.write(blocks((2, 3)).planes[0])
    writer.release()
    for task in ("face", "expression"):
        direct_models.write_direct(tmp_path / "models" / f"{task}.mien", task)
    monkeypatch.setattr("mien.locate._MODELS", tmp_path / "models")
    monkeypatch.setattr("mien.demo.film", lambda: tmp_path / "data" / "performance.mp4")
    monkeypatch.setattr("mien.demo.find_spec", lambda _: None)
    page = make_page([], [], tmp_path / "demo", 1, "auto", quiet)
    runs = json.loads((page.parent / "report.json").read_text())["runs"]
    assert [(run["bundle"], run["sources"][0]["with_face"]) for run in runs] == [("face", 5), ("expression", 5)]
    assert {path.name for path in page.parent.glob("*[01].*")} == {f"{k}{n}" for k, n in FILES}


def test_a_picture_shows_what_is_expressed(tmp_path: Path) -> None:
    bundle = direct_models.write_direct(tmp_path / "a.mien", "expression")
    cv2.imwrite(str(tmp_path / "a.png"), blocks((2, 3)).planes[0])
    page = make_page([str(tmp_path / "a.png")], [str(bundle)], tmp_path / "demo", 1, "auto", quiet).read_text()
    assert all(name in page for name in ("Emotions", "happy", "Action units", "AU12", "Visibility", "mouth"))
