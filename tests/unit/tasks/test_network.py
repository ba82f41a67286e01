"""mien.tasks._network: a network's inputs are written in place, its outputs checked and handed out by logical name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import models
import numpy as np
import pytest
from mien.backends.base import Array, Session
from mien.backends.running import Attempt, Running
from mien.errors import BundleError, ModelError
from mien.manifest import Network, Port, Target
from mien.profiler import Profiler
from mien.tasks._network import Runner

OUT: Mapping[str, Any] = {"y:0": np.ones((1, 2), np.float32)}


class Fixed(Session):
    """An engine that answers the same to everything."""

    engine = "fixed"

    device = "CPU"

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self.answers, self.fed = answers, dict[str, Array]()

    @classmethod
    def version(cls) -> str:
        return "1"

    @classmethod
    def devices(cls) -> tuple[str, ...]:
        return ("CPU",)

    def run(self, feeds: Mapping[str, Array], outputs: list[str]) -> list[np.ndarray]:
        self.fed = {name: value.copy() for name, value in feeds.items()}
        return [self.answers[name] for name in outputs]


def running(answers: Mapping[str, Any] = OUT) -> Running:
    ports = {"x": Port("x", (1, 3), "float32")}, {"y": Port("y", (1, 2), "float32")}
    target = Target("fixed", "fp32", "m", {"x": "x:0", "y": "y:0"})
    session = Fixed(answers)
    attempt = Attempt(target, "CPU", lambda: session)
    return Running(Network("net", *ports, (target,)), "auto", [attempt], (attempt, session), fallback=False)


def test_inputs_and_outputs_go_by_their_logical_names() -> None:
    network = running()
    runner = Runner(network)
    runner.buffer("x")[:] = [[1, 2, 3]]
    outputs = runner.run(Profiler())
    assert isinstance(network.session, Fixed)
    assert network.session.fed["x:0"].tolist() == [[1, 2, 3]]
    assert outputs["y"].tolist() == [[1, 1]]


def test_each_runner_has_inputs_of_its_own() -> None:
    network = running()
    one, other = Runner(network), Runner(network)
    one.buffer("x")[:] = 1
    assert not other.buffer("x").any()


def test_the_run_is_timed() -> None:
    profiler = Profiler()
    Runner(running()).run(profiler)
    assert profiler.summary()["run"]["count"] == 1


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (np.ones((1, 3), np.float32), "model.shape"),
        (np.ones(2, np.float32), "model.shape"),
        (np.ones((1, 2), np.float64), "model.dtype"),
        (np.ones((1, 2), np.int8), "model.dtype"),
        (np.float32([[1, np.nan]]), "model.not_finite"),
        (np.float32([[1, -np.inf]]), "model.not_finite"),
    ],
)
def test_an_output_that_is_not_what_was_promised_is_a_model_error(answer: np.ndarray, code: str) -> None:
    with pytest.raises(ModelError, match="'y' of 'net'") as refused:
        Runner(running({"y:0": answer})).run(Profiler())
    assert refused.value.code == code


def test_an_output_that_the_manifest_lacks_is_named() -> None:
    with pytest.raises(BundleError, match="'z'"):
        running().network.output("z")


def test_a_network_without_pixels_has_no_image_input() -> None:
    with pytest.raises(BundleError, match="0 image inputs"):
        running().network.image_input()


def test_pixels_are_sampled_into_the_input_buffer(blocks_bundle: Any) -> None:
    import mien
    from mien.backends.select import load

    with mien.Bundle.open(blocks_bundle) as bundle:
        runner = Runner(load(bundle, bundle.manifest.networks["detector"]))
        runner.prepare("image", models.blocks((0, 0)).image, np.eye(2, 3))
    assert runner.buffer("image")[0, :, :8, :8].tolist() == np.ones((3, 8, 8)).tolist()
    assert runner.buffer("image").sum() == 3 * 64
