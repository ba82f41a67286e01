"""mien.tasks.face with a public model on a real portrait."""

from __future__ import annotations

from pathlib import Path

import cv2
import mien
import numpy as np
import pytest
from mien.layouts import ARKIT52
from mien.types import Frame


@pytest.fixture(scope="module")
def portrait(astronaut: Path) -> np.ndarray:
    """The astronaut, RGB (512, 512, 3)."""
    return np.ascontiguousarray(cv2.imread(str(astronaut))[..., ::-1])


@pytest.fixture(scope="module")
def state(mediapipe_bundle: Path, portrait: np.ndarray) -> mien.FaceState:
    with mien.open(mediapipe_bundle) as pipeline:
        return pipeline.process(Frame.of(portrait, t_ns=0))


def test_the_face_is_found_where_it_is(state: mien.FaceState) -> None:
    assert state.found
    assert state.confidence > 0.9
    assert state.landmarks is not None
    assert state.landmarks.shape == (478, 3)
    nose = state.landmarks[1]
    assert 200 < nose[0] < 250
    assert 90 < nose[1] < 150


def test_all_coefficients_but_the_tongue_are_measured(state: mien.FaceState) -> None:
    assert [name for name in ARKIT52.names if np.isnan(state[name])] == ["tongueOut"]
    assert state.valid.sum() == 51
    assert (state.values >= 0).all()
    assert (state.values <= 1).all()


def test_she_smiles(state: mien.FaceState) -> None:
    assert state["mouthSmileLeft"] > 0.3
    assert state["mouthSmileRight"] > 0.3
    assert state["jawOpen"] < 0.3


def test_the_head_is_in_front_of_the_camera_and_upright(state: mien.FaceState) -> None:
    assert state.head is not None
    assert -2 < state.head.translation[2] < -0.2
    up = state.head.matrix()[:3, :3] @ [0, 1, 0]
    assert up[1] > 0.9


def test_two_faces_side_by_side_keep_their_ids(mediapipe_bundle: Path, portrait: np.ndarray) -> None:
    close = portrait[:300, 70:370]
    pair = np.hstack([close, close])
    with mien.open(mediapipe_bundle, max_faces=2) as pipeline:
        seen = [pipeline.process_all(Frame.of(pair, t_ns=i * 33_000_000)) for i in range(12)]
    places = [{state.id: state.box[0] > 300 for state in states if state.box} for states in seen]
    assert all(len(place) == 2 for place in places)
    assert all(place == places[0] for place in places)
    assert set(places[0].values()) == {False, True}


def test_a_mirrored_face_has_its_sides_exchanged(mediapipe_bundle: Path, portrait: np.ndarray) -> None:
    with mien.open(mediapipe_bundle, tracking=False) as pipeline:
        plain = pipeline.process(Frame.of(portrait))
        mirrored = pipeline.process(Frame.of(np.ascontiguousarray(portrait[:, ::-1])))
    assert mirrored["browDownLeft"] == pytest.approx(plain["browDownRight"], abs=0.15)
    assert mirrored["eyeLookInLeft"] == pytest.approx(plain["eyeLookInRight"], abs=0.15)


def test_a_picture_without_a_face_has_none(mediapipe_bundle: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (240, 320, 3), np.uint8)
    with mien.open(mediapipe_bundle) as pipeline:
        assert not pipeline.process(noise).found


@pytest.mark.parametrize("format", ["rgb", "bgr", "rgba", "gray8", "nv12"])
def test_camera_formats_give_the_same_face(
    format: str, mediapipe_bundle: Path, portrait: np.ndarray, state: mien.FaceState
) -> None:
    if format == "nv12":
        planar = cv2.cvtColor(portrait, cv2.COLOR_RGB2YUV_I420)
        chroma = planar[512:].reshape(2, -1)
        data = planar[:512].tobytes() + np.ascontiguousarray(chroma.T).tobytes()
        frame = Frame.from_buffer(data, "nv12", 512, 512)
    else:
        codes = {"bgr": cv2.COLOR_RGB2BGR, "rgba": cv2.COLOR_RGB2RGBA, "gray8": cv2.COLOR_RGB2GRAY}
        frame = Frame.of(cv2.cvtColor(portrait, codes[format]) if format in codes else portrait, format)
    with mien.open(mediapipe_bundle) as pipeline:
        other = pipeline.process(frame)
    assert other.landmarks is not None
    assert state.landmarks is not None
    assert np.abs(other.landmarks[:, :2] - state.landmarks[:, :2]).max() < (6 if format == "gray8" else 2)
