"""mien.importers.select: a file finds its importer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mien import registry
from mien.errors import BundleError, MienError, SinkError
from mien.importers.base import Importer
from mien.importers.select import import_model


def test_every_importer_says_what_it_reads() -> None:
    assert all(importer.summary for importer in registry.every("importers", Importer))


@pytest.mark.parametrize(
    ("name", "importer"),
    [("face_landmarker.task", "MediaPipeTask"), ("yunet_n.onnx", "YuNet"), ("my.toml", "OnnxToml")],
)
def test_each_file_is_accepted_by_one_importer(name: str, importer: str) -> None:
    accepting = [kind.__name__ for kind in registry.every("importers", Importer) if kind.accepts(Path(name))]
    assert accepting == [importer]


def test_a_file_that_nothing_imports_is_refused_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"x")
    with pytest.raises(BundleError, match="toml") as refused:
        import_model(tmp_path / "a.bin", tmp_path / "a.mien")
    assert refused.value.code == "import.unknown"


@pytest.mark.parametrize("name", ["absent.task", "."])
def test_a_file_that_is_not_there_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(BundleError) as refused:
        import_model(tmp_path / name, tmp_path / "a.mien")
    assert refused.value.code == "import.missing"


@pytest.mark.parametrize("path", [None, 5, "a\0b"])
def test_what_is_no_path_is_refused(path: Any, tmp_path: Path) -> None:
    with pytest.raises(BundleError) as refused:
        import_model(path, tmp_path / "a.mien")
    assert refused.value.code == "import.missing"


def test_paths_may_be_strings(tmp_path: Path, shared: Path) -> None:
    model = str(shared / "oracles/yunet/yunet_n_320_320.onnx")
    assert import_model(model, str(tmp_path / "a.mien")) == tmp_path / "a.mien"


def test_a_bundle_is_not_written_over_its_model(tmp_path: Path) -> None:
    (tmp_path / "yunet.onnx").write_bytes(b"kps_32")
    with pytest.raises(SinkError) as refused:
        import_model(tmp_path / "yunet.onnx", tmp_path / "yunet.onnx")
    assert refused.value.code == "sink.conflict"
    assert (tmp_path / "yunet.onnx").read_bytes() == b"kps_32"


def test_an_importer_chosen_by_name_is_used(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"x")
    with pytest.raises(BundleError) as refused:
        import_model(tmp_path / "a.bin", tmp_path / "a.mien", kind="yunet")
    assert refused.value.code == "import.content"


def test_an_unknown_importer_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"x")
    with pytest.raises(MienError, match="mediapipe_task, onnx_toml") as refused:
        import_model(tmp_path / "a.bin", tmp_path / "a.mien", kind="magic")
    assert refused.value.code == "importers.unknown"
