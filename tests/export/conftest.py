"""A user's folder: the tutorial's model, its recipe, and pictures from the film that ships."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import mien
import numpy as np
import pytest

from export.recipe import Recipe
from export.run import export
from export.settings import Settings

sys.path.insert(0, str(Path(__file__).parent.parent / "unit"))  # for `models`, the tiny networks

ROOT = Path(__file__).resolve().parents[2]
FILM = Path(mien.__file__).parent / "data" / "performance.mp4"
Command = Callable[..., subprocess.CompletedProcess[str]]


def blocks(kind: str) -> list[str]:
    """The code blocks of docs/export.md of one language."""
    return re.findall(rf"```{kind}\n(.*?)```", (ROOT / "docs" / "export.md").read_text(), re.DOTALL)


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 200 pictures: the film's 180 frames, and twenty of them mirrored."""
    folder = tmp_path_factory.mktemp("pictures")
    film = cv2.VideoCapture(str(FILM))
    count = 0
    while count < 200:
        good, frame = film.read()
        if not good:
            film = cv2.VideoCapture(str(FILM))
            continue
        turned = frame if count < 180 else np.ascontiguousarray(frame[:, ::-1])
        cv2.imwrite(str(folder / f"{count:03}.jpg"), turned, [cv2.IMWRITE_JPEG_QUALITY, 92])
        count += 1
    return folder


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory, pictures: Path) -> Path:
    """The tutorial's files and its trained weights in a folder."""
    folder = tmp_path_factory.mktemp("desk")
    for block in blocks("python"):
        (folder / block.split("\n", 1)[0].removeprefix("# ")).write_text(block)
    (folder / "pictures").symlink_to(pictures)
    subprocess.run([sys.executable, "train.py"], cwd=folder, check=True)
    return folder


@pytest.fixture
def command(desk: Path, tmp_path: Path) -> Command:
    """`python -m export` with these arguments in the user's folder."""

    def run(*arguments: str, work: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "export", *arguments, "--work", str(work or tmp_path / "work")],
            cwd=desk, env=environment(), capture_output=True, text=True, timeout=600,
        )  # fmt: skip

    return run


def environment() -> dict[str, str]:
    """With this repository's packages, and wide enough for whole tables."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200", "PYTHONWARNINGS": "ignore"}


def made(path: Path, recipe: Recipe, targets: Sequence[str] = ("ort-cpu",)) -> Path:
    """The recipe's bundle, written by export as it writes every bundle."""
    assert export(lambda: recipe, Settings(path.parent / "work"), targets, path)
    return path
