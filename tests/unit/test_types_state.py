"""mien.types: FaceState and HeadPose, what the SDK says of a face."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from mien.errors import LayoutError
from mien.layouts import ARKIT52, layout
from mien.types import FaceState, HeadPose, no_face


def state(**changes: object) -> FaceState:
    values = np.linspace(0, 1, 52, dtype=np.float32)
    valid = np.ones(52, np.bool_)
    valid[ARKIT52.index("tongueOut")] = False
    settings: dict[str, object] = {"t_ns": 7, "id": 3, "layout": ARKIT52, "values": values, "raw": values / 2}
    return FaceState(**{**settings, "valid": valid, "confidence": 0.75, **changes})  # type: ignore[arg-type]


def test_a_coefficient_is_read_by_name() -> None:
    assert state()["eyeBlinkLeft"] == 0
    assert state()["jawOpen"] == pytest.approx(ARKIT52.index("jawOpen") / 51)


def test_a_coefficient_that_was_not_measured_is_nan_never_zero() -> None:
    assert math.isnan(state()["tongueOut"])


def test_an_unknown_coefficient_is_an_error() -> None:
    with pytest.raises(LayoutError, match="jawDrop"):
        _ = state()["jawDrop"]


def test_another_layout_keeps_values_raw_and_flags_by_name() -> None:
    other = state().to("mediapipe52")
    assert other.layout is layout("mediapipe52")
    assert other["jawOpen"] == state()["jawOpen"]
    slot = other.layout.index("jawOpen")
    assert other.raw[slot] == pytest.approx(other.values[slot] / 2)
    assert (other.t_ns, other.id, other.confidence) == (7, 3, 0.75)


def test_an_unknown_layout_is_an_error() -> None:
    with pytest.raises(LayoutError):
        state().to("arkit60")


def test_no_face_has_no_id_no_confidence_and_nothing_valid() -> None:
    nothing = no_face(5, ARKIT52)
    assert (nothing.found, nothing.id, nothing.confidence) == (False, -1, 0.0)
    assert not nothing.valid.any()
    assert math.isnan(nothing["jawOpen"])
    assert (nothing.box, nothing.landmarks, nothing.head, nothing.gaze) == (None, None, None, None)


def test_a_dictionary_is_json_with_null_where_nothing_was_measured() -> None:
    head = HeadPose((0.0, 0.0, 0.0, 1.0), (0.0, 0.0, -0.5), 0.1)
    full = state(head=head, box=(1.0, 2.0, 3.0, 4.0), gaze=np.eye(2, 3, dtype=np.float32), aus={"AU12": 0.5})
    read = json.loads(json.dumps(full.to_dict()))
    assert read["values"]["tongueOut"] is None
    assert read["valid"] == {name: name != "tongueOut" for name in ARKIT52.names}
    assert read["head"] == {"rotation_xyzw": [0, 0, 0, 1], "translation_m": [0, 0, -0.5], "residual": 0.1}
    assert read["gaze"] == [[1, 0, 0], [0, 1, 0]]
    assert (read["t_ns"], read["id"], read["found"], read["stale"]) == (7, 3, True, False)
    assert "landmarks" not in read


def test_a_dictionary_holds_what_only_some_bundles_measure() -> None:
    full = state(
        extras={"tongueUp": 0.5, "tongueDown": math.nan},
        visibility={"mouth": np.float32(0.25)},
        eyes=np.float32([[1, 2], [3, 4.5]]),
        unknown=0.125,
        raw_embedding=np.float32([1, 2]),
        attention=np.full((2, 2), 0.25, np.float32),
    )
    read = json.loads(json.dumps(full.to_dict(), allow_nan=False))
    assert read["extras"] == {"tongueUp": 0.5, "tongueDown": None}
    assert read["visibility"] == {"mouth": 0.25}
    assert (read["eyes"], read["unknown"], read["raw_embedding"]) == ([[1, 2], [3, 4.5]], 0.125, [1, 2])
    assert read["attention"] == [[0.25, 0.25], [0.25, 0.25]]


def test_extras_are_found_by_name_in_any_layout() -> None:
    full = state(extras={"tongueUp": 0.5})
    assert full["tongueUp"] == full.to("mediapipe52")["tongueUp"] == 0.5


def test_a_dictionary_of_no_face_is_json_too() -> None:
    read = json.loads(json.dumps(no_face(5, ARKIT52).to_dict(landmarks=True), allow_nan=False))
    assert set(read["values"].values()) == {None}
    assert read["head"] is read["box"] is read["landmarks"] is None


def test_a_dictionary_takes_numpy_numbers() -> None:
    numbers = state(confidence=np.float32(0.5), box=tuple(np.float32([1, 2, 3, 4])))
    read = json.loads(json.dumps(numbers.to_dict()))
    assert (read["confidence"], read["box"]) == (0.5, [1, 2, 3, 4])


def test_landmarks_are_in_the_dictionary_when_asked_for() -> None:
    points = np.float32([[1.23456, 2, 3]])
    assert state(landmarks=points).to_dict(landmarks=True)["landmarks"] == [[pytest.approx(1.235), 2, 3]]


def test_a_head_pose_without_turn_only_translates() -> None:
    matrix = HeadPose((0.0, 0.0, 0.0, 1.0), (1.0, 2.0, 3.0), 0.0).matrix()
    np.testing.assert_array_equal(matrix, [[1, 0, 0, 1], [0, 1, 0, 2], [0, 0, 1, 3], [0, 0, 0, 1]])


def test_a_quarter_turn_about_the_vertical_axis_takes_forwards_to_the_right() -> None:
    half = math.sqrt(0.5)
    matrix = HeadPose((0.0, half, 0.0, half), (0.0, 0.0, 0.0), 0.0).matrix()
    np.testing.assert_allclose(matrix[:3, :3] @ [0, 0, 1], [1, 0, 0], atol=1e-12)


def test_states_are_compared_by_identity() -> None:
    one = state()
    assert one == one
    assert one != state()
    assert one in [state(), one]
