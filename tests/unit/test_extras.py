"""mien._extras: optional packages are imported when needed, and named when missing."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from mien._extras import need, quiet
from mien.errors import MissingExtraError


def test_an_installed_module_is_handed_out() -> None:
    assert need("math", "Counting") is math


@pytest.mark.parametrize(("module", "extra"), [("cv2", "video"), ("matplotlib.pyplot", "viewer")])
def test_a_missing_module_names_its_extra_and_the_pip_command(
    module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module.partition(".")[0], None)
    with pytest.raises(MissingExtraError, match=rf"pip install 'mien\[{extra}\]'"):
        need(module, "Drawing")


def test_opencv_is_quiet_only_while_somebody_asks_for_it() -> None:
    level = cv2.utils.logging.getLogLevel()
    with quiet(cv2):
        with quiet(cv2):
            assert cv2.utils.logging.getLogLevel() == cv2.utils.logging.LOG_LEVEL_SILENT
        assert cv2.utils.logging.getLogLevel() == cv2.utils.logging.LOG_LEVEL_SILENT
    assert cv2.utils.logging.getLogLevel() == level


@pytest.mark.parametrize("program", ["mien.Camera(63)", "mien.Images(sys.argv[1]).read()", "mien.Video(sys.argv[2])"])
def test_what_cannot_be_opened_is_raised_and_not_printed(program: str, tmp_path: Path) -> None:
    _, data = cv2.imencode(".png", np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8))
    (tmp_path / "cut.png").write_bytes(data.tobytes()[:2000])
    (tmp_path / "cut.mp4").write_bytes(b"\0\0\0\x20ftypisom" + bytes(500))
    code = f"import sys, mien\ntry: {program}\nexcept mien.SourceError: print('raised')"
    command = [sys.executable, "-c", code, str(tmp_path / "cut.png"), str(tmp_path / "cut.mp4")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.stdout.strip(), done.stderr) == ("raised", "")
