"""The imported YuNet against OpenCV's FaceDetectorYN with the same weights, and OpenSeeFace from its description."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import mien
import numpy as np
import pytest
from mien.importers.select import import_model

ROOT = Path(__file__).resolve().parent.parent.parent
PICTURES = ("faces_public_domain/astronaut_nasa.png", "mediapipe/sergey.png")
SIDE = 320


@pytest.mark.parametrize("picture", PICTURES)
def test_boxes_points_and_scores_are_those_of_opencv(picture: str, shared: Path, yunet_bundle: Path) -> None:
    pixels = cv2.imread(str(shared / picture))
    scale = pixels.shape[0] / SIDE
    model = shared / "oracles/yunet/yunet_n_320_320.onnx"
    reference = cv2.FaceDetectorYN.create(str(model), "", (SIDE, SIDE), 0.6, 0.3)
    _, faces = reference.detect(cv2.resize(pixels, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR))
    with mien.open(yunet_bundle, tracking=False, max_faces=4) as pipeline:
        states = pipeline.process_all(mien.Frame.of(pixels, "bgr"))
    assert len(states) == len(faces)
    for state, row in zip(states, faces, strict=True):
        # A tensor pixel's centre lies half a pixel inside; in frame pixels that is scale / 2 - 1 / 2.
        shift = scale / 2 - 0.5
        x, y, width, height = row[:4]
        expected = np.array([x, y, x + width, y + height]) * scale + shift
        assert np.abs(np.array(state.box) - expected).max() <= 1.0
        points = row[4:14].reshape(5, 2) * scale + shift
        assert np.abs(state.landmarks[:, :2] - points).max() <= 1.0
        assert state.confidence == pytest.approx(float(row[14]), abs=0.01)


@pytest.fixture(scope="module")
def openseeface_bundle(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample description beside the two public ONNX files."""
    folder = tmp_path_factory.mktemp("openseeface")
    for file in (
        ROOT / "samples/openseeface.toml",
        shared / "oracles/openseeface/lm_model0_opt.onnx",
        shared / "oracles/openseeface/LICENSE",
        shared / "oracles/yunet/yunet_n_320_320.onnx",
    ):
        shutil.copy(file, folder)
    return import_model(folder / "openseeface.toml", folder / "openseeface.mien")


def state_on(picture: Path, bundle: Path) -> mien.FaceState:
    with mien.open(bundle, tracking=False) as pipeline:
        (state,) = pipeline.stream(str(picture))
    return state


# The same places of the face in OpenSeeFace's 66 points and in MediaPipe's 478.
SHARED_PLACES = {36: 33, 39: 133, 42: 362, 45: 263, 30: 4, 50: 0, 55: 17, 58: 78, 62: 308}


@pytest.mark.parametrize("picture", PICTURES)
def test_openseeface_lands_where_mediapipe_does(
    picture: str, shared: Path, openseeface_bundle: Path, mediapipe_bundle: Path
) -> None:
    ours, reference = (state_on(shared / picture, b).landmarks[:, :2] for b in (openseeface_bundle, mediapipe_bundle))
    eyes = np.linalg.norm(reference[33] - reference[263])
    distances = [np.linalg.norm(ours[a] - reference[b]) / eyes for a, b in SHARED_PLACES.items()]
    assert max(distances) < 0.12
    assert float(np.mean(distances)) < 0.06


@pytest.mark.parametrize("picture", PICTURES)
def test_the_pose_from_points_is_near_the_pose_with_depth(
    picture: str, shared: Path, openseeface_bundle: Path, mediapipe_bundle: Path
) -> None:
    forward = []
    for bundle in (openseeface_bundle, mediapipe_bundle):
        state = state_on(shared / picture, bundle)
        assert state.head.translation[2] < 0
        forward.append(state.head.matrix()[:3, 2])
    angle = np.degrees(np.arccos(np.clip(np.dot(*forward), -1, 1)))
    assert angle < 12


def test_openseeface_says_that_it_measures_no_coefficients(shared: Path, openseeface_bundle: Path) -> None:
    state = state_on(shared / PICTURES[0], openseeface_bundle)
    assert state.found
    assert not state.valid.any()
    assert len(state.landmarks) == 66
