"""Full disks and interruptions: a clear error or a clean stop, no half-written bundle, the old one untouched."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from export.errors import ExportError
from export.kept import keep

from .conftest import environment


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_a_full_disk_leaves_no_part_of_a_file(
    tmp_path: Path, disk_of: Callable[[int], AbstractContextManager[None]]
) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"the one before")
    with disk_of(1000), pytest.raises(ExportError) as caught:
        keep(path, lambda target: target.write_bytes(bytes(5000)))
    assert caught.value.code == "export.write"
    assert path.read_bytes() == b"the one before"
    assert names_in(tmp_path) == ["model.onnx"]


def test_an_export_on_a_full_disk_says_so_and_keeps_the_old_bundle(desk: Path, tmp_path: Path) -> None:
    out = tmp_path / "smile.mien"
    out.write_bytes(b"the one before")
    limit = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    limit += "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, resource.RLIM_INFINITY)); "
    code = f"{limit}import runpy, sys; sys.argv[0] = 'export'; runpy.run_module('export', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-B", "-c", code, "smile_recipe.py", "--from", "smile.pt", "--targets", "ort-cpu",
         "-o", str(out), "--work", str(tmp_path / "work")],
        cwd=desk, env=environment(), capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert "cannot be written" in done.stderr or "Cannot write" in done.stderr
    assert out.read_bytes() == b"the one before"
    assert not [name for name in names_in(tmp_path) if "partial" in name or name.startswith(".")]


@pytest.mark.parametrize("after", [0.5, 4.0])
def test_an_interrupted_export_leaves_nothing_behind(after: float, desk: Path, tmp_path: Path) -> None:
    out = tmp_path / "smile.mien"
    out.write_bytes(b"the one before")
    running = subprocess.Popen(
        [sys.executable, "-m", "export", "smile_recipe.py", "--from", "smile.pt", "--calibration", "pictures",
         "--targets", "ort-cpu-int8,litert-int8", "-o", str(out), "--work", str(tmp_path / "work")],
        cwd=desk, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    time.sleep(after)
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=120)
    assert running.returncode != 0
    assert out.read_bytes() == b"the one before"
    assert not [name for name in names_in(tmp_path) if name.startswith(".")]
    work = tmp_path / "work"
    assert not work.exists() or not [name for name in names_in(work) if name.startswith(".")]
