"""What the unit tests share: synthetic bundles from `models.py`, and how hypothesis draws."""

from __future__ import annotations

import sys
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


@pytest.fixture(scope="session")
def blocks_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """White blocks are faces: detector, landmarks and coefficients (see `models`)."""
    return models.write_face(tmp_path_factory.mktemp("blocks") / "blocks.mien")


@pytest.fixture(scope="session")
def detect_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """White blocks are faces: the detector alone."""
    return models.write_detect(tmp_path_factory.mktemp("blocks") / "detect.mien")
