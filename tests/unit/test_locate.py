"""mien.locate: bundles by path or by name."""

from __future__ import annotations

from pathlib import Path

import mien
import models
import pytest
from mien.errors import BundleError
from mien.locate import beside, locate, shipped
from models import blocks


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of shipped bundles with one called face."""
    (tmp_path / "models").mkdir()
    models.write_face(tmp_path / "models" / "face.mien")
    monkeypatch.setattr("mien.locate._MODELS", tmp_path / "models")
    return tmp_path / "models"


def test_a_shipped_bundle_opens_by_its_name(shelf: Path) -> None:
    assert shipped() == ["face"]
    with mien.open("face") as pipeline:
        assert pipeline.process(blocks((2, 3))).found


def test_a_folder_of_that_name_does_not_hide_it(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (shelf.parent / "face").mkdir()
    monkeypatch.chdir(shelf.parent)
    assert locate("face") == shelf / "face.mien"


def test_a_path_is_a_path(shelf: Path, tmp_path: Path) -> None:
    other = models.write_face(tmp_path / "mine")
    assert locate(other) == other
    assert locate("nowhere.mien") == Path("nowhere.mien")


@pytest.mark.parametrize("name", ["faces", "../models/face", ""])
def test_other_names_are_refused_with_those_there_are(name: str, shelf: Path) -> None:
    with pytest.raises(BundleError, match="with mien come: face") as refused:
        locate(name)
    assert refused.value.code == "bundle.unknown"


@pytest.mark.parametrize("name", [None, 5, "a\0b"])
def test_what_is_no_path_is_refused(name: object) -> None:
    with pytest.raises(BundleError) as refused:
        locate(name)  # type: ignore[arg-type]
    assert refused.value.code in ("bundle.missing", "bundle.unknown")


def test_a_neighbour_goes_before_a_shipped_bundle_of_its_name(shelf: Path, tmp_path: Path) -> None:
    one = tmp_path / "mine.mien"
    assert beside(one, "face") == shelf / "face.mien"
    neighbour = models.write_face(tmp_path / "face.mien")
    assert beside(one, "face") == neighbour


@pytest.mark.parametrize("name", ["d\u00e9t-ect", "../face", "a.b", "", "-"])
def test_what_is_not_the_name_of_a_bundle_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(BundleError) as refused:
        beside(tmp_path / "mine.mien", name)
    assert refused.value.code == "bundle.path"
