"""What the training tests share: one renderer per process, and pictures rendered with it once."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from training import dataset
from training.errors import TrainingError
from training.performer.renderer import Renderer

sys.path.insert(0, str(Path(__file__).parent.parent / "unit"))  # for `models`, the tiny networks

PICTURES = 24
SEED = 5


@pytest.fixture
def renderer(shared: Path) -> Renderer:
    """The renderer of data sets, 180 pixels; current even where another test has made one of its own."""
    try:
        made = dataset._renderer()
    except TrainingError as error:
        if error.code != "render.no_egl":
            raise
        pytest.skip(f"needs OpenGL through EGL: {error.message}")
    made._gl.__enter__()
    return made


@pytest.fixture(scope="session")
def _rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("faces")


@pytest.fixture
def faces_folder(_rendered: Path, renderer: Renderer) -> Path:
    """A folder with one shard of `PICTURES` pictures, rendered with `SEED`; not to be changed."""
    dataset.render_shard(_rendered, 0, SEED, "train", PICTURES)
    return _rendered


@pytest.fixture
def pictures(faces_folder: Path) -> dataset.Dataset:
    """Those pictures."""
    return dataset.load(faces_folder)
