"""What the tests share: the real data beside the repository, bundles imported from it once per run, and a full disk."""

from __future__ import annotations

import atexit
import os
import resource
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from mien._extras import need

# OpenCV first through mien, which keeps its FFmpeg from writing to stderr: a test that opens a video by itself before
# would let it write in all that follow.
need("cv2", "The tests")

ROOT = Path(__file__).resolve().parent.parent
# Compiled networks of the tests are no business of the user's own cache.
os.environ["MIEN_CACHE"] = str(Path(tempfile.mkdtemp(prefix="mien-cache-")))
atexit.register(shutil.rmtree, os.environ["MIEN_CACHE"], ignore_errors=True)
SHARED = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real pictures, clips and public models.

    Without it the tests that need it are skipped; where CI has the folder beside it, a missing one is a failure.
    """
    if not SHARED.is_dir():
        if os.environ.get("CI") and SHARED.parent.is_dir():
            pytest.fail(f"{SHARED} is missing although the shared folder is there")
        pytest.skip("needs the shared real data beside the repository (../shared/data)")
    return SHARED


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is marked `shared` asks for the folder before any other fixture does."""
    for item in items:
        if isinstance(item, pytest.Function) and item.get_closest_marker("shared"):
            item.fixturenames.insert(0, "shared")


def _imported(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from mien.importers.select import import_model

    return import_model(model, tmp_path_factory.mktemp("bundle") / f"{model.stem}.mien")


@pytest.fixture(scope="session")
def mediapipe_bundle(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MediaPipe's Face Landmarker as a bundle."""
    return _imported(shared / "oracles/mediapipe/face_landmarker.task", tmp_path_factory)


@pytest.fixture(scope="session")
def yunet_bundle(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """YuNet as a bundle; it runs on ONNX Runtime alone."""
    return _imported(shared / "oracles/yunet/yunet_n_320_320.onnx", tmp_path_factory)


@pytest.fixture(scope="session")
def astronaut(shared: Path) -> Path:
    """A real portrait, 512x512."""
    return shared / "faces_public_domain/astronaut_nasa.png"


@pytest.fixture
def disk_of() -> Callable[[int], AbstractContextManager[None]]:
    """A context in which no file can grow beyond so many bytes, as on a disk that is full."""

    @contextmanager
    def limited(size: int) -> Iterator[None]:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))  # Python ignores the signal, so writes fail
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limited
