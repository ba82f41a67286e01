"""The loop: a run that was stopped ends as if it was not; damage and divergence end in one line."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from training.errors import TrainingError
from training.loop import Settings, Trainer, rows_of

Batch = tuple[Tensor, Tensor]
SETTINGS = Settings(steps=6, batch=4, warm_up=2)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 9, 2))


def batch_of(step: int) -> Batch:
    generator = torch.Generator().manual_seed(step)
    images = torch.rand(SETTINGS.batch, 3, 8, 8, generator=generator)
    return images, images.mean((2, 3))[:, :2]


def loss(net: nn.Module, batch: Batch) -> tuple[Tensor, Mapping[str, float]]:
    value = ((net(batch[0]) - batch[1]) ** 2).mean()
    return value, {"squares": float(value.detach())}


def stopped_at(step: int) -> Callable[[int], Batch]:
    def batches(now: int) -> Batch:
        if now == step:
            raise KeyboardInterrupt
        return batch_of(now)

    return batches


def trainer(folder: Path, batches: Callable[[int], Batch] = batch_of, settings: Settings = SETTINGS) -> Trainer:
    return Trainer(folder, network(), settings, loss, batches, outer=("4",))  # Muon trains the convolution


def state(folder: Path) -> dict[str, Tensor]:
    """Everything in a checkpoint by name."""
    kept = torch.load(folder / "checkpoint.pt", weights_only=True)
    moments = {
        f"{index}.{k}.{name}": value
        for index, optimiser in enumerate(kept["optimisers"])
        for k, part in optimiser["state"].items()
        for name, value in part.items()
    }
    return {f"{part}.{name}": value for part in ("network", "average") for name, value in kept[part].items()} | moments


def test_a_run_that_was_stopped_ends_as_one_that_was_not(tmp_path: Path) -> None:
    trainer(tmp_path / "whole").run(every=3)
    with pytest.raises(KeyboardInterrupt):
        trainer(tmp_path / "stopped", stopped_at(4)).run(every=3)
    resumed = trainer(tmp_path / "stopped")
    assert resumed.step == 4  # not 3: what was interrupted was saved
    resumed.run(every=3)
    whole, stopped = state(tmp_path / "whole"), state(tmp_path / "stopped")
    assert whole.keys() == stopped.keys()
    assert "1.0.momentum" in whole
    for name, value in whole.items():
        assert torch.equal(value, stopped[name]), name


def test_shares_of_a_batch_learn_what_the_whole_would(tmp_path: Path) -> None:
    """Without batch norms; with them the shares' statistics are their own."""

    def run(folder: Path, settings: Settings, batches: Callable[[int], Batch]) -> dict[str, Tensor]:
        torch.manual_seed(0)
        plain = nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 9, 2))
        made = Trainer(folder, plain, settings, loss, batches, outer=("3",))
        made.run(every=6)
        return dict(made.network.state_dict())

    def half_of(number: int) -> Batch:
        images, target = batch_of(number // 2)
        part = slice(number % 2 * 2, number % 2 * 2 + 2)
        return images[part], target[part]

    whole = run(tmp_path / "whole", SETTINGS, batch_of)
    shared = run(tmp_path / "shared", replace(SETTINGS, shares=2), half_of)
    for name, value in whole.items():
        torch.testing.assert_close(shared[name], value, rtol=0, atol=2e-3, msg=name)  # AdamW enlarges rounding
    assert json.loads((tmp_path / "shared" / "log.jsonl").read_text("utf-8").splitlines()[-1])["step"] == 6


def test_a_finished_run_has_nothing_left_to_do(tmp_path: Path) -> None:
    trainer(tmp_path).run(every=6)
    before = (tmp_path / "checkpoint.pt").read_bytes()
    trainer(tmp_path, stopped_at(0)).run(every=6)
    assert (tmp_path / "checkpoint.pt").read_bytes() == before


def test_losses_and_the_report_are_logged(tmp_path: Path) -> None:
    trainer(tmp_path).run(every=3, report=lambda net, step: {"seen": step})
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text("utf-8").splitlines()]
    assert [(line["step"], line["seen"]) for line in lines] == [(3, 3), (6, 6)]
    assert all(line["squares"] == pytest.approx(line["loss"]) and line["pictures_per_s"] > 0 for line in lines)


