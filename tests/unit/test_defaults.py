"""The bundles and the film that ship: what a user sees who has just installed mien."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import mien
import numpy as np
import pytest
from mien.bundle import Bundle
from mien.layouts import ARKIT52
from mien.locate import shipped
from mien.types import FaceState

FILM = Path(str(files("mien"))) / "data" / "performance.mp4"


@pytest.fixture(scope="module")
def states() -> list[FaceState]:
    with mien.open("expression") as pipeline:
        return list(pipeline.stream(str(FILM)))


def test_every_bundle_is_whole_free_and_says_what_it_learnt_from() -> None:
    assert shipped() == ["detect", "expression", "face", "imu", "reenact"]
    size = 0
    for name in shipped():
        path = FILM.parent.parent / "models" / f"{name}.mien"
        size += path.stat().st_size
        with Bundle.open(path) as bundle:
            fields = bundle.manifest.root.fields
            assert bundle.manifest.name == name
            assert fields["licence"]["spdx"] == "Apache-2.0"
            assert "No photograph" in fields["training_data"]
            for blob in bundle.manifest.blobs:
                assert len(bundle.blob(blob)) > 0
    assert size <= 32e6


def test_the_face_of_the_film_is_followed_from_end_to_end(states: list[FaceState]) -> None:
    assert len(states) == 180
    assert all(state.found for state in states)
    assert len({state.id for state in states}) == 1


def test_everything_is_answered(states: list[FaceState]) -> None:
    for state in states:
        assert state.landmarks is not None and state.landmarks.shape == (220, 3)
        assert state.head is not None and abs(float(state.head.translation[2])) > 0.2
        assert np.allclose(np.linalg.norm(np.asarray(state.gaze), axis=1), 1, atol=1e-3)
        assert state.extras is not None and "tongueUp" in state.extras
        assert state.aus and state.emotion and state.visibility
        assert state.embedding is not None and np.linalg.norm(state.embedding) == pytest.approx(1, abs=1e-3)
    assert np.mean([state.valid.mean() for state in states]) > 0.95


def test_what_the_performer_does_is_seen(states: list[FaceState]) -> None:
    """The film speaks, smiles, blinks and looks around."""
    values = np.stack([state.raw for state in states])
    reach = dict(zip(ARKIT52.names, np.ptp(values, axis=0), strict=True))
    for name in ("jawOpen", "mouthSmileLeft", "mouthSmileRight", "eyeBlinkLeft", "eyeBlinkRight"):
        assert reach[name] > 0.4, name
