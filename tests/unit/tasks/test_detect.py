"""mien.tasks.detect: boxes, scores and points in frame pixels, with ids."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import mien
import models
import numpy as np
import pytest
from mien.errors import BundleError, ModelError
from mien.types import Frame
from models import MS, blocks


def boxes(states: list[mien.FaceState]) -> list[tuple[float, ...]]:
    return sorted(state.box for state in states if state.box is not None)


def test_each_white_cell_is_a_face_with_its_box_and_points(detect_bundle: Path) -> None:
    with mien.open(detect_bundle, max_faces=4) as pipeline:
        states = pipeline.process_all(blocks((2, 3), (6, 1)))
    assert boxes(states) == [(15.5, 23.5, 23.5, 31.5), (47.5, 7.5, 55.5, 15.5)]
    assert {state.confidence for state in states} == {1.0}
    first = next(state for state in states if state.box == (15.5, 23.5, 23.5, 31.5))
    assert first.landmarks is not None
    assert first.landmarks.tolist() == [[17.5, 27.5, 0], [21.5, 27.5, 0]]


def test_a_detector_claims_no_coefficient(detect_bundle: Path) -> None:
    with mien.open(detect_bundle) as pipeline:
        state = pipeline.process(blocks((2, 3)))
    assert state.found
    assert not state.valid.any()


def test_nothing_to_see_is_no_face(detect_bundle: Path) -> None:
    with mien.open(detect_bundle) as pipeline:
        assert pipeline.process_all(blocks()) == []
        assert not pipeline.process(blocks(t_ns=1)).found


def test_a_frame_of_another_shape_is_letterboxed(detect_bundle: Path) -> None:
    picture = np.zeros((64, 256, 3), np.uint8)
    picture[32:64, 64:96] = 255
    with mien.open(detect_bundle) as pipeline:
        state = pipeline.process(Frame.of(picture))
    np.testing.assert_allclose(state.box, (63.5, 31.5, 95.5, 63.5), atol=0.01)


def test_no_more_faces_than_asked_for(detect_bundle: Path) -> None:
    cells = [(column, 1) for column in range(0, 8, 2)]
    with mien.open(detect_bundle, max_faces=3) as pipeline:
        assert len(pipeline.process_all(blocks(*cells))) == 3


def test_ids_follow_the_boxes(detect_bundle: Path) -> None:
    with mien.open(detect_bundle, max_faces=2) as pipeline:
        first = {state.box: state.id for state in pipeline.process_all(blocks((1, 1), (6, 6)))}
        later = {state.box: state.id for state in pipeline.process_all(blocks((6, 6), (1, 1), t_ns=MS))}
    assert first == later
    assert set(first.values()) == {0, 1}


def test_without_tracking_ids_begin_at_zero_in_every_frame(detect_bundle: Path) -> None:
    with mien.open(detect_bundle, tracking=False) as pipeline:
        ids = [pipeline.process(blocks((step, step), t_ns=step)).id for step in range(1, 6)]
    assert ids == [0] * 5


def test_a_stale_frame_gives_stale_states(detect_bundle: Path) -> None:
    with mien.open(detect_bundle) as pipeline:
        assert not pipeline.process(blocks((1, 1))).stale
        assert pipeline.process(blocks((1, 1), t_ns=1, stale=True)).stale


@pytest.mark.parametrize("part", ["cls", "obj", "box", "points"])
def test_a_detector_that_gives_nan_is_a_model_error(part: str, tmp_path: Path) -> None:
    widths = {"cls": 1, "obj": 1, "box": 4, "points": 4}
    values = {name: np.full((1, models.CELLS, width), 0.9, np.float32) for name, width in widths.items()}
    values[part][0, 3] = np.nan
    broken = models.network(
        [models.node("Identity", [name], [f"{name}_out"]) for name in widths],
        {"image": (1, 3, models.SIDE, models.SIDE)},
        {f"{name}_out": (1, models.CELLS, width) for name, width in widths.items()},
        values,
    )
    mien.Bundle.write(tmp_path / "a.mien", models.detect_manifest(), {"onnx/detector.onnx": broken})
    with mien.open(tmp_path / "a.mien") as pipeline, pytest.raises(ModelError) as refused:
        pipeline.process(blocks((1, 1)))
    assert refused.value.code == "model.not_finite"


def change(**fields: Any) -> Callable[[dict[str, Any]], None]:
    return lambda manifest: manifest["detect"].update(fields)


def drop_output(manifest: dict[str, Any]) -> None:
    network = manifest["networks"]["detector"]
    del network["outputs"][f"obj_{models.CELL}"], network["targets"][0]["tensors"][f"obj_{models.CELL}"]


def no_image(manifest: dict[str, Any]) -> None:
    del manifest["networks"]["detector"]["inputs"]["image"]["image"]


WRONG: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "no section": (lambda manifest: manifest.pop("detect"), "manifest.detect: expected an object"),
    "an unknown network": (change(network="x"), "no network 'x'"),
    "an unknown decoder": (change(decode="yolo"), "detect.decode"),
    "no strides": (change(strides=[]), "detect.strides"),
    "a stride of zero": (change(strides=[0]), "detect.strides"),
    "a stride that does not fit": (change(strides=[16]), "cls_16"),
    "too many points": (change(points=9), "detect.points"),
    "points that do not fit": (change(points=3), "points_8"),
    "an impossible score": (change(min_score=1.5), "detect.min_score"),
    "an impossible overlap": (change(iou=-1), "detect.iou"),
    "an unknown suppression": (change(nms="soft"), "detect.nms"),
    "a missing output": (drop_output, "obj_8"),
    "no image input": (no_image, "0 image inputs"),
    "ssd without its outputs": (change(decode="ssd", per_cell=[2]), "boxes"),
    "ssd with anchors of zero": (change(decode="ssd", per_cell=[0]), "detect.per_cell"),
}


@pytest.mark.parametrize(("edit", "message"), WRONG.values(), ids=WRONG.keys())
def test_a_section_that_does_not_fit_is_refused_when_opened(
    edit: Callable[[dict[str, Any]], None], message: str, tmp_path: Path
) -> None:
    manifest = models.detect_manifest()
    edit(manifest)
    models.write_detect(tmp_path / "a.mien", manifest)
    with pytest.raises(BundleError, match=message) as refused:
        mien.open(tmp_path / "a.mien")
    assert refused.value.code == "manifest.field"


def test_yunet_finds_the_face_of_a_portrait(yunet_bundle: Path, astronaut: Path) -> None:
    with mien.open(yunet_bundle, max_faces=4) as pipeline:
        ((_, states),) = pipeline.stream_all(str(astronaut))
    (face,) = states
    assert face.confidence > 0.8
    assert face.box is not None
    x0, y0, x1, y1 = face.box
    assert 150 < x0 < 224 < x1 < 320
    assert 30 < y0 < 120 < y1 < 230
    assert face.landmarks is not None
    assert face.landmarks.shape == (5, 3)
