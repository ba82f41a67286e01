"""What the unit tests share: synthetic bundles from `models.py`, and how hypothesis draws."""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))

import models  # beside this file

settings.register_profile(
    "mien",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("mien")


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


@pytest.fixture(scope="session")
def blocks_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """White blocks are faces: detector, landmarks and coefficients (see `models`)."""
    return models.write_face(tmp_path_factory.mktemp("blocks") / "blocks.mien")


@pytest.fixture(scope="session")
def detect_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """White blocks are faces: the detector alone."""
    return models.write_detect(tmp_path_factory.mktemp("blocks") / "detect.mien")
