"""What ships: each default bundle runs on each engine in float and in int8, and says what its float ONNX says."""

from __future__ import annotations

from functools import cache
from typing import Any

import cv2
import mien
import numpy as np
import numpy.typing as npt
import pytest
from mien.backends.select import Terms, load
from mien.bundle import Bundle
from mien.locate import film, locate, shipped
from mien.manifest import Network, Port

ENGINES, PRECISIONS = ("onnxruntime", "openvino", "litert"), ("fp32", "int8")
FLOAT = 1e-4  # what export allows a float target, in units of an output's largest value
# Mean difference of int8 from float in those units. The gate of export judges int8 by hundreds of samples; this one
# tells a network that was mixed up from those that passed.
INT8 = 0.06

Values = dict[str, npt.NDArray[Any]]


def first_frame() -> mien.Frame:
    """Of the film that ships."""
    frame = mien.Video(str(film())).read()
    assert frame is not None
    return frame


@cache
def feed(name: str) -> Values:
    """Inputs of a bundle's one network: a frame of the film where pixels go in, else noise."""
    with Bundle.open(locate(name)) as bundle:
        (network,) = bundle.manifest.networks.values()
    rng = np.random.default_rng(3)
    return {key: _pixels(port) if port.image else _noise(rng, port) for key, port in network.inputs.items()}


def _pixels(port: Port) -> npt.NDArray[np.float32]:
    assert port.image is not None
    _, _, height, width = port.shape
    frame = first_frame()
    small = cv2.resize(frame.to_rgb(), (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    return np.ascontiguousarray((small * port.image.scale + port.image.bias).transpose(2, 0, 1)[None], np.float32)


def _noise(rng: np.random.Generator, port: Port) -> npt.NDArray[np.float32]:
    return (rng.random(port.shape, np.float32) - 0.5) if len(port.shape) == 2 else rng.random(port.shape, np.float32)


def said(name: str, engine: str, precision: str) -> tuple[Network, Values]:
    """The network, and what it says to `feed` on that engine."""
    with Bundle.open(locate(name)) as bundle:
        (network,) = bundle.manifest.networks.values()
        running = load(bundle, network, Terms(device=engine, precision=precision))
        assert running.choice.used == f"{engine}:CPU"
        assert running.choice.precision == precision
        return network, {key: np.array(value) for key, value in running.run(feed(name)).items()}


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", shipped())
def test_every_default_bundle_runs_on_every_engine_and_says_the_same(name: str, engine: str, precision: str) -> None:
    _, expected = said(name, "onnxruntime", "fp32")
    _, found = said(name, engine, precision)
    for key, value in expected.items():
        unit = max(float(np.abs(value).max()), 1.0)
        off = np.abs(found[key] - value) / unit
        assert np.isfinite(off).all(), key
        if precision == "fp32":
            assert off.max() <= FLOAT, key
        else:
            assert off.mean() <= INT8, key


@pytest.mark.parametrize("name", shipped())
def test_a_default_bundle_holds_what_export_proved_and_no_more(name: str) -> None:
    with Bundle.open(locate(name)) as bundle:
        (network,) = bundle.manifest.networks.values()
        proofs = bundle.manifest.root.fields["metrics"]["export"]["targets"].values()
        used = {blob for target in network.targets for blob in (target.blob, target.weights) if blob}
        assert {blob for blob in bundle.names() if not blob.startswith("geometry/")} == used
    targets = {(target.engine, target.precision) for target in network.targets}
    assert targets == {(engine, precision) for engine in ENGINES for precision in PRECISIONS}
    assert targets == {(proof["engine"], proof["precision"]) for proof in proofs}
    for proof in proofs:
        assert proof["gate"]["passed"] if proof["precision"] == "int8" else proof["parity"] <= FLOAT


@pytest.mark.parametrize("name", shipped())
def test_auto_takes_onnx_runtime_in_float(name: str) -> None:
    with Bundle.open(locate(name)) as bundle:
        first = next(iter(bundle.manifest.networks.values())).targets[0]
    assert (first.engine, first.precision) == ("onnxruntime", "fp32")


@pytest.mark.parametrize("device", ["litert", "mobile", "openvino", "onnxruntime"])
@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_face_is_read_on_every_engine(device: str, precision: str) -> None:
    frame = first_frame()
    with mien.open("face") as pipeline:
        expected = pipeline.process(frame)
    with mien.open("face", device=device, precision=precision) as pipeline:
        state = pipeline.process(frame)
    assert state.found
    assert np.abs(state.raw - expected.raw).mean() < (1e-3 if precision == "fp32" else 0.03)
