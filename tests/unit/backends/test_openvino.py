"""mien.backends.openvino: ONNX and IR by tensor name, in float32, and honest about devices."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import models
import numpy as np
import pytest
from mien.backends.onnxruntime import OnnxRuntimeSession
from mien.backends.openvino import OpenVinoSession
from mien.errors import DeviceError, ModelError


@pytest.fixture(scope="module")
def model() -> bytes:
    return models.detector_network()


@pytest.fixture(scope="module")
def session(model: bytes) -> OpenVinoSession:
    return OpenVinoSession(memoryview(model), device="CPU", threads=1)


def feed(session: OpenVinoSession, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {name: rng.random(shape).astype(np.float32) for name, shape in session.inputs.items()}


def test_it_says_what_onnx_runtime_says(session: OpenVinoSession, model: bytes) -> None:
    other = OnnxRuntimeSession(memoryview(model), device="CPU", threads=1)
    assert session.inputs == other.inputs
    assert session.outputs.items() >= other.outputs.items()
    names = list(other.outputs)
    for a, b in zip(session.run(feed(session), names), other.run(feed(session), names), strict=True):
        assert a.dtype == np.float32
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_a_model_of_two_files_is_read(session: OpenVinoSession, model: bytes, tmp_path: Path) -> None:
    import openvino

    path = tmp_path / "m.xml"
    openvino.save_model(openvino.Core().read_model(model), path)
    xml, weights = (memoryview(file.read_bytes()) for file in (path, path.with_suffix(".bin")))
    two = OpenVinoSession(xml, device="CPU", threads=1, weights=weights)
    names = list(session.outputs)
    for a, b in zip(session.run(feed(session), names), two.run(feed(session), names), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-3)  # saved in half


def test_outputs_stay_valid_after_the_next_run(session: OpenVinoSession) -> None:
    names = list(session.outputs)
    first = session.run(feed(session), names)
    kept = [value.copy() for value in first]
    session.run(feed(session, 1), names)
    for a, b in zip(first, kept, strict=True):
        np.testing.assert_array_equal(a, b)


def test_every_run_sees_what_its_inputs_hold_then(session: OpenVinoSession) -> None:
    outputs = list(session.outputs)[:1]
    (name, first), (_, second) = next(iter(feed(session, 1).items())), next(iter(feed(session, 2).items()))
    expected = [session.run({name: values.copy()}, outputs)[0] for values in (first, second)]
    own = first.copy()
    np.testing.assert_array_equal(session.run({name: own}, outputs)[0], expected[0])
    own[...] = second  # in place, as a stream writes its next frame
    np.testing.assert_array_equal(session.run({name: own}, outputs)[0], expected[1])
    turned = first[..., ::-1].copy()[..., ::-1]  # the same values, not in the order of memory
    np.testing.assert_array_equal(session.run({name: turned}, outputs)[0], expected[0])
    turned[...] = second
    np.testing.assert_array_equal(session.run({name: turned}, outputs)[0], expected[1])


def test_several_threads_may_run_one_session(session: OpenVinoSession) -> None:
    names = list(session.outputs)
    expected = [session.run(feed(session, k), names) for k in range(8)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda k: session.run(feed(session, k % 8), names), range(40)))
    for k, answer in enumerate(answers):
        for a, b in zip(answer, expected[k % 8], strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_targets_options_reach_the_engine(model: bytes) -> None:
    made = OpenVinoSession(memoryview(model), device="CPU", threads=1, options={"INFERENCE_PRECISION_HINT": "f32"})
    assert str(made._model.get_property("INFERENCE_PRECISION_HINT")).endswith("float32'>")
    with pytest.raises(ModelError) as refused:
        OpenVinoSession(memoryview(model), device="CPU", threads=1, options={"NO_SUCH_THING": "1"})
    assert refused.value.code == "model.load"


@pytest.mark.parametrize("damage", [b"", b"<?xml", b"not a model at all" * 10])
def test_what_is_no_model_is_refused(damage: bytes) -> None:
    with pytest.raises(ModelError) as refused:
        OpenVinoSession(memoryview(damage), device="CPU", threads=1)
    assert refused.value.code == "model.load"


def test_a_run_that_cannot_be_is_a_model_error(session: OpenVinoSession) -> None:
    for feeds, outputs in (({"z": np.zeros(3, np.float32)}, list(session.outputs)), (feed(session), ["z"])):
        with pytest.raises(ModelError) as refused:
            session.run(feeds, outputs)
        assert refused.value.code == "model.run"
    assert session.run(feed(session), list(session.outputs))


def test_a_device_that_is_not_there_is_refused(model: bytes) -> None:
    with pytest.raises(DeviceError) as refused:
        OpenVinoSession(memoryview(model), device="NPU", threads=1)
    assert refused.value.code == "device.absent"
    assert "CPU" in refused.value.message


def test_what_it_compiled_is_used_again_and_says_the_same(
    model: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path))
    first, second = (OpenVinoSession(memoryview(model), device="CPU", threads=1) for _ in range(2))
    names = list(first.outputs)
    assert second.outputs == first.outputs
    for a, b in zip(first.run(feed(first), names), second.run(feed(first), names), strict=True):
        np.testing.assert_array_equal(a, b)
    assert len(list(tmp_path.glob("*.bin"))) == 1
    OpenVinoSession(memoryview(model), device="CPU", threads=2)
    assert len(list(tmp_path.glob("*.bin"))) == 2, "other settings are another entry"
