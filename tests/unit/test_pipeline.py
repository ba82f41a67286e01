"""mien.pipeline: one stream of frames through a bundle; weights shared, state apart, everything counted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import mien
import models
import numpy as np
import pytest
from mien.errors import BundleError, InputError, MienError, ModelError, TimestampError
from mien.pipeline import Pipeline
from mien.types import FaceState, Frame
from models import MS, blocks

FRAME_MS = 33 * MS
PATH = [blocks((1 + step // 3 % 6, 2), t_ns=step * FRAME_MS) for step in range(30)]


def summary(states: list[FaceState]) -> list[tuple[Any, ...]]:
    return [(s.t_ns, s.id, s.found, s.box, s.values.tolist(), s.valid.tolist(), s.stale) for s in states]


@pytest.fixture
def face(blocks_bundle: Path) -> Pipeline:
    return mien.open(blocks_bundle)


def test_a_state_has_the_time_of_its_frame(face: Pipeline) -> None:
    assert face.process(blocks((1, 1), t_ns=-7)).t_ns == -7
    assert face.process(blocks(t_ns=9)).t_ns == 9


@pytest.mark.parametrize("t_ns", [100, 99, -5])
def test_time_that_does_not_go_on_is_an_error_and_the_pipeline_goes_on_afterwards(t_ns: int, face: Pipeline) -> None:
    first = face.process(blocks((1, 1), t_ns=100))
    with pytest.raises(TimestampError, match="reset") as refused:
        face.process(blocks((1, 1), t_ns=t_ns))
    assert refused.value.code == "time.not_increasing"
    later = face.process(blocks((1, 1), t_ns=101))
    assert (later.id, later.box) == (first.id, first.box)


def test_a_float_time_is_an_error_and_the_pipeline_goes_on_afterwards(face: Pipeline) -> None:
    with pytest.raises(InputError) as refused:
        face.process(blocks((1, 1), t_ns=0.5))  # type: ignore[arg-type]
    assert refused.value.code == "time.type"
    assert face.process(blocks((1, 1), t_ns=1)).found


def test_arrays_without_a_time_are_taken_as_they_come(face: Pipeline) -> None:
    times = [face.process(blocks((1, 1)).planes[0]).t_ns for _ in range(20)]
    assert times == sorted(set(times))


@pytest.mark.parametrize("picture", [None, [[1, 2]], "picture.png", np.zeros((4, 4, 3)), np.zeros((4, 4), np.int32)])
def test_what_is_no_picture_is_an_error_and_the_pipeline_goes_on_afterwards(picture: Any, face: Pipeline) -> None:
    with pytest.raises(InputError):
        face.process(picture)
    assert face.process(blocks((1, 1))).found


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 64, 3), (64, 1, 3), (3, 16000, 3), (2, 2)])
def test_frames_of_any_size_are_processed(shape: tuple[int, ...], face: Pipeline) -> None:
    assert not face.process(np.zeros(shape, np.uint8)).found


def test_reset_forgets_faces_and_time_but_not_counts(face: Pipeline) -> None:
    first = [face.process(frame).id for frame in PATH[:5]]
    face.reset()
    assert [face.process(frame).id for frame in PATH[:5]] == first == [0, 0, 0, 1, 1]
    assert face.report().frames_in == 10


def test_a_fork_has_the_weights_but_not_the_state(face: Pipeline) -> None:
    first = summary([face.process(frame) for frame in PATH])
    fork = face.fork()
    assert fork.report().frames_in == 0
    assert summary([fork.process(frame) for frame in PATH]) == first
    assert fork.report().networks == face.report().networks


def test_forks_in_threads_give_what_one_after_the_other_gives(blocks_bundle: Path) -> None:
    face = mien.open(blocks_bundle, filters=[mien.OneEuro()])
    serial = summary(list(map(face.fork().process, PATH)))
    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(lambda: list(map(face.fork().process, PATH))) for _ in range(8)]
        assert all(summary(future.result()) == serial for future in futures)


def test_real_networks_on_forks_in_threads_give_what_one_after_the_other_gives(
    mediapipe_bundle: Path, astronaut: Path
) -> None:
    face = mien.open(mediapipe_bundle)
    (picture, _), *_ = face.fork().stream_all(str(astronaut))
    frames = [Frame(picture.planes, "bgr", 512, 512, t * FRAME_MS) for t in range(6)]
    serial = summary(list(map(face.fork().process, frames)))
    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(lambda: list(map(face.fork().process, frames))) for _ in range(2)]
        assert all(summary(future.result()) == serial for future in futures)


def test_several_threads_may_call_one_pipeline(face: Pipeline) -> None:
    picture = blocks((1, 1)).planes[0]

    def ask(_: int) -> bool:
        try:
            return face.process(picture).found
        except TimestampError:  # another thread's later frame overtook this one
            return True

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(ask, range(200)))


def test_the_report_counts_frames_and_times_every_stage(face: Pipeline) -> None:
    for frame in PATH[:4]:
        face.process(frame)
    face.process(blocks((2, 2), t_ns=PATH[4].t_ns, stale=True))
    report = face.report()
    assert (report.bundle, report.task) == ("blocks", "face")
    assert (report.frames_in, report.frames_out, report.dropped, report.stale) == (5, 5, 0, 1)
    assert {choice.network for choice in report.networks} == {"detector", "landmarks", "coefficients"}
    assert report.stages["process"]["count"] == 5
    assert report.stages["process"]["p50_ms"] <= report.stages["process"]["p99_ms"]
    assert {"prepare", "run", "decode"} <= report.stages.keys()
    assert "5 in, 5 out, 0 dropped" in str(report)


def test_a_refused_frame_is_counted_as_unprocessed(face: Pipeline) -> None:
    face.process(PATH[1])
    for wrong in (PATH[0], np.zeros((4, 4, 3), np.float32)):
        with pytest.raises(MienError):
            face.process(wrong)
    report = face.report()
    assert (report.frames_in, report.frames_out, report.unprocessed) == (3, 1, 2)


def test_what_the_caller_does_to_a_result_does_not_come_back(face: Pipeline) -> None:
    states = face.process_all(PATH[0])
    with pytest.raises(ValueError, match="read-only"):
        states[0].landmarks[:] = 0
    states.clear()
    assert len(face.process_all(blocks((2, 2), t_ns=PATH[1].t_ns, stale=True))) == 1


@pytest.mark.parametrize("model", [None, 5, b"x", "a" * 5000, "a" * 5000 + ".mien"])
def test_what_is_no_path_is_no_bundle(model: Any) -> None:
    with pytest.raises(BundleError) as refused:
        mien.open(model)
    assert refused.value.code in ("bundle.missing", "bundle.unknown")


def test_asking_for_the_time_of_an_unknown_stage_does_not_break_the_report(face: Pipeline) -> None:
    assert face.total_ns("nothing") == 0
    face.process(PATH[0])
    assert "nothing" not in face.report().stages


def test_a_stale_frame_repeats_the_last_state_without_running_a_network(face: Pipeline) -> None:
    last = face.process(blocks((1, 1), t_ns=0))
    runs = face.report().stages["run"]["count"]
    stale = face.process(blocks((5, 5), t_ns=1, stale=True))
    assert face.report().stages["run"]["count"] == runs
    assert (stale.stale, stale.t_ns, stale.id, stale.box) == (True, 1, last.id, last.box)
    assert stale.values.tolist() == last.values.tolist()
    assert not face.process(blocks((1, 1), t_ns=2)).stale


def test_a_stale_frame_without_a_face_before_it_is_a_stale_no_face(face: Pipeline) -> None:
    state = face.process(blocks((1, 1), t_ns=0, stale=True))
    assert (state.found, state.stale) == (False, True)


def test_an_engine_that_fails_leaves_the_pipeline_usable(tmp_path: Path) -> None:
    index = models.node("Cast", ["level"], ["i"], to=7)
    pick = [
        models.node("Mul", ["bright", "one"], ["level"]),
        index,
        models.node("Gather", ["t", "i"], ["presence_out"]),
    ]
    mean = models.node("ReduceMean", ["image"], ["bright"], axes=[1, 2, 3], keepdims=1)
    constants = {"t": np.float32([10]), "one": np.float32([1.01]), "p": np.float32(models.CROSS)[None]}
    network = models.network(
        [mean, *pick, models.node("Identity", ["p"], ["points_out"])],
        {"image": (1, 3, 16, 16)},
        {"points_out": (1, 5, 2), "presence_out": (1, 1, 1, 1)},
        constants,
    )
    manifest = models.face_manifest(detector=False)
    face = mien.open(models.write_face(tmp_path / "a.mien", manifest, landmarks=network))
    white = np.full((64, 64, 3), 255, np.uint8)
    assert face.process(Frame.of(white // 2, t_ns=0)).found
    with pytest.raises(ModelError) as refused:
        face.process(Frame.of(white, t_ns=1))
    assert refused.value.code == "model.run"
    assert face.process(Frame.of(white // 2, t_ns=2)).found


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"max_faces": 0}, "open.max_faces"),
        ({"max_faces": 33}, "open.max_faces"),
        ({"max_faces": 1.0}, "open.max_faces"),
        ({"max_faces": None}, "open.max_faces"),
        ({"threads": 0}, "open.threads"),
        ({"threads": 1.5}, "open.threads"),
        ({"threads": "2"}, "open.threads"),
        ({"threads": True}, "open.threads"),
        ({"threads": 20_000}, "open.threads"),
        ({"filters": mien.OneEuro()}, "open.filters"),
        ({"filters": [mien.OneEuro]}, "open.filters"),
        ({"trust": [bytes(32)]}, "bundle.unsigned"),
    ],
)
def test_an_impossible_option_is_refused(options: dict[str, Any], code: str, blocks_bundle: Path) -> None:
    with pytest.raises(MienError) as refused:
        mien.open(blocks_bundle, **options)
    assert refused.value.code == code


@pytest.mark.parametrize("model", ["nobody", "nobody.mien", "../nobody", "", ".", "a/b.mien", "a\0b", "a\0b.mien"])
def test_a_bundle_that_is_not_there_is_refused(model: str) -> None:
    with pytest.raises(BundleError) as refused:
        mien.open(model)
    assert refused.value.code in ("bundle.missing", "bundle.unknown")


def test_a_bundle_for_an_unknown_task_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    manifest = {**models.detect_manifest(), "task": "telepathy"}
    with pytest.raises(MienError, match="detect, expression, face") as refused:
        mien.open(models.write_detect(tmp_path / "a.mien", manifest))
    assert refused.value.code == "tasks.unknown"


def test_a_signed_bundle_opens_with_trust(tmp_path: Path) -> None:
    from mien.bundle import new_key

    private, public = new_key()
    blobs = {"onnx/detector.onnx": models.detector_network()}
    mien.Bundle.write(tmp_path / "a.mien", models.detect_manifest(), blobs, private)
    with mien.open(tmp_path / "a.mien", trust=[public]) as pipeline:
        assert pipeline.bundle.signer == public.hex()


@pytest.mark.parametrize("section", ["face", "landmarks", "crop_from_landmarks"])
@pytest.mark.parametrize("options", [{}, {"smoothing": False, "tracking": False}])
def test_a_misspelt_field_is_refused_whatever_the_options(
    section: str, options: dict[str, Any], tmp_path: Path
) -> None:
    manifest = models.face_manifest()
    face = manifest["face"] | {"landmark_filter": {"min_cutoff": 1, "beta": 0}}
    manifest["face"] = face
    path = models.write_face(tmp_path / "good.mien", manifest)
    mien.open(path, **options).close()
    (face if section == "face" else face[section])["min_presense"] = 0.7
    with pytest.raises(BundleError) as refused:
        mien.open(models.write_face(tmp_path / "bad.mien", manifest), **options)
    assert refused.value.code == "manifest.unknown"
    assert "min_presense" in str(refused.value)
