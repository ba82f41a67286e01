"""Checkpoints: weights come back as they were trained or folded, with what was said of them; others are refused."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import torch

from training import checkpoint
from training.errors import TrainingError
from training.models.blocks import fold
from training.models.face import FaceNetwork


def equal(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    a, b = one.state_dict(), other.state_dict()
    return a.keys() == b.keys() and all(torch.equal(value, b[name]) for name, value in a.items())


def test_weights_and_metrics_come_back(tmp_path: Path) -> None:
    network, other = FaceNetwork(), FaceNetwork()
    checkpoint.write(tmp_path / "deep" / "face.pt", network, {"pictures": 3, "scores": {"r": 0.5}})
    checkpoint.load(other, tmp_path / "deep" / "face.pt")
    assert equal(network, other)
    assert checkpoint.metrics_of(tmp_path / "deep" / "face.pt") == {"pictures": 3, "scores": {"r": 0.5}}
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["face.pt"]


def test_a_folded_network_comes_back_folded(tmp_path: Path) -> None:
    folded, other = fold(FaceNetwork().eval()), FaceNetwork()
    checkpoint.write(tmp_path / "face.pt", folded, {})
    checkpoint.load(other, tmp_path / "face.pt")
    assert equal(folded, other)


def test_what_a_stopped_run_goes_on_from_will_do_and_says_nothing(tmp_path: Path) -> None:
    network, other = FaceNetwork(), FaceNetwork()
    torch.save({"average": network.state_dict(), "step": 1}, tmp_path / "checkpoint.pt")
    checkpoint.load(other, tmp_path / "checkpoint.pt")
    assert equal(network, other)
    assert checkpoint.metrics_of(tmp_path / "checkpoint.pt") == {}


def test_files_of_something_else_are_refused_by_name(tmp_path: Path) -> None:
    checkpoint.write(tmp_path / "face.pt", FaceNetwork(), {})
    torch.save({"average": torch.nn.Linear(57, 1).state_dict()}, tmp_path / "other.pt")
    torch.save([1, 2], tmp_path / "list.pt")
    (tmp_path / "cut.pt").write_bytes((tmp_path / "face.pt").read_bytes()[:500])
    for name in ("none.pt", "other.pt", "list.pt", "cut.pt"):
        with pytest.raises(TrainingError, match=name) as caught:
            checkpoint.load(FaceNetwork(), tmp_path / name)
        assert caught.value.code == "training.checkpoint"


def test_a_full_disk_leaves_the_checkpoint_of_before(
    tmp_path: Path, disk_of: Callable[[int], AbstractContextManager[None]]
) -> None:
    path = tmp_path / "face.pt"
    path.write_bytes(b"the one before")
    with disk_of(1000), pytest.raises(TrainingError) as caught:
        checkpoint.write(path, FaceNetwork(), {})
    assert caught.value.code == "training.write"
    assert path.read_bytes() == b"the one before"