def test_the_averaged_network_lies_between_the_steps(tmp_path: Path) -> None:
    run = trainer(tmp_path)
    first = {name: value.clone() for name, value in run.network.state_dict().items()}
    run.run(every=6)
    last = {name: value.clone() for name, value in run.network.state_dict().items()}
    averaged = run.averaged()
    assert not averaged.training
    mean = averaged.state_dict()["4.weight"]
    assert (mean - first["4.weight"]).norm() < (last["4.weight"] - first["4.weight"]).norm()
    assert torch.equal(averaged.state_dict()["1.num_batches_tracked"], last["1.num_batches_tracked"])


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    trainer(tmp_path).run(every=6)
    whole = (tmp_path / "checkpoint.pt").read_bytes()
    for damaged in (b"", b"nonsense", whole[: len(whole) // 2]):
        (tmp_path / "checkpoint.pt").write_bytes(damaged)
        with pytest.raises(TrainingError, match="Delete it") as caught:
            trainer(tmp_path)
        assert caught.value.code == "training.checkpoint"


def test_the_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    trainer(tmp_path).run(every=6)
    with pytest.raises(TrainingError) as caught:
        Trainer(tmp_path, nn.Linear(2, 2), SETTINGS, loss, batch_of)
    assert caught.value.code == "training.checkpoint"


def test_a_full_disk_keeps_the_checkpoint_before(
    tmp_path: Path, disk_of: Callable[[int], AbstractContextManager[None]]
) -> None:
    run = trainer(tmp_path)
    run.run(every=6)
    before = (tmp_path / "checkpoint.pt").read_bytes()
    with disk_of(1000), pytest.raises(TrainingError, match="Free some space") as caught:
        run.save()
    assert caught.value.code == "training.write"
    assert (tmp_path / "checkpoint.pt").read_bytes() == before
    assert not list(tmp_path.glob("*.part"))


def test_a_loss_that_is_no_number_ends_the_run(tmp_path: Path) -> None:
    def batches(step: int) -> Batch:
        images, target = batch_of(step)
        return images, target * (float("nan") if step == 2 else 1)

    with pytest.raises(TrainingError, match="at step 2") as caught:
        trainer(tmp_path, batches).run(every=6)
    assert caught.value.code == "training.diverged"
    assert not (tmp_path / "checkpoint.pt").exists()


def test_an_error_in_the_data_reaches_the_caller(tmp_path: Path) -> None:
    def batches(step: int) -> Batch:
        raise TrainingError("dataset.damaged", "no", "")

    with pytest.raises(TrainingError, match="no"):
        trainer(tmp_path, batches).run()


def test_the_rate_warms_up_and_falls_to_a_hundredth(tmp_path: Path) -> None:
    run = trainer(tmp_path, settings=Settings(steps=100, batch=4, rate=1.0, warm_up=10))
    rates = [run._rate(step) for step in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[9] == pytest.approx(1)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[100] == pytest.approx(0.01)


def test_every_epoch_shows_every_row_once_in_its_own_order() -> None:
    epochs = [np.concatenate([rows_of(step, 4, 12, 7) for step in range(k, k + 3)]) for k in (0, 3)]
    for rows in epochs:
        assert sorted(rows.tolist()) == list(range(12))
    assert not np.array_equal(*epochs)
    assert np.array_equal(rows_of(4, 4, 12, 7), rows_of(4, 4, 12, 7))
    assert not np.array_equal(rows_of(4, 4, 12, 7), rows_of(4, 4, 12, 8))


def test_a_batch_larger_than_the_data_is_refused() -> None:
    with pytest.raises(TrainingError) as caught:
        rows_of(0, 13, 12, 0)
    assert caught.value.code == "training.config"
