"""mien.tasks.face with one network that gives everything: coefficients, visibility, gaze and the head's rotation."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mien
import numpy as np
import pytest
from direct_models import EXTRAS, FACE, drop_outputs, write_direct
from mien.errors import BundleError
from mien.layouts import ARKIT52
from models import CROSS, MS, blocks

EYE_LEFT = [name for name in ARKIT52.names if name.startswith("eye") and name.endswith("Left")]
QUARTER = math.radians(30)


def first(path: Path, **options: Any) -> mien.FaceState:
    with mien.open(path, **options) as pipeline:
        return pipeline.process(blocks((2, 3), t_ns=0))


def rolled() -> np.ndarray:
    """The cross of `models`, rolled clockwise by 30 degrees about its middle."""
    cos, sin = math.cos(QUARTER), math.sin(QUARTER)
    middle = np.float32(CROSS[4])
    return ((np.float32(CROSS) - middle) @ np.float32([[cos, sin], [-sin, cos]]) + middle)[None]


def test_coefficients_come_clamped_from_the_same_network(tmp_path: Path) -> None:
    with mien.open(write_direct(tmp_path / "a.mien")) as pipeline:
        state = pipeline.process(blocks((2, 3)))
        assert [choice.network for choice in pipeline.report().networks] == ["detector", "face"]
    np.testing.assert_array_equal(state.values, np.clip(FACE["coefficients"][0, :52], 0, 1))
    assert state.valid.all()


def test_extras_have_names_of_their_own(tmp_path: Path) -> None:
    coefficients = np.zeros((1, 54), np.float32)
    coefficients[0, 52:] = 0.25, 7
    state = first(write_direct(tmp_path / "a.mien", coefficients=coefficients))
    assert state.extras == {"tongueUp": 0.25, "tongueDown": 1.0}
    assert state["tongueUp"] == 0.25
    assert len(state.values) == 52


def test_a_face_in_full_view_has_all_coefficients(tmp_path: Path) -> None:
    state = first(write_direct(tmp_path / "a.mien"))
    assert state.visibility == pytest.approx({"eyeLeft": 1 / (1 + math.exp(-4)), "mouth": 1 / (1 + math.exp(-4))})
    assert state.valid.all()


def test_coefficients_of_a_hidden_region_are_not_valid_and_raw_keeps_the_guess(tmp_path: Path) -> None:
    state = first(write_direct(tmp_path / "a.mien", visibility=np.float32([[-1, 4]])))
    assert [name for name, ok in zip(ARKIT52.names, state.valid, strict=True) if not ok] == EYE_LEFT
    assert math.isnan(state["eyeBlinkLeft"])
    np.testing.assert_array_equal(state.raw, np.clip(FACE["coefficients"][0, :52], 0, 1))
    assert state.extras is not None
    assert not any(math.isnan(value) for value in state.extras.values())


def test_extras_of_a_hidden_region_are_nan(tmp_path: Path) -> None:
    state = first(write_direct(tmp_path / "a.mien", visibility=np.float32([[4, -100]])))
    assert state.extras is not None
    assert [name for name in EXTRAS if math.isnan(state.extras[name])] == list(EXTRAS)
    assert math.isnan(state["jawOpen"])
    assert state.to_dict()["extras"] == {"tongueUp": None, "tongueDown": None}


def test_gaze_and_rotation_of_an_upright_crop_are_the_network_s(tmp_path: Path) -> None:
    state = first(write_direct(tmp_path / "a.mien"))
    assert state.gaze is not None
    np.testing.assert_allclose(state.gaze, FACE["gaze"][0], atol=1e-6)
    assert state.head is not None
    assert state.head.rotation == pytest.approx((0, 0, 0, 1))
    assert state.eyes is not None
    np.testing.assert_allclose(state.eyes, [[21.5, 27.5], [17.5, 27.5]], atol=1e-4)


def test_gaze_and_rotation_are_turned_back_by_the_roll_of_the_crop(tmp_path: Path) -> None:
    with mien.open(write_direct(tmp_path / "a.mien", points=rolled())) as pipeline:
        pipeline.process(blocks((2, 3), t_ns=0))
        state = pipeline.process(blocks((2, 3), t_ns=1))  # now in a crop that is turned clockwise
    assert state.gaze is not None
    expected = [[0, 0, 1], [0.6 * math.cos(QUARTER), -0.6 * math.sin(QUARTER), 0.8]]
    np.testing.assert_allclose(state.gaze, expected, atol=1e-5)
    assert state.head is not None
    assert state.head.rotation == pytest.approx((0, 0, -math.sin(QUARTER / 2), math.cos(QUARTER / 2)), abs=1e-5)


@pytest.mark.parametrize("output", ["gaze", "rotation"])
def test_what_is_no_direction_is_none(output: str, tmp_path: Path) -> None:
    state = first(write_direct(tmp_path / "a.mien", **{output: np.zeros_like(FACE[output])}))
    assert (state.gaze if output == "gaze" else state.head) is None
    assert state.found


def test_a_new_face_is_looked_at_again_and_a_followed_one_is_not(tmp_path: Path) -> None:
    path = write_direct(tmp_path / "a.mien", change=lambda m: m["face"].update(refine=1), points=rolled())
    with mien.open(path) as pipeline:
        state = pipeline.process(blocks((2, 3), t_ns=0))
        assert pipeline.report().stages["run"]["count"] == 1 + 2
        pipeline.process(blocks((2, 3), t_ns=1))
        assert pipeline.report().stages["run"]["count"] == 1 + 2 + 1
    assert state.gaze is not None
    assert state.gaze[1, 1] == pytest.approx(-0.6 * math.sin(QUARTER), abs=1e-5)  # seen in the second crop


def test_pictures_of_their_own_are_all_looked_at_again(tmp_path: Path) -> None:
    path = write_direct(tmp_path / "a.mien", change=lambda m: m["face"].update(refine=2))
    with mien.open(path, tracking=False) as pipeline:
        for t in range(3):
            pipeline.process(blocks((2, 3), t_ns=t))
        assert pipeline.report().stages["run"]["count"] == 3 * (1 + 3)


def test_a_face_that_is_no_longer_there_is_lost(tmp_path: Path) -> None:
    with mien.open(write_direct(tmp_path / "a.mien")) as pipeline:
        found = [pipeline.process(blocks(*cells, t_ns=t)).found for t, cells in enumerate([[(2, 3)], [], [(2, 3)]])]
    assert found == [True, False, True]


def test_a_face_at_rest_stays_where_it_is(tmp_path: Path) -> None:
    with mien.open(write_direct(tmp_path / "a.mien")) as pipeline:
        seen = [pipeline.process(blocks((2, 3), t_ns=t * 33 * MS)) for t in range(20)]
    assert {state.id for state in seen} == {0}
    for state in seen:
        assert state.box == pytest.approx((17.5, 25.5, 21.5, 29.5), abs=1e-3)


Change = Callable[[dict[str, Any]], object]
WRONG: dict[str, tuple[Change, str]] = {
    "coefficients that do not fit": (lambda f: f["coefficients"].update(extras=["a"]), "outputs.coefficients"),
    "an extra of ARKit's": (lambda f: f["coefficients"].update(extras=["jawOpen", "a"]), "coefficients.extras"),
    "an extra twice": (lambda f: f["coefficients"].update(extras=["a", "a"]), "coefficients.extras"),
    "regions that do not fit": (lambda f: f["visibility"].update(regions=["mouth"]), "outputs.visibility"),
    "an unknown region": (lambda f: f["visibility"].update(coefficients={"ear": ["jawOpen"]}), "ear"),
    "an unknown coefficient": (lambda f: f["visibility"].update(coefficients={"mouth": ["smile"]}), "smile"),
    "an impossible visibility": (lambda f: f["visibility"].update(min=2), "visibility.min"),
    "eyes that are no landmarks": (lambda f: f["gaze"].update(eyes=[0, 5]), "gaze.eyes"),
    "too many passes": (lambda f: f.update(refine=9), "face.refine"),
    "an impossible filter": (
        lambda f: f.update(coefficient_filter={"min_cutoff": 0, "beta": 1}),
        "coefficient_filter: One-Euro",
    ),
    "an impossible group": (
        lambda f: f.update(coefficient_filter={"min_cutoff": 1, "beta": 1, "groups": {"jaw": [1]}}),
        "groups.jaw",
    ),
    "an upright hull of nothing upright": (lambda f: f["crop_from_landmarks"].pop("upright"), "hull"),
}


@pytest.mark.parametrize(("change", "message"), WRONG.values(), ids=WRONG.keys())
def test_a_section_that_does_not_fit_is_refused_when_opened(change: Change, message: str, tmp_path: Path) -> None:
    path = write_direct(tmp_path / "a.mien", change=lambda manifest: change(manifest["face"]))
    with pytest.raises(BundleError, match=message) as refused:
        mien.open(path)
    assert refused.value.code == "manifest.field"


@pytest.mark.parametrize("output", ["rotation", "gaze", "visibility", "coefficients"])
def test_an_output_that_the_network_lacks_is_refused_when_opened(output: str, tmp_path: Path) -> None:
    path = write_direct(tmp_path / "a.mien", change=lambda manifest: drop_outputs(manifest, output))
    with pytest.raises(BundleError, match=f"outputs.{output}: network face needs an output of this name"):
        mien.open(path)
