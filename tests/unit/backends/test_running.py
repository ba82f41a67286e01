"""mien.backends.running: an engine that fails in mid-run is replaced without losing a frame, and told of."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import faulty
import mien
import models
import numpy as np
import psutil
import pytest
from mien.backends.onnxruntime import OnnxRuntimeSession
from mien.backends.running import Patience, Running
from mien.backends.select import Compiling, Terms, load
from mien.errors import DeviceError, MienError, ModelError

FRAMES = 2000
QUICK = Patience(run=0.2, retry=0.05, longest=0.4)


@pytest.fixture(autouse=True)
def plugged(monkeypatch: pytest.MonkeyPatch) -> None:
    faulty.plug_in(monkeypatch)


def bundle_with(tmp_path: Path, real: bool = True, **options: str) -> Path:
    """A detector whose first target is the faulty engine; `real`: the second one is ONNX Runtime."""
    manifest = models.detect_manifest()
    network = manifest["networks"]["detector"]
    good = network["targets"][0]
    bad = {**good, "engine": "faulty", "precision": "fp16", "options": options}
    network["targets"] = [bad, good] if real else [bad]
    path = tmp_path / "a.mien"
    mien.Bundle.write(path, manifest, {"onnx/detector.onnx": models.detector_network()})
    return path


def pictures(count: int = FRAMES) -> Iterator[mien.Frame]:
    """A block that wanders, 100 a second."""
    for k in range(count):
        yield models.blocks((k % 3, k // 3 % 3), t_ns=k * 10_000_000)


def network_of(path: Path, patience: Patience = QUICK, device: str = "auto", **terms: Any) -> Running:
    bundle = mien.Bundle.open(path)
    return load(bundle, bundle.manifest.networks["detector"], Terms(device, patience=patience, **terms))


def feeds() -> dict[str, Any]:
    return {"image": np.random.default_rng(1).random((1, 3, models.SIDE, models.SIDE), np.float32)}


CASES = [
    ({"fault": "raises", "at": "1"}, "model.run"),
    ({"fault": "raises", "at": "500"}, "fell off the bus"),
    ({"fault": "nan", "at": "500"}, "model.not_finite"),
    ({"fault": "shape", "at": "500"}, "model.shape"),
]


@pytest.mark.parametrize(("options", "reason"), CASES)
def test_no_frame_of_a_stream_is_lost_and_the_report_names_it(
    options: dict[str, str], reason: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    process = psutil.Process()
    began = time.time()
    with caplog.at_level(logging.WARNING, "mien"), mien.open(bundle_with(tmp_path, **options)) as pipeline:
        found = 0
        for k, state in enumerate(pipeline.stream(pictures())):
            found += state.found
            if k == FRAMES // 2:
                threads, memory = threading.active_count(), process.memory_info().rss
        assert threading.active_count() <= threads
        assert process.memory_info().rss - memory < 20e6
        report = pipeline.report()
    assert found == report.frames_out == report.frames_in == FRAMES
    (choice,) = report.networks
    assert (choice.used, choice.precision) == ("onnxruntime:CPU", "fp32")
    failed, replaced = choice.events
    assert (failed.what, failed.engine) == ("failed", "faulty:FAULTY fp16")
    assert reason in failed.reason
    assert (replaced.what, replaced.engine) == ("replaced", "onnxruntime:CPU fp32")
    assert began <= failed.t <= replaced.t <= time.time()
    assert str(failed) in str(report)
    assert reason in caplog.text


def test_a_device_that_hangs_costs_a_moment_and_not_the_frame(tmp_path: Path) -> None:
    network = network_of(bundle_with(tmp_path, fault="hangs", at="3", for_good="yes"))
    expected = network.run(feeds())
    network.run(feeds())
    began = time.monotonic()
    said = network.run(feeds())
    assert 0.2 <= time.monotonic() - began < faulty.HANG / 2
    assert all(np.array_equal(said[name], expected[name]) for name in expected)
    assert [event.what for event in network.choice.events] == ["failed", "replaced"]
    assert "model.hung" in network.choice.events[0].reason


@pytest.mark.parametrize("fault", ["load", "swapped"])
def test_what_does_not_even_load_is_refused_at_once(fault: str, tmp_path: Path) -> None:
    path = bundle_with(tmp_path, fault=fault)
    if fault == "swapped":  # the wrong names are the bundle's own fault, and nobody should run it
        with pytest.raises(ModelError, match="shape"):
            mien.open(path)
        return
    with mien.open(path) as pipeline:
        assert pipeline.process(models.blocks((1, 1))).found
        (choice,) = pipeline.report().networks
    assert choice.used == "onnxruntime:CPU"
    assert "the driver says no" in choice.refused[0]


def test_an_engine_that_cannot_be_imported_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    faulty.plug_in(monkeypatch, "no_such_module:Engine")
    with mien.open(bundle_with(tmp_path)) as pipeline:
        (choice,) = pipeline.report().networks
    assert choice.used == "onnxruntime:CPU"
    assert "backends.broken" in choice.refused[0]


def test_a_named_device_is_not_replaced_but_raises(tmp_path: Path) -> None:
    with mien.open(bundle_with(tmp_path, fault="raises", at="5"), device="faulty") as pipeline:
        for frame in pictures(4):
            pipeline.process(frame)
        with pytest.raises(ModelError, match="fell off the bus"):
            pipeline.process(models.blocks((0, 0), t_ns=1_000_000_000))
        assert pipeline.report().unprocessed == 1
        assert pipeline.process(models.blocks((0, 0), t_ns=2_000_000_000)).found, "the next frame may do again"
        assert pipeline.report().networks[0].used == "faulty:FAULTY"


def test_without_strict_a_named_device_is_replaced(tmp_path: Path) -> None:
    with mien.open(bundle_with(tmp_path, fault="raises", at="5"), device="faulty", strict=False) as pipeline:
        assert all(pipeline.process(frame).found for frame in pictures(20))
        assert pipeline.report().networks[0].used == "onnxruntime:CPU"


def until(network: Running, engine: str, seconds: float = 20.0) -> None:
    """Runs the network until that engine does it."""
    end = time.monotonic() + seconds
    while network.choice.used != engine:
        assert time.monotonic() < end, network.choice.events
        network.run(feeds())
        time.sleep(0.01)


def test_an_engine_that_recovers_is_taken_back(tmp_path: Path) -> None:
    network = network_of(bundle_with(tmp_path, fault="raises", at="3"))
    for _ in range(3):
        network.run(feeds())
    assert network.choice.used == "onnxruntime:CPU"
    until(network, "faulty:FAULTY")
    assert [event.what for event in network.choice.events] == ["failed", "replaced", "restored"]


def test_an_engine_that_stays_broken_is_tried_ever_less_often(tmp_path: Path) -> None:
    network = network_of(bundle_with(tmp_path, fault="nan", at="2", for_good="yes"))
    times = []
    end = time.monotonic() + 3
    while len(times) < 4 and time.monotonic() < end:
        network.run(feeds())
        times = [event.t for event in network.choice.events if event.what in ("failed", "retried")]
        time.sleep(0.002)
    waits = np.diff(times)
    assert len(waits) == 3
    assert all(wait >= asked for wait, asked in zip(waits, (0.05, 0.1, 0.2), strict=True))
    assert network.choice.used == "onnxruntime:CPU"


def test_inputs_that_nobody_can_answer_do_not_condemn_the_engine(tmp_path: Path) -> None:
    """A NaN that the input brings comes out of every engine; the first one stays, and others are not loaded again."""
    path = bundle_with(tmp_path)
    network = network_of(path, Patience(retry=60))
    broken = {"image": np.full((1, 3, models.SIDE, models.SIDE), np.nan, np.float32)}
    for _ in range(5):
        with pytest.raises(ModelError, match="NaN"):
            network.run(broken)
    assert faulty.Faulty.loads == 2  # at first, and once to see whether a new session helps
    assert network.run(feeds()).keys()
    assert network.choice.used == "faulty:FAULTY"


def test_an_engine_that_waits_is_asked_before_a_frame_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = network_of(bundle_with(tmp_path, fault="raises", at="2"), Patience(retry=60))
    network.run(feeds())
    network.run(feeds())
    assert network.choice.used == "onnxruntime:CPU"

    honest = OnnxRuntimeSession.run

    def broken(*_: Any) -> None:
        raise RuntimeError("gone")

    monkeypatch.setattr(type(network.session), "run", broken)
    monkeypatch.setattr(faulty.Faulty, "run", lambda self, *args: honest(self._real, *args))
    assert network.run(feeds()).keys()
    assert network.choice.used == "faulty:FAULTY"
    assert [event.what for event in network.choice.events] == ["failed", "replaced"] * 2


def test_the_only_engine_is_loaded_anew(tmp_path: Path) -> None:
    network = network_of(bundle_with(tmp_path, real=False, fault="raises", at="2"))
    for _ in range(4):
        network.run(feeds())
    assert [event.what for event in network.choice.events] == ["failed", "replaced"]
    assert faulty.Faulty.loads == 2


def test_streams_that_share_an_engine_share_its_replacement(tmp_path: Path) -> None:
    network = network_of(bundle_with(tmp_path, fault="raises", at="40", for_good="yes"), Patience(retry=60))
    errors: list[Exception] = []

    def stream() -> None:
        try:
            for _ in range(100):
                network.run(feeds())
        except MienError as error:
            errors.append(error)

    threads = [threading.Thread(target=stream) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert [event.what for event in network.choice.events] == ["failed", "replaced"]


def test_it_compiles_in_the_background_and_switches_over(tmp_path: Path) -> None:
    told: list[Compiling] = []
    network = network_of(bundle_with(tmp_path, compiles="1.3"), on_compile=told.append)
    assert network.choice.used == "onnxruntime:CPU"
    expected = network.run(feeds())
    until(network, "faulty:FAULTY")
    assert all(np.array_equal(value, expected[name]) for name, value in network.run(feeds()).items())
    assert network.settled(5)
    assert [c.state for c in told] == ["started", "running", "ready"]
    assert {(c.network, c.engine) for c in told} == {("detector", "faulty:FAULTY fp16")}
    assert told[0].seconds == 0 < 1 <= told[1].seconds < told[2].seconds
    (event,) = network.choice.events
    assert event.what == "compiled"


@pytest.mark.parametrize("device", ["auto", "faulty"])
def test_a_compilation_that_fails_is_told(device: str, tmp_path: Path) -> None:
    told: list[Compiling] = []
    network = network_of(bundle_with(tmp_path, fault="load"), device=device, on_compile=told.append)
    assert network.settled(5)
    assert [c.state for c in told] == ["started", "failed"]
    assert "the driver says no" in told[-1].text
    if device == "auto":
        assert network.run(feeds())
        assert network.choice.used == "onnxruntime:CPU"
    else:
        with pytest.raises(DeviceError, match="the driver says no"):
            network.run(feeds())


def test_a_listener_that_raises_stops_nothing(tmp_path: Path) -> None:
    def listener(_: Compiling) -> None:
        raise ValueError

    network = network_of(bundle_with(tmp_path), on_compile=listener)
    until(network, "faulty:FAULTY")


def test_without_a_cpu_that_could_run_meanwhile_it_waits_for_the_device(tmp_path: Path) -> None:
    network = network_of(bundle_with(tmp_path, real=False), on_compile=lambda _: None)
    assert network.choice.used == "faulty:FAULTY"
