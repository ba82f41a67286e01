"""mien.tasks._loader: networks of a bundle, and of one that it refers to by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mien
import models
import pytest
from direct_models import write_direct
from mien.bundle import new_key
from mien.errors import BundleError
from models import blocks


def referring(name: str = "eyes") -> Any:
    """Makes a face bundle use another bundle's detector."""

    def change(manifest: dict[str, Any]) -> None:
        del manifest["networks"]["detector"]
        manifest["detect"] = {"bundle": name}

    return change


def signed(path: Path, source: Path, key: bytes) -> None:
    with mien.Bundle.open(source) as bundle:
        fields = {name: value for name, value in bundle.manifest.root.fields.items() if name != "blobs"}
        mien.Bundle.write(path, fields, {name: bytes(bundle.blob(name)) for name in bundle.names()}, key)


def test_a_bundle_can_use_the_detector_of_its_neighbour(tmp_path: Path) -> None:
    models.write_detect(tmp_path / "eyes.mien")
    with mien.open(write_direct(tmp_path / "a.mien", change=referring())) as pipeline:
        assert pipeline.process(blocks((2, 3))).box == (17.5, 25.5, 21.5, 29.5)
        assert {choice.network for choice in pipeline.report().networks} == {"detector", "face"}


def test_or_the_detector_of_a_bundle_that_ships(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = tmp_path / "models"
    shelf.mkdir()
    models.write_detect(shelf / "eyes.mien")
    monkeypatch.setattr("mien.locate._MODELS", shelf)
    with mien.open(write_direct(tmp_path / "a.mien", change=referring())) as pipeline:
        assert pipeline.process(blocks((2, 3))).found


def test_a_detector_that_is_nowhere_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="needs the bundle 'eyes'") as refused:
        mien.open(write_direct(tmp_path / "a.mien", change=referring()))
    assert refused.value.code == "bundle.missing"


@pytest.mark.parametrize("name", ["../eyes", "/etc/eyes", "a/b", "", "eyes.mien", ".."])
def test_a_bundle_refers_to_names_only(name: str, tmp_path: Path) -> None:
    with pytest.raises(BundleError) as refused:
        mien.open(write_direct(tmp_path / "a.mien", change=referring(name)))
    assert refused.value.code == "manifest.field"


def test_what_nobody_reads_in_the_neighbour_is_refused_too(tmp_path: Path) -> None:
    models.write_detect(tmp_path / "eyes.mien", {**models.detect_manifest(), "colour": "green"})
    with pytest.raises(BundleError, match=r"manifest\.colour") as refused:
        mien.open(write_direct(tmp_path / "a.mien", change=referring()))
    assert refused.value.code == "manifest.unknown"


def test_both_have_to_be_signed(tmp_path: Path) -> None:
    private, public = new_key()
    plain = write_direct(tmp_path / "plain.mien", change=referring())
    signed(tmp_path / "a.mien", plain, private)
    models.write_detect(tmp_path / "eyes.mien")
    with pytest.raises(BundleError) as refused:
        mien.open(tmp_path / "a.mien", trust=iter([public]))
    assert refused.value.code == "bundle.unsigned"
    signed(tmp_path / "signed.mien", tmp_path / "eyes.mien", private)
    (tmp_path / "signed.mien").replace(tmp_path / "eyes.mien")
    with mien.open(tmp_path / "a.mien", trust=iter([public])) as pipeline:
        assert pipeline.process(blocks((2, 3))).found
