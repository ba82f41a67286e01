"""The evaluation end to end on a bundle that says the same of every picture, and what its parts make of answers."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
from mien.bundle import Bundle
from mien.layouts import ARKIT52
from onnx import TensorProto, helper, numpy_helper

from training import dataset, evaluate
from training.errors import TrainingError
from training.evaluation import real, renders, studio, sweeps
from training.evaluation.part import Asked, Context, plain
from training.evaluation.subject import Subject
from training.performer import landmarks
from training.performer.coefficients import COEFFICIENTS, INDEX, TONGUE, vector
from training.performer.labels import ACTION_UNITS, EMOTIONS
from training.performer.scene import rotation

SIZE = 144
POINTS = np.random.default_rng(0).uniform(20, 120, (1, landmarks.COUNT, 2)).astype(np.float32)
POINTS[0, landmarks.UPRIGHT, :] = [[45, 60], [99, 60]]
CONSTANTS: dict[str, Any] = {
    "points": POINTS,
    "coefficients": np.linspace(-0.5, 1.5, len(COEFFICIENTS), dtype=np.float32)[None],
    "rotation": np.eye(3, dtype=np.float32)[None],
    "gaze": np.float32([[[0, 0, 1], [0, 0, 1]]]),
    "visibility": np.full((1, 9), 4, np.float32),
    "presence": np.float32([[6]]),
}
EXPRESSION: dict[str, Any] = {
    "aus": np.full((1, len(ACTION_UNITS)), 0.5, np.float32),
    "emotion": np.eye(8, dtype=np.float32)[:1],
    "affect": np.zeros((1, 2), np.float32),
    "embedding": np.eye(64, dtype=np.float32)[:1],
    "raw_embedding": np.eye(64, dtype=np.float32)[:1],
    "unknown": np.float32([[0.3]]),
}


def write(path: Path, constants: dict[str, Any], size: int = SIZE) -> Path:
    """A bundle without a detector whose network gives constants (tensor NAME_out for each)."""
    inputs = {"image": (1, 3, size, size)} | ({"neutral": (1, 64)} if "raw_embedding" in constants else {})

    def ports(shapes: dict[str, Any]) -> list[Any]:
        return [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]

    nodes = [helper.make_node("Identity", [name], [f"{name}_out"]) for name in constants]
    outputs = {name: list(value.shape) for name, value in constants.items()}
    held = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(
        nodes, "constant", ports(inputs), ports({f"{name}_out": s for name, s in outputs.items()}), held
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    tensors = {name: name for name in inputs} | {name: f"{name}_out" for name in outputs}
    image = {"layout": "nchw", "color": "rgb", "scale": [1 / 255] * 3, "bias": [0] * 3, "border": "replicate"}
    whole = "raw_embedding" in constants
    manifest: dict[str, Any] = {
        "schema": 1,
        "name": "constant",
        "task": "expression" if whole else "face",
        "licence": {"spdx": "Apache-2.0", "source": "test"},
        "networks": {
            "face": {
                "inputs": {"image": {"shape": [1, 3, size, size], "dtype": "float32", "image": image}},
                "outputs": {name: {"shape": shape} for name, shape in outputs.items()},
                "targets": [
                    {"engine": "onnxruntime", "precision": "float32", "blob": "onnx/face.onnx", "tensors": tensors}
                ],
            }
        },
        "face": {
            "crop_from_landmarks": {"scale": [1.2, 1.2], "square": True, "upright": [36, 45], "hull": "upright"},
            "landmarks": {"network": "face", "decode": "points", "count": landmarks.COUNT, "dims": 2},
            "coefficients": {"layout": "arkit52", "extras": list(TONGUE)},
        },
    }
    if whole:
        manifest["networks"]["face"]["inputs"]["neutral"] = {"shape": [1, 64]}
        manifest["expression"] = {"aus": list(ACTION_UNITS), "emotions": list(EMOTIONS)}
    Bundle.write(path, manifest, {"onnx/face.onnx": model.SerializeToString()})
    return path


@pytest.fixture(scope="module")
def face(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("face") / "face.mien", CONSTANTS)


@pytest.fixture
def renderer(shared: Path) -> None:
    """OpenGL; a machine without it skips what renders, CI does not."""
    try:
        dataset._renderer()
    except TrainingError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


@pytest.mark.usefixtures("renderer")
def test_every_part_runs_and_what_it_measured_is_kept(
    tmp_path: Path, mediapipe_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(real, "SOURCES", real.SOURCES[:2])
    monkeypatch.setattr("training.evaluation.studio.COEFFICIENTS", ("jawOpen", "tongueUp"))  # rendering takes its time
    bundle = write(tmp_path / "expression.mien", CONSTANTS | EXPRESSION)
    with Subject(bundle) as subject:
        context = Context(
            subject, bundle, mediapipe_bundle, evaluate.public(tmp_path, "yunet", "yunet", "yunet_n_320_320.onnx"),
            tmp_path / "data", tmp_path / "out", pictures=16, people=1, steps=2, occluded=4, frames=2,
            faces=1, framed=1, negatives=9,
        )  # fmt: skip
        asked = evaluate.evaluate(context, evaluate.parts_of(subject, None))
    kept = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert {"commit", "seed", "machine", "blobs", *evaluate.PARTS} <= kept.keys()
    assert len(kept["asked"]) == len(asked)
    # What never moves has no r, and is no better than the best constant.
    assert kept["renders"]["mean_r"] == 0
    assert kept["renders"]["mae"] > kept["renders"]["constant"]["mae"]
    assert kept["renders"]["pipeline"]["found"] == 1
    assert kept["sweeps"]["passed"] == 0
    assert kept["sweeps"]["mediapipe"]["range"][ARKIT52.names.index("jawOpen")] > 0.3
    assert len(kept["sweeps"]["mediapipe"]["r"]) == len(ARKIT52)
    assert np.mean(kept["occlusion"]["hidden_regions"]) > 0.05
    # A network that never moves tells no side apart, and one without a detector sees a face in everything.
    assert kept["sides"]["mean_told_apart"] == 0
    assert kept["sides"]["mediapipe"]["gestures"]["one_sided_smile"]["own"] > 0.3
    assert set(kept["regions"]["range"].values()) == {0}
    assert kept["regions"]["mae"]["tongue"] > 0.5
    assert kept["lids"]["open_eyes"] == 16
    assert kept["lids"]["mediapipe"]["found"] > 0.5
    assert (kept["mouth"]["false_tongue"], kept["mouth"]["hit"]) == (1, 1)
    assert kept["framing"]["cut"]["found"] + kept["framing"]["cut"]["elsewhere"] == 1
    assert (kept["negatives"]["pipeline"]["all"], kept["negatives"]["detector"]["all"]) == (1, 1)
    assert kept["negatives"]["yunet"]["cloth"] == 0
    assert kept["temporal"]["still"]["render"]["filtered_mean"] == 0
    assert kept["temporal"]["step"]["jawOpen"]["added_frames"] is None
    assert kept["expression"]["emotion"]["faces"] > 0
    for name in (
        "coefficients",
        "renders",
        "occlusion",
        "sweeps",
        "cross_talk",
        "sweeps_sheet",
        "sides",
        "regions",
        "lids",
        "mouth",
        "framing",
        "rolled",
        "negatives",
        "real",
        "steps",
        "aus",
    ):
        assert (tmp_path / "out" / f"{name}.png").stat().st_size > 1000


@pytest.mark.usefixtures("renderer")
def test_pictures_are_as_large_as_the_network_that_is_judged_wants_them(tmp_path: Path) -> None:
    size = 192
    bundle = write(tmp_path / "face.mien", CONSTANTS, size)
    seen: list[tuple[int, ...]] = []
    with Subject(bundle) as subject:
        context = Context(subject, bundle, None, None, tmp_path, tmp_path, faces=1, occluded=2)
        taken = studio.take(context, [studio.Pose(0, vector({"jawOpen": 1}))])
        predict = subject.predict
        subject.predict = lambda crops: seen.append(crops.shape) or predict(crops)  # type: ignore[method-assign,func-returns-value]
        evaluate.evaluate(context, ["mouth"])
        free, hidden = studio.occluded_pairs(context)
    assert taken.pictures.shape == (1, round(size * 16 / 9), round(size * 16 / 9), 3)
    assert landmarks.CROP * np.ptp(taken.points[0], axis=0).max() == pytest.approx(size, rel=0.01)
    assert {shape[1:] for shape in seen} == {(size, size, 3)}
    assert free.pictures.shape == hidden.pictures.shape == (2, size * 5 // 4, size * 5 // 4, 3)


@pytest.mark.usefixtures("renderer")
def test_stills_are_turned_darkened_and_framed_as_asked(face: Path, tmp_path: Path) -> None:
    rest, turn = vector({}), rotation(np.radians(20), 0, 0)
    with Subject(face) as subject:
        context = Context(subject, face, None, None, tmp_path, tmp_path)
        plain = studio.take(context, [studio.Pose(0, rest), studio.Pose(0, rest, turn), studio.Pose(0, rest, stops=4)])
        wide = studio.take(context, [studio.Pose(0, vector({"eyeBlink": 1}), framing=2.6, background=1)])
    bright, _, dark = plain.pictures.astype(float).mean((1, 2, 3))
    assert dark < 0.6 * bright
    nose = plain.points[:, 30, 0] - plain.points[:, [36, 45], 0].mean(1)
    assert nose[1] - nose[0] > 5
    np.testing.assert_array_equal(plain.points[0], plain.points[2])
    assert wide.pictures.shape[1] == round(144 * 2.6)
    assert wide.shown[0, INDEX["eyeBlinkLeft"]] > 0.9
    assert np.ptp(wide.pictures[0, :20].astype(int)) > 5  # a place, not a grey wall


def test_a_bundle_without_this_project_s_outputs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no output gaze"):
        Subject(write(tmp_path / "a.mien", {name: value for name, value in CONSTANTS.items() if name != "gaze"}))


def test_predictions_are_what_the_network_says_with_coefficients_within_their_range(face: Path) -> None:
    with Subject(face) as subject:
        found = subject.predict(np.zeros((2, SIZE, SIZE, 3), np.uint8))
        with pytest.raises(TrainingError, match="neutral"):
            subject.predict(np.zeros((1, SIZE, SIZE, 3), np.uint8), np.zeros((1, 64), np.float32))
    np.testing.assert_array_equal(found["points"], np.tile(POINTS, (2, 1, 1)))
    assert (found["coefficients"].min(), found["coefficients"].max()) == (0, 1)


def test_parts_are_chosen_by_name_and_by_what_the_bundle_has(face: Path) -> None:
    with Subject(face) as subject:
        assert "expression" not in evaluate.parts_of(subject, None)
        assert evaluate.parts_of(subject, "sweeps, renders") == ["renders", "sweeps"]
        with pytest.raises(TrainingError, match="no part"):
            evaluate.parts_of(subject, "speed")


def test_what_could_not_be_measured_is_not_met_and_null_in_json() -> None:
    assert Asked("a", 1.0, 1.0).met
    assert Asked("a", 1.0, 1.0, most=False).met
    assert not Asked("a", float("nan"), 1.0).met
    assert not Asked("a", float("nan"), 1.0, most=False).met
    assert plain({"a": np.float32(np.nan), "b": np.arange(2), "c": (np.bool_(True), "x")}) == {
        "a": None,
        "b": [0, 1],
        "c": [True, "x"],
    }


def test_a_sweep_that_is_followed_alone_passes_and_one_that_drags_another_is_told() -> None:
    values = np.linspace(0, 1, 5)
    answers = np.zeros((2, 57, 5, 57), np.float32)
    for k in range(57):
        answers[:, k, :, k] = values
    answers[:, 3] = 0
    answers[0, 3, :, 7] = 0.8 * values  # of one of two people
    judged = sweeps.judged(answers, values)
    assert judged["passed"] == 51
    assert judged["failed"] == [COEFFICIENTS[3]]
    assert judged["worst_cross_talk"][0] == (COEFFICIENTS[3], COEFFICIENTS[7], pytest.approx(0.4))


def test_a_person_whose_face_was_not_found_is_left_out_of_a_sweep() -> None:
    values = np.linspace(0, 1, 5)
    answers = np.zeros((2, 57, 5, 52), np.float32)
    for k in range(52):
        answers[:, k, :, k] = values
    answers[0, 5, 2] = np.nan
    answers[:, 6] = np.nan
    judged = sweeps.judged(answers, values)
    assert judged["r"][5] == pytest.approx(1)
    assert (judged["r"][6], judged["range"][6]) == (0, 0)


def state(points: Any = None, raw: Any = None, box: Any = (0, 0, 1, 1)) -> Any:
    blank = np.zeros(len(ARKIT52), np.float32)
    return SimpleNamespace(landmarks=points, raw=blank if raw is None else raw, box=box)


def pair(mesh: Any, marks: Any) -> real.Pair:
    return real.Pair("clip", state(marks), state(mesh), real._offset(state(marks), state(mesh)))


def test_points_that_differ_by_a_constant_in_the_face_s_frame_are_the_same_points() -> None:
    rng = np.random.default_rng(1)
    mesh = np.zeros((478, 3), np.float32)
    mesh[:, :2] = rng.uniform(0, 1, (478, 2))
    mesh[33, :2], mesh[263, :2] = (0, 0.5), (1, 0.5)
    marks = np.zeros((220, 3), np.float32)
    marks[17:68, :2] = mesh[real.common_points(), :2] + [0.03, 0.04]
    pairs = []
    for turn, size in ((0.0, 100), (0.7, 30), (-2.0, 400)):
        matrix = size * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        posed = [np.c_[(p[:, :2] @ matrix.T), p[:, 2]].astype(np.float32) for p in (mesh, marks)]
        pairs.append(pair(*posed))
    figures = real.landmarks(pairs)
    assert figures["nme_percent"] == pytest.approx(5, abs=1e-3)
    assert figures["nme_aligned_percent"] == pytest.approx(0, abs=1e-3)
    assert figures["gross_percent"] == 0


def test_agreement_is_taken_within_a_clip_and_only_where_the_reference_moves() -> None:
    moving, still = ARKIT52.names.index("jawOpen"), ARKIT52.names.index("browInnerUp")
    pairs = []
    for source, rest in (("a", 0.0), ("b", 0.5)):
        for value in np.linspace(0, 0.4, 9):
            ours, theirs = np.zeros((2, len(ARKIT52)), np.float32)
            ours[moving], theirs[moving] = value, value / 2 + rest
            theirs[still] = 0.01 * value
            pairs.append(real.Pair(source, state(raw=ours), state(raw=theirs), np.zeros((51, 2))))
    rows = real.agreement(pairs)
    assert rows.keys() == {"jawOpen"}
    assert rows["jawOpen"]["r"] == pytest.approx(1, abs=1e-6)
    assert rows["jawOpen"]["frames"] == 18


def test_faces_are_paired_by_place_and_the_rest_are_missed_or_ours_alone() -> None:
    mesh, marks = np.zeros((478, 3), np.float32), np.zeros((220, 3), np.float32)
    mesh[263, 0] = 1
    here, there = (0, 0, 10, 10), (50, 50, 60, 60)
    ours, theirs = [state(marks, box=here)], [state(mesh, box=here)]
    both = real.Seen("clip", 0, None, ours, [*theirs, state(mesh, box=there)], [], [])
    alone = real.Seen("clip", 1, None, ours, [], [], [])
    followed = real.Seen("clip", 2, None, ours, [], theirs, [])
    witnessed = real.Seen("clip", 3, None, ours, [], [], theirs)
    pairs, missed, extra, false = real._paired([both, alone, followed, witnessed])
    assert (len(pairs), missed, extra, false) == (1, 1, 2, 1)


def test_the_common_points_are_51_different_vertices() -> None:
    assert len(set(real.common_points())) == 51


def test_perfect_answers_have_no_error() -> None:
    rng = np.random.default_rng(2)
    count = 6
    faces = renders.Faces(
        np.zeros((count, SIZE, SIZE, 3), np.uint8),
        np.tile(POINTS, (count, 1, 1)) + rng.normal(0, 1, (count, 1, 2)).astype(np.float32),
        np.tile(np.eye(3, dtype=np.float32), (count, 1, 1)),
        np.tile(np.float32([0, 0, 1]), (count, 2, 1)),
        rng.random((count, 57), np.float32),
        np.ones((count, 9), np.float32),
    )
    found = {name: getattr(faces, name) for name in ("points", "coefficients", "rotation", "gaze")}
    figures = renders.scores(faces, found)
    assert figures["worst_r"] == pytest.approx(1)
    errors = ("mae", "nme_eye_corners_percent", "nme_hull_percent", "rotation_degrees", "gaze_degrees")
    assert [figures[name] for name in errors] == pytest.approx([0] * 5, abs=1e-5)
    assert renders.scores(faces, renders.constant(faces))["mean_r"] == 0
