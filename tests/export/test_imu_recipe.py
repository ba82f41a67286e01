"""The imu recipe: a network that is fed no pictures, its samples, and quantizers whose files do not run."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mien
import numpy as np
import pytest
import torch
from mien.errors import ModelError
from mien.locate import locate

from export import running
from export.recipes import imu
from quantization.calibration import SMALLEST


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

    monkeypatch.setattr(running, "runner", runner)
    build: Any = SimpleNamespace(good_enough=good_enough)
    chosen: Any = running.first_good(build, Any, ["first", "second"], lambda method: method)  # type: ignore[arg-type, return-value]
    assert chosen == ({"first", "second"} - {bad}).pop()


def test_where_no_file_runs_the_reason_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def runner(target: Any, built: str) -> Any:
        raise ModelError("model.load", "damaged", "")

    monkeypatch.setattr(running, "runner", runner)
    build: Any = SimpleNamespace(good_enough=None)
    with pytest.raises(ModelError, match="damaged"):
        running.first_good(build, Any, ["first", "second"], lambda method: method)  # type: ignore[arg-type, return-value]


@pytest.mark.shared
def test_a_checkpoint_of_something_else_is_refused(tmp_path: Path) -> None:
    from training.errors import TrainingError

    (tmp_path / "a.pt").write_bytes(b"no checkpoint")
    with pytest.raises(TrainingError, match=r"\[training.checkpoint\]"):
        imu.recipe(tmp_path / "a.pt")
