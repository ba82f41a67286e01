"""mien.backends.litert: .tflite networks by tensor name, against the numbers that MediaPipe published with them."""

from __future__ import annotations

import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from mien.backends.litert import LiteRtSession
from mien.bundle import Bundle
from mien.errors import DeviceError, MissingExtraError, ModelError

POINTS, SCORES = "serving_default_input_points:0", "StatefulPartitionedCall:0"
GOLDEN_SIZE = (820, 1024)


@pytest.fixture(scope="module")
def model(mediapipe_bundle: Path) -> bytes:
    """MediaPipe's blendshape network: 146 points to 52 scores."""
    with Bundle.open(mediapipe_bundle) as bundle:
        return bytes(bundle.blob("litert/coefficients.tflite"))


@pytest.fixture(scope="module")
def session(model: bytes) -> LiteRtSession:
    return LiteRtSession(memoryview(model), device="CPU", threads=1)


@pytest.fixture(scope="module")
def golden(shared: Path, mediapipe_bundle: Path) -> tuple[np.ndarray, np.ndarray]:
    """Points (1, 146, 2) in pixels and the 52 scores that belong to them."""
    folder = shared / "mediapipe"
    text = (folder / "face_blendshapes_in_landmarks.prototxt").read_text()
    x, y = (np.float32(re.findall(rf"\b{axis}: (\S+)", text)) for axis in "xy")
    with Bundle.open(mediapipe_bundle) as bundle:
        chosen = bundle.manifest.root.section("face").section("coefficients").integers("landmarks")
    points = np.stack([x * GOLDEN_SIZE[0], y * GOLDEN_SIZE[1]], axis=1).astype(np.float32)[chosen]
    scores = re.findall(r"score: (\S+)", (folder / "face_blendshapes_out.prototxt").read_text())
    return points[None], np.float32(scores)


def test_the_published_pair_of_landmarks_and_coefficients_is_reproduced(
    session: LiteRtSession, golden: tuple[np.ndarray, np.ndarray]
) -> None:
    points, scores = golden
    (ours,) = session.run({POINTS: points}, [SCORES])
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, scores, atol=1e-3)


def test_tensor_names_and_shapes_are_told(session: LiteRtSession) -> None:
    assert session.inputs == {POINTS: (1, 146, 2)}
    assert session.outputs == {SCORES: (52,)}
    assert (session.engine, session.device, session.extra) == ("litert", "CPU", "litert")


def test_outputs_stay_valid_after_the_next_run(session: LiteRtSession, golden: tuple[np.ndarray, np.ndarray]) -> None:
    (first,) = session.run({POINTS: golden[0]}, [SCORES])
    kept = first.copy()
    session.run({POINTS: golden[0][:, ::-1].copy()}, [SCORES])
    np.testing.assert_array_equal(first, kept)


def test_several_threads_may_run_one_session(session: LiteRtSession, golden: tuple[np.ndarray, np.ndarray]) -> None:
    inputs = [golden[0] + np.float32(i) * np.float32([[[1, 0]]]) * (golden[0] % 7) for i in range(8)]
    expected = [session.run({POINTS: points}, [SCORES])[0] for points in inputs]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda points: session.run({POINTS: points}, [SCORES])[0], inputs * 5))
    for answer, wanted in zip(answers, expected * 5, strict=True):
        np.testing.assert_array_equal(answer, wanted)


@pytest.mark.parametrize("damage", [b"", b"TFL3", b"not a model at all" * 10])
def test_what_is_no_model_is_refused(damage: bytes) -> None:
    with pytest.raises(ModelError) as refused:
        LiteRtSession(memoryview(damage), device="CPU", threads=1)
    assert refused.value.code == "model.load"


@pytest.mark.parametrize("part", [0.1, 0.5, 0.99])
def test_a_truncated_model_is_refused(part: float, model: bytes) -> None:
    with pytest.raises(ModelError) as refused:
        LiteRtSession(memoryview(model[: int(len(model) * part)]), device="CPU", threads=1)
    assert refused.value.code == "model.load"


@pytest.mark.parametrize(
    ("feeds", "outputs"),
    [
        ({POINTS: np.zeros((1, 146, 2), np.float32)}, ["z"]),
        ({"z": np.zeros((1, 146, 2), np.float32)}, [SCORES]),
        ({POINTS: np.zeros((1, 100, 2), np.float32)}, [SCORES]),
        ({POINTS: np.zeros((1, 146, 2), np.float64)}, [SCORES]),
    ],
    ids=["unknown output", "unknown input", "wrong shape", "wrong dtype"],
)
def test_a_run_that_cannot_be_is_a_model_error(
    feeds: dict[str, np.ndarray], outputs: list[str], session: LiteRtSession
) -> None:
    with pytest.raises(ModelError) as refused:
        session.run(feeds, outputs)
    assert refused.value.code == "model.run"


def test_a_device_that_is_not_there_is_refused(model: bytes) -> None:
    with pytest.raises(DeviceError) as refused:
        LiteRtSession(memoryview(model), device="NPU", threads=1)
    assert refused.value.code == "device.absent"


def test_without_the_package_the_pip_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    monkeypatch.setitem(sys.modules, "tflite_runtime.interpreter", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'mien\[litert\]'"):
        LiteRtSession.devices()
