"""mien.doctor: what this machine has."""

from __future__ import annotations

from pathlib import Path

import models
import pytest
from mien.doctor import examine


@pytest.mark.parametrize(("names", "found"), [([], "none"), (["face", "detect"], "detect, face")])
def test_it_names_the_bundles_that_ship(
    names: list[str], found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in names:
        models.write_detect(tmp_path / f"{name}.mien")
    monkeypatch.setattr("mien.locate._MODELS", tmp_path)
    (row,) = [row for row in examine() if row["what"] == "default bundles"]
    assert (row["found"], row["ok"], row["required"]) == (found, bool(names), False)
    assert bool(row["advice"]) != bool(names)


def rows(prefix: str) -> dict[str, dict[str, object]]:
    return {str(row["what"]).strip(): row for row in examine() if str(row["what"]).strip().startswith(prefix)}


def test_each_engine_that_is_here_computes_the_same() -> None:
    for what in ("onnxruntime:CPU", "openvino:CPU"):
        row = rows(what)[what]
        assert row["ok"], row
        assert "ms a frame" in str(row["found"])


def test_a_device_that_computes_something_else_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    from mien.backends.openvino import OpenVinoSession

    honest = OpenVinoSession.run
    monkeypatch.setattr(OpenVinoSession, "run", lambda *args: [value + 1 for value in honest(*args)])
    row = rows("openvino:CPU")["openvino:CPU"]
    assert not row["ok"]
    assert "something else" in str(row["found"])


def test_what_is_missing_comes_with_what_to_do() -> None:
    assert "driver" in str(rows("openvino:NPU")["openvino:NPU"]["advice"])
    assert "onnxruntime-gpu" in str(rows("onnxruntime:CUDA")["onnxruntime:CUDA"]["advice"])


def test_an_engine_that_is_not_installed_is_told_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    from mien.backends.openvino import OpenVinoSession

    monkeypatch.setattr(OpenVinoSession, "version", classmethod(lambda _: None))
    row = rows("engine openvino")["engine openvino"]
    assert (row["ok"], row["advice"]) == (False, "pip install 'mien[openvino]'")


def test_device_files_are_listed_with_who_may_use_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("video0", "accel/accel0", "dri/renderD128", "null"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.setattr("mien.doctor._DEV", tmp_path)
    monkeypatch.setattr("mien.doctor.os.access", lambda path, mode: "video" not in str(path))
    assert rows("camera")[f"camera {tmp_path}/video0"]["advice"] == "sudo usermod -aG video $USER, then log in again"
    assert rows("NPU")[f"NPU {tmp_path}/accel/accel0"]["ok"]
    assert rows("GPU")[f"GPU {tmp_path}/dri/renderD128"]["ok"]


def test_a_cache_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert rows("cache")["cache"]["ok"]
    (tmp_path / "file").touch()
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "file" / "cache"))
    assert "MIEN_CACHE" in str(rows("cache")["cache"]["advice"])
