"""mien.tasks._following: the loop around the tracker, and the detector asked alone."""

from __future__ import annotations

from pathlib import Path

import direct_models
import models
import pytest
from mien.backends.select import Terms
from mien.bundle import Bundle
from mien.profiler import Profiler
from mien.tasks._following import Following
from mien.tasks._loader import Loader
from models import blocks


def following(path: Path) -> Following:
    bundle = Bundle.open(path)
    return Following(bundle, Loader(bundle, Terms()))


def test_the_detector_alone_says_whether_there_is_a_face(tmp_path: Path) -> None:
    for path in (models.write_face(tmp_path / "face.mien"), models.write_detect(tmp_path / "detect.mien")):
        faces = following(path)
        assert faces.detected(blocks((2, 3)))
        assert not faces.detected(blocks())


def test_without_a_detector_every_picture_may_hold_a_face(tmp_path: Path) -> None:
    path = models.write_face(tmp_path / "face.mien", models.face_manifest(detector=False))
    assert following(path).detected(blocks())


def test_each_step_is_timed_under_its_name(tmp_path: Path) -> None:
    profiler = Profiler()
    stream = following(direct_models.write_direct(tmp_path / "face.mien")).stream(1, True, True)
    (state,) = stream.process(blocks((2, 3)), profiler)
    assert state.found
    counts = {name: stage["count"] for name, stage in profiler.summary().items()}
    assert counts == {"prepare": 3, "run": 2, "decode": 3}


@pytest.mark.parametrize(("name", "there"), [("neutral", False), ("image", True)])
def test_an_input_is_found_by_its_name(name: str, there: bool, tmp_path: Path) -> None:
    stream = following(direct_models.write_direct(tmp_path / "face.mien")).stream(1, True, True)
    assert (stream.buffer(name) is not None) == there
