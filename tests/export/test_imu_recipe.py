"""The imu recipe: a network that is fed no pictures, its samples, and quantizers whose files do not run."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mien
import numpy as np
import pytest
import torch
from mien.bundle import Bundle
from mien.errors import ModelError
from mien.locate import locate

from export.manifests.imu import imu_section
from export.recipes import imu
from export.targets import litert_int8
from quantization.calibration import SMALLEST
from training import checkpoint
from training.evaluate_imu import Condition, play, score
from training.models.imu import ImuNetwork

from .conftest import made


@pytest.mark.shared
def test_the_recipe_says_what_the_shipped_bundle_says() -> None:
    recipe = imu.recipe(None)
    assert recipe.image == ""
    session = mien.open("imu", threads=1)._load("imu")
    assert recipe.module is not None
    feed = {name: example.numpy() for name, example in recipe.inputs.items()}
    said = session.run(feed)
    with torch.no_grad():
        expected = recipe.module(*recipe.inputs.values())
    for name, value in zip(recipe.outputs, expected, strict=True):
        np.testing.assert_allclose(said[name], value.numpy(), atol=1e-4, err_msg=name)


@pytest.mark.shared
def test_samples_are_moments_with_the_state_that_belongs_to_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imu, "_SECONDS", 6.0)
    network = imu.network_of(locate("imu"))
    samples = imu.samples(network, SMALLEST, 5, held_out=True)
    assert len(samples) == SMALLEST
    assert samples.feeds["features"].shape == (SMALLEST, 240)
    assert samples.feeds["state"].shape == (SMALLEST, 160)
    assert samples.labels["coefficients"].shape == (SMALLEST, 43)
    assert np.abs(samples.feeds["state"]).mean() > 0.01
    with torch.no_grad():
        said = network(torch.from_numpy(samples.feeds["features"]), torch.from_numpy(samples.feeds["state"]))[0].numpy()
    assert np.abs(said - samples.labels["coefficients"]).mean() < 0.08


@pytest.mark.parametrize("bad", ["first", "second"])
def test_a_method_whose_file_does_not_run_is_passed_over(bad: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def runner(target: Any, built: str) -> Any:
        return built

    def good_enough(run: str) -> bool:
        if run == bad:
            raise ModelError("model.run", "no tensor of that name", "")
        return False

    monkeypatch.setattr(litert_int8, "runner", runner)
    build: Any = SimpleNamespace(good_enough=good_enough)
    chosen: Any = litert_int8.first_good(build, Any, ["first", "second"], lambda method: method)  # type: ignore[arg-type, return-value]
    assert chosen == ({"first", "second"} - {bad}).pop()


def test_where_no_file_runs_the_reason_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def runner(target: Any, built: str) -> Any:
        raise ModelError("model.load", "damaged", "")

    monkeypatch.setattr(litert_int8, "runner", runner)
    build: Any = SimpleNamespace(good_enough=None)
    with pytest.raises(ModelError, match="damaged"):
        litert_int8.first_good(build, Any, ["first", "second"], lambda method: method)  # type: ignore[arg-type, return-value]


@pytest.mark.shared
def test_a_checkpoint_of_something_else_is_refused(tmp_path: Path) -> None:
    from training.errors import TrainingError

    (tmp_path / "a.pt").write_bytes(b"no checkpoint")
    with pytest.raises(TrainingError, match=r"\[training.checkpoint\]"):
        imu.recipe(tmp_path / "a.pt")


@pytest.mark.shared
def test_a_checkpoint_of_an_untrained_network_makes_a_bundle_that_runs_and_knows_nothing(tmp_path: Path) -> None:
    torch.manual_seed(6)
    checkpoint.write(tmp_path / "imu.pt", ImuNetwork(), {"wearers": 0})
    path = made(tmp_path / "imu.mien", imu.recipe(tmp_path / "imu.pt"))
    with Bundle.open(path) as bundle:
        metrics = bundle.manifest.root.fields["metrics"]
    assert metrics["wearers"] == 0
    assert 0 < metrics["parity_with_torch"] < 5e-3
    with mien.open(path, threads=1) as pipeline:
        played = play(pipeline, Condition("imu6"), 1, 0)
    assert played.raw.shape == played.truth.shape
    assert abs(score([played.raw], [played.truth])["r"]) < 0.4


@pytest.mark.shared
def test_the_shipped_bundle_has_the_seats_of_the_layouts() -> None:
    with Bundle.open(locate("imu")) as bundle:
        section = bundle.manifest.root.fields["imu"]
    assert section == json.loads(json.dumps(imu_section()))
