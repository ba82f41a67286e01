"""mien._native.Tracker: says which networks it wants run, on which inputs, and copes with a host that does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import direct_models
import models
import numpy as np
import pytest
from direct_models import FACE
from mien import _native
from mien.bundle import Bundle
from mien.errors import InputError, ModelError
from models import blocks

PRESENT, ABSENT = np.float32([[9]]), np.float32([[-9]])


@pytest.fixture
def model(tmp_path: Path) -> _native.TrackerModel:
    with Bundle.open(direct_models.write_direct(tmp_path / "face.mien")) as bundle:
        assert _native.neighbour(bundle.native()) is None
        return _native.TrackerModel(bundle.native())


def said(presence: np.ndarray = PRESENT, **more: np.ndarray) -> dict[str, np.ndarray]:
    return {**FACE, "presence": presence, **more}


def detected(cell: int | None) -> dict[str, np.ndarray]:
    """What the detector says that sees a face in one cell, or none."""
    widths = {"cls": 1, "obj": 1, "box": 4, "points": 4}
    out = {f"{name}_{models.CELL}": np.zeros((1, models.CELLS, n), np.float32) for name, n in widths.items()}
    out[f"points_{models.CELL}"][..., 2] = 1
    if cell is not None:
        out[f"cls_{models.CELL}"][0, cell] = out[f"obj_{models.CELL}"][0, cell] = 1
    return out


def begun(tracker: _native.Tracker, t_ns: int) -> str | None:
    """The name of what a tracker wants first."""
    tracker.begin(blocks((1, 1)).image, t_ns)
    return wanted(tracker)


def wanted(tracker: _native.Tracker) -> str | None:
    number = tracker.wants()
    return None if number is None else ("detector", "face")[number]


def test_it_wants_a_detector_then_landmarks_then_nothing(model: _native.TrackerModel) -> None:
    assert model.networks == [("detector", False), ("face", False)]
    tracker = _native.Tracker(model)
    assert tracker.wants() is None
    assert begun(tracker, 0) == "detector"
    tracker.answer(detected(9))
    assert wanted(tracker) == "face"
    tracker.answer(said())
    assert wanted(tracker) is None
    (face,) = tracker.faces()
    assert face["id"] == 0
    assert begun(tracker, 1) == "face"  # it is followed


def test_asked_again_it_wants_the_same(model: _native.TrackerModel) -> None:
    tracker = _native.Tracker(model)
    assert begun(tracker, 0) == "detector"
    before = tracker.inputs(0)["image"].copy()
    assert wanted(tracker) == "detector"
    np.testing.assert_array_equal(tracker.inputs(0)["image"], before)


def test_a_frame_that_is_given_up_leaves_the_faces_as_they_were(model: _native.TrackerModel) -> None:
    tracker = _native.Tracker(model)
    begun(tracker, 0)
    tracker.answer(detected(9))
    tracker.wants()
    tracker.answer(said())
    tracker.wants()
    (first,) = tracker.faces()
    assert begun(tracker, 1) == "face"  # the host's network fails, and nobody answers
    assert begun(tracker, 2) == "face"
    tracker.answer(said())
    assert wanted(tracker) is None
    assert tracker.faces()[0]["id"] == first["id"]


def test_what_it_cannot_use_gives_the_frame_up(model: _native.TrackerModel) -> None:
    tracker = _native.Tracker(model)
    begun(tracker, 0)
    tracker.answer(detected(9))
    tracker.wants()
    with pytest.raises(ModelError) as refused:
        tracker.answer(said(points=np.float32([[[3e38, -3e38], [-3e38, 3e38]] * 2 + [[0, 0]]])))
    assert refused.value.code == "model.not_finite"
    assert tracker.wants() is None
    assert tracker.faces() == []
    assert begun(tracker, 1) == "detector"


@pytest.mark.parametrize("outputs", [{}, said(gaze=np.zeros(5, np.float32)), said(gaze=np.array(["a"] * 6))])
def test_outputs_that_are_missing_or_of_another_size_are_refused(
    outputs: dict[str, Any], model: _native.TrackerModel
) -> None:
    tracker = _native.Tracker(model)
    begun(tracker, 0)
    tracker.answer(detected(9))
    tracker.wants()
    with pytest.raises((InputError, ValueError)):
        tracker.answer(outputs)
    tracker.answer(said())  # it waits for better ones
    assert wanted(tracker) is None
    assert len(tracker.faces()) == 1


def test_an_answer_to_nothing_is_refused(model: _native.TrackerModel) -> None:
    tracker = _native.Tracker(model)
    with pytest.raises(InputError, match="wants no network"):
        tracker.answer(detected(None))
    begun(tracker, 0)
    tracker.answer(detected(None))
    with pytest.raises(InputError, match="wants no network"):
        tracker.answer(detected(None))


def test_inputs_stay_where_they_are_and_outlive_the_tracker(model: _native.TrackerModel) -> None:
    tracker = _native.Tracker(model)
    image = tracker.inputs(0)["image"]
    assert image.shape == (1, 3, models.SIDE, models.SIDE)
    assert image.dtype == np.float32
    assert image.ctypes.data % 64 == 0
    assert tracker.inputs(0)["image"].ctypes.data == image.ctypes.data
    begun(tracker, 0)
    assert image.max() == 1
    del tracker
    assert image.max() == 1


def test_streams_of_a_model_do_not_know_one_another(model: _native.TrackerModel) -> None:
    one, other = _native.Tracker(model), _native.Tracker(model)
    begun(one, 0)
    one.answer(detected(9))
    one.wants()
    one.answer(said())
    one.wants()
    assert begun(other, 0) == "detector"
    other.answer(detected(None))
    assert wanted(other) is None
    assert (len(one.faces()), len(other.faces())) == (1, 0)
