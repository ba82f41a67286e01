"""mien.backends.onnxruntime: networks by tensor name, checked against numpy; refusals with a code."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import models
import numpy as np
import onnx
import pytest
from mien.backends.onnxruntime import OnnxRuntimeSession
from mien.errors import DeviceError, ModelError

X = np.float32([[1, 2, 3], [-4, 5, 6.5]])


def session(model: bytes, device: str = "CPU") -> OnnxRuntimeSession:
    return OnnxRuntimeSession(memoryview(model), device=device, threads=1)


def test_a_network_computes_what_numpy_computes() -> None:
    y, s = session(models.twice_plus_one()).run({"x": X}, ["y", "s"])
    np.testing.assert_allclose(y, 2 * X + 1)
    np.testing.assert_allclose(s, (2 * X + 1).sum(axis=1, keepdims=True))


def test_outputs_come_in_the_order_asked_for() -> None:
    loaded = session(models.twice_plus_one())
    assert [out.shape for out in loaded.run({"x": X}, ["s", "y"])] == [(2, 1), (2, 3)]
    assert [out.shape for out in loaded.run({"x": X}, ["s"])] == [(2, 1)]


def test_outputs_stay_valid_after_the_next_run() -> None:
    loaded = session(models.twice_plus_one())
    (first,) = loaded.run({"x": X}, ["y"])
    loaded.run({"x": X * 100}, ["y"])
    np.testing.assert_allclose(first, 2 * X + 1)


def test_every_run_sees_what_its_inputs_hold_then() -> None:
    loaded, own = session(models.twice_plus_one()), X.copy()
    for feed in (own, own, X, X[:, ::-1], own[:, ::-1], own):
        own += 1  # in place, as a stream writes its next frame
        (y,) = loaded.run({"x": feed}, ["y"])
        np.testing.assert_allclose(y, 2 * feed + 1)


def test_what_was_fed_before_is_not_fed_again() -> None:
    loaded = session(models.twice_plus_one())
    loaded.run({"x": X}, ["y"])
    with pytest.raises(ModelError):
        loaded.run({}, ["y"])
    with pytest.raises(ModelError):
        loaded.run({"x": X.astype(np.float64)}, ["y"])
    (y,) = loaded.run({"x": X}, ["y"])
    np.testing.assert_allclose(y, 2 * X + 1)


def test_several_threads_may_run_one_session() -> None:
    loaded = session(models.twice_plus_one())

    def run(k: int) -> bool:
        feed = X + k
        return all(np.array_equal(loaded.run({"x": feed}, ["y"])[0], 2 * feed + 1) for _ in range(200))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(run, range(8)))


def test_tensor_names_and_shapes_are_told() -> None:
    loaded = session(models.twice_plus_one())
    assert loaded.inputs == {"x": (2, 3)}
    assert loaded.outputs == {"y": (2, 3), "s": (2, 1)}
    assert (loaded.engine, loaded.device) == ("onnxruntime", "CPU")


def test_an_extent_that_the_network_leaves_open_is_minus_one() -> None:
    model = onnx.load_from_string(models.twice_plus_one())
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "batch"
    assert session(model.SerializeToString()).inputs == {"x": (-1, 3)}


def test_the_installed_engine_tells_its_version_and_devices() -> None:
    import onnxruntime

    assert OnnxRuntimeSession.version() == onnxruntime.__version__
    assert "CPU" in OnnxRuntimeSession.devices()


def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(DeviceError, match="CPU") as refused:
        session(models.twice_plus_one(), "Abacus")
    assert refused.value.code == "device.absent"


@pytest.mark.parametrize("cut", [0, 1, 100, -1])
def test_a_damaged_model_is_refused(cut: int) -> None:
    with pytest.raises(ModelError) as refused:
        session(models.twice_plus_one()[:cut])
    assert refused.value.code == "model.load"


def test_an_operator_that_the_engine_lacks_is_refused() -> None:
    model = onnx.load_from_string(models.twice_plus_one())
    model.graph.node[0].op_type = "Fold"
    with pytest.raises(ModelError, match="Fold"):
        session(model.SerializeToString())


@pytest.mark.parametrize(
    ("feeds", "outputs"),
    [
        ({"x": X}, ["z"]),
        ({"z": X}, ["y"]),
        ({}, ["y"]),
        ({"x": X[:1]}, ["y"]),
        ({"x": X.astype(np.float64)}, ["y"]),
    ],
    ids=["unknown output", "unknown input", "no input", "wrong shape", "wrong dtype"],
)
def test_a_run_that_cannot_be_is_a_model_error(feeds: dict[str, np.ndarray], outputs: list[str]) -> None:
    with pytest.raises(ModelError) as refused:
        session(models.twice_plus_one()).run(feeds, outputs)
    assert refused.value.code == "model.run"


def test_an_engine_that_fails_in_the_middle_is_a_model_error_and_goes_on_afterwards() -> None:
    nodes = [models.node("Cast", ["x"], ["i"], to=onnx.TensorProto.INT64), models.node("Gather", ["t", "i"], ["y"])]
    model = models.network(nodes, {"x": (1,)}, {"y": (1,)}, {"t": np.float32([5, 6])})
    loaded = session(model)
    with pytest.raises(ModelError, match="out of") as refused:
        loaded.run({"x": np.float32([7])}, ["y"])
    assert refused.value.code == "model.run"
    assert loaded.run({"x": np.float32([1])}, ["y"])[0].tolist() == [6]


def test_without_the_package_the_pip_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(DeviceError, match="pip install onnxruntime"):
        OnnxRuntimeSession.devices()


_RUN = """
import pathlib, time
import models
import numpy as np
from mien.backends.onnxruntime import OnnxRuntimeSession
session = OnnxRuntimeSession(memoryview(models.twice_plus_one()), device="CPU", threads=1)
session.run({"x": np.ones((2, 3), np.float32)}, ["y"])
time.sleep(0.2)
print(len(list(pathlib.Path("/proc/self/task").iterdir())))
"""


def _threads_and_files(home: Path, **environment: str) -> tuple[int, list[Path]]:
    """A session in a fresh process: the threads that it has, and what it leaves in its user's home."""
    home.mkdir()
    # ONNX Runtime is silent on build machines, which say so; nothing of the environment is handed on.
    clean = {
        "HOME": str(home), "PYTHONPATH": str(Path(models.__file__).parent), "OPENBLAS_NUM_THREADS": "1", **environment
    }  # fmt: skip
    done = subprocess.run([sys.executable, "-c", _RUN], env=clean, capture_output=True, text=True, check=True)
    return int(done.stdout), [path for path in home.rglob("*") if path.is_file()]


def test_nothing_is_sent_home_and_nothing_kept_for_it(tmp_path: Path) -> None:
    threads, files = _threads_and_files(tmp_path / "home")
    assert files == []
    assert threads == 1
    # The host has the last word; and this shows that there is something to be silent about.
    threads, files = _threads_and_files(tmp_path / "other", ORT_DISABLE_TELEMETRY="0")
    if tuple(map(int, (OnnxRuntimeSession.version() or "0.0").split(".")[:2])) >= (1, 29):
        assert files
        assert threads > 1
