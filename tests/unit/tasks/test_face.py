"""mien.tasks.face: landmarks, coefficients and pose of faces that are followed from frame to frame."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import mien
import models
import numpy as np
import pytest
from mien.errors import BundleError, ModelError
from mien.layouts import ARKIT52
from mien.types import Frame
from models import CROSS, MS, blocks

FRAME_MS = 33 * MS
CANONICAL = np.float32(
    [[-1, 0, 0, 1], [1, 0, 0, 1], [0, 1, 0.4, 1], [0, -1, 0.2, 1], [0, 0, 0.8, 1]]  # centimetres and weight
)


def written(tmp_path: Path, manifest: dict[str, Any] | None = None, **networks: bytes) -> Path:
    return models.write_face(tmp_path / "a.mien", manifest, **networks)


def ids_of(pipeline: mien.Pipeline, frames: Iterable[Frame]) -> list[list[int]]:
    return [sorted(state.id for state in pipeline.process_all(frame)) for frame in frames]


def test_a_face_has_landmarks_box_and_coefficients_in_frame_pixels(blocks_bundle: Path) -> None:
    with mien.open(blocks_bundle) as pipeline:
        state = pipeline.process(blocks((2, 3)))
    assert state.found
    assert state.landmarks is not None
    expected = np.array([[17.5, 27.5], [21.5, 27.5], [19.5, 25.5], [19.5, 29.5], [19.5, 27.5]])
    np.testing.assert_allclose(state.landmarks[:, :2], expected, atol=1e-4)
    assert not state.landmarks[:, 2].any()
    assert state.box == (17.5, 25.5, 21.5, 29.5)
    assert state.confidence > 0.99
    assert state["jawOpen"] == pytest.approx(17.5 / 64)
    assert state.valid.all()
    assert state.head is None


def test_a_face_at_rest_stays_where_it_is(blocks_bundle: Path) -> None:
    with mien.open(blocks_bundle) as pipeline:
        seen = [pipeline.process(blocks((2, 3), t_ns=i * FRAME_MS)) for i in range(20)]
    assert {state.box for state in seen} == {(17.5, 25.5, 21.5, 29.5)}
    assert {state.id for state in seen} == {0}


def test_no_face_gives_nothing_valid(blocks_bundle: Path) -> None:
    with mien.open(blocks_bundle) as pipeline:
        state = pipeline.process(blocks(t_ns=5))
    assert (state.found, state.t_ns, state.confidence) == (False, 5, 0)
    assert not state.valid.any()


def test_a_followed_face_needs_no_detector(blocks_bundle: Path) -> None:
    with mien.open(blocks_bundle) as pipeline:
        for i in range(10):
            pipeline.process(blocks((2, 3), t_ns=i))
        runs = pipeline.report().stages["run"]["count"]
    assert runs == 1 + 2 * 10  # one detection, then landmarks and coefficients


def test_a_face_that_vanishes_is_lost_and_found_again_with_its_id(blocks_bundle: Path) -> None:
    frames = [blocks((2, 3), t_ns=0), blocks(t_ns=FRAME_MS), blocks((2, 3), t_ns=2 * FRAME_MS)]
    with mien.open(blocks_bundle) as pipeline:
        assert ids_of(pipeline, frames) == [[0], [], [0]]


def test_a_face_that_comes_back_after_more_than_a_second_is_a_new_one(blocks_bundle: Path) -> None:
    frames = [blocks((2, 3), t_ns=0), blocks(t_ns=FRAME_MS), blocks((2, 3), t_ns=1100 * MS)]
    with mien.open(blocks_bundle) as pipeline:
        assert ids_of(pipeline, frames) == [[0], [], [1]]


def test_two_faces_keep_their_ids_while_one_leaves_and_returns(blocks_bundle: Path) -> None:
    both, left = ((1, 1), (6, 6)), ((1, 1),)
    frames = [blocks(*cells, t_ns=i * FRAME_MS) for i, cells in enumerate([both, both, left, left, *[both] * 10])]
    with mien.open(blocks_bundle, max_faces=2) as pipeline:
        ids = ids_of(pipeline, frames)
    assert ids[:4] == [[0, 1], [0, 1], [0], [0]]
    assert ids[-1] == [0, 1]


@pytest.mark.parametrize("most", [1, 2, 3])
def test_no_more_faces_than_asked_for_are_followed(most: int, blocks_bundle: Path) -> None:
    with mien.open(blocks_bundle, max_faces=most) as pipeline:
        for i in range(10):
            states = pipeline.process_all(blocks((1, 1), (4, 4), (6, 1), (1, 6), t_ns=i))
            assert len(states) == most
    assert len({state.id for state in states}) == most


def test_one_face_is_not_found_twice(blocks_bundle: Path) -> None:
    with mien.open(blocks_bundle, max_faces=4) as pipeline:
        for i in range(20):
            assert len(pipeline.process_all(blocks((2, 3), t_ns=i))) == 1


def test_without_tracking_each_frame_is_detected_anew(blocks_bundle: Path) -> None:
    with mien.open(blocks_bundle, tracking=False) as pipeline:
        states = [pipeline.process(blocks((i, i), t_ns=i)) for i in range(1, 6)]
    assert [state.id for state in states] == [0] * 5
    assert [state.box[0] for state in states if state.box] == [9.5, 17.5, 25.5, 33.5, 41.5]


def test_landmarks_outside_of_the_frame_lose_the_face(tmp_path: Path) -> None:
    away = np.float32(CROSS) + np.float32([40, 0])
    path = written(tmp_path, landmarks=models.landmark_network(away.tolist(), presence=10))
    with mien.open(path) as pipeline:
        assert pipeline.process(blocks((0, 0), t_ns=0)).found
        seen = [pipeline.process_all(blocks(t_ns=t)) for t in range(1, 30)]
    assert all(state.box is not None and state.box[0] < models.SIDE for states in seen for state in states)
    assert seen[0]
    assert not seen[-1]


@pytest.mark.parametrize("where", ["points", "presence"])
def test_landmarks_that_are_not_finite_are_a_model_error(where: str, tmp_path: Path) -> None:
    points = np.float32(CROSS)
    points[2, 1] = np.nan if where == "points" else 4
    network = models.landmark_network(points.tolist(), presence=np.nan if where == "presence" else 10)
    with mien.open(written(tmp_path, landmarks=network)) as pipeline, pytest.raises(ModelError) as refused:
        pipeline.process(blocks((2, 3)))
    assert refused.value.code == "model.not_finite"


def test_coefficients_that_are_not_finite_are_a_model_error(tmp_path: Path) -> None:
    path = written(tmp_path, coefficients=models.coefficient_network(value=float("nan")))
    with mien.open(path) as pipeline, pytest.raises(ModelError) as refused:
        pipeline.process(blocks((2, 3)))
    assert refused.value.code == "model.not_finite"


@pytest.mark.parametrize("reach", [1e6, 1e20, 3e38])
def test_landmarks_beyond_all_bounds_do_no_harm(reach: float, tmp_path: Path) -> None:
    points = (np.float32(CROSS) - np.float32(7.5)) * np.float32(reach / 4)
    with mien.open(written(tmp_path, landmarks=models.landmark_network(points.tolist(), 10))) as pipeline:
        for t in range(5):
            try:
                pipeline.process(blocks((2, 3), t_ns=t))
            except ModelError as refused:
                assert refused.code == "model.not_finite"


def test_landmarks_in_one_point_do_no_harm(tmp_path: Path) -> None:
    network = models.landmark_network([[7.5, 7.5]] * 5, presence=10)
    with mien.open(written(tmp_path, landmarks=network)) as pipeline:
        for t in range(5):
            pipeline.process(blocks((2, 3), t_ns=t))


@pytest.mark.parametrize(("value", "expected"), [(-3.0, 0.0), (0.25, 0.25), (7.0, 1.0)])
def test_coefficients_are_clamped_to_0_to_1(value: float, expected: float, tmp_path: Path) -> None:
    path = written(tmp_path, coefficients=models.coefficient_network(value=value))
    with mien.open(path) as pipeline:
        state = pipeline.process(blocks((2, 3)))
    assert set(state.values.tolist()) == {expected}


def test_a_coefficient_that_the_network_lacks_is_invalid_not_zero(tmp_path: Path) -> None:
    path = written(tmp_path, models.face_manifest(coefficients="mediapipe52"))
    with mien.open(path) as pipeline:
        state = pipeline.process(blocks((2, 3)))
    assert [name for name in ARKIT52.names if np.isnan(state[name])] == ["tongueOut"]


def test_a_bundle_without_coefficients_claims_none(tmp_path: Path) -> None:
    with mien.open(written(tmp_path, models.face_manifest(coefficients=None))) as pipeline:
        state = pipeline.process(blocks((2, 3)))
    assert state.found
    assert not state.valid.any()


def test_a_bundle_without_a_detector_looks_at_the_whole_frame(tmp_path: Path) -> None:
    manifest = models.face_manifest(detector=False)
    picture = np.full((64, 64, 3), 255, np.uint8)
    with mien.open(written(tmp_path, manifest)) as pipeline:
        state = pipeline.process(Frame.of(picture))
    assert state.box == (15.5, 15.5, 47.5, 47.5)


def test_points_with_depth_carry_it_in_frame_pixels(tmp_path: Path) -> None:
    manifest = models.face_manifest()
    manifest["face"]["landmarks"]["dims"] = 3
    manifest["networks"]["landmarks"]["outputs"]["points"]["shape"] = [1, 5, 3]
    points = np.concatenate([np.float32(CROSS), np.float32([[0], [2], [4], [6], [8]])], axis=1)
    with mien.open(written(tmp_path, manifest, landmarks=models.landmark_network(points.tolist()))) as pipeline:
        state = pipeline.process(blocks((2, 3)))
    assert state.landmarks is not None
    np.testing.assert_allclose(state.landmarks[:, 2], [0, 1, 2, 3, 4], atol=1e-5)


@pytest.mark.parametrize("name", ["geometry/canonical.f32"])
def test_a_bundle_with_a_canonical_face_gives_the_head_pose(name: str, tmp_path: Path) -> None:
    manifest = models.face_manifest(coefficients=None)
    manifest["face"]["pose"] = {"kind": "points", "canonical": name}
    makers: dict[str, Callable[[], bytes]] = {
        "detector": models.detector_network,
        "landmarks": models.landmark_network,
    }
    blobs = {f"onnx/{key}.onnx": make() for key, make in makers.items()}
    mien.Bundle.write(tmp_path / "a.mien", manifest, {**blobs, name: CANONICAL.tobytes()})
    with mien.open(tmp_path / "a.mien") as pipeline:
        state = pipeline.process(blocks((4, 4)))
    assert state.head is not None
    assert state.head.translation[2] < 0
    assert np.linalg.norm(state.head.rotation) == pytest.approx(1)


def edit(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    *way, last = path.split(".")

    def apply(manifest: dict[str, Any]) -> None:
        inner = manifest
        for step in way:
            inner = inner[step]
        inner[last] = value

    return apply


FACE = "face.landmarks"
SCORES = "networks.coefficients.outputs.scores.shape"
HEATMAP = {"network": "landmarks", "decode": "heatmap", "count": 5, "slope": 1}
POSE = {"kind": "points", "canonical": "nobody"}
WRONG: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "no section": (lambda manifest: manifest.pop("face"), "manifest.face: expected an object"),
    "an unknown network": (edit(f"{FACE}.network", "x"), "no network 'x'"),
    "an unknown decoder": (edit(f"{FACE}.decode", "magic"), "face.landmarks.decode"),
    "too few landmarks": (edit(f"{FACE}.count", 3), "face.landmarks.count"),
    "landmarks that do not fit": (edit(f"{FACE}.count", 6), r"outputs.points: has the shape \(1, 5, 2\)"),
    "depth that is not there": (edit(f"{FACE}.dims", 3), "outputs.points: .* expected 15 values"),
    "heat maps that are not there": (edit(FACE, HEATMAP), "maps"),
    "an impossible presence": (edit(f"{FACE}.min_presence", 2), "min_presence"),
    "a crop turned by no point": (edit("face.crop_from_landmarks.upright", [0, 5]), "crop_from_landmarks.upright"),
    "a crop turned by no detection": (edit("face.crop_from_detection.upright", [0, 2]), "crop_from_detection.upright"),
    "a crop of no size": (edit("face.crop_from_landmarks.scale", [0, 0]), "crop_from_landmarks.scale"),
    "coefficients of no landmark": (
        edit("face.coefficients.landmarks", [0, 1, 2, 3, 5]),
        "coefficients.landmarks: expected integers in 0..4",
    ),
    "coefficients of too few": (edit("face.coefficients.landmarks", [0, 1]), r"points \(1, 2, 2\)"),
    "scores that do not fit": (edit(SCORES, [51]), r"\(51,\)"),
    "a filter without strength": (edit("face.landmark_filter", {"min_cutoff": 0, "beta": 1}), "min_cutoff"),
    "an unknown canonical face": (edit("face.pose", POSE), "'nobody' is neither"),
}


@pytest.mark.parametrize(("change", "message"), WRONG.values(), ids=WRONG.keys())
def test_a_section_that_does_not_fit_is_refused_when_opened(
    change: Callable[[dict[str, Any]], None], message: str, tmp_path: Path
) -> None:
    manifest = models.face_manifest()
    change(manifest)
    with pytest.raises((BundleError, ModelError), match=message) as refused:
        mien.open(written(tmp_path, manifest))
    assert refused.value.code in ("manifest.field", "model.tensors")


def test_an_unknown_coefficient_layout_is_refused_when_opened(tmp_path: Path) -> None:
    manifest = models.face_manifest()
    manifest["face"]["coefficients"]["layout"] = "arkit99"
    with pytest.raises(BundleError, match=r"face.coefficients.layout: there is no layout arkit99"):
        mien.open(written(tmp_path, manifest))
