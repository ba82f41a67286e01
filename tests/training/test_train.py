"""The command line of training: recipes by name, and mistakes in one line."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from training import train
from training.paths import ROOT
from training.recipes import face


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[train.Options]:
    """What the recipe `face` was called with, instead of training."""
    calls: list[train.Options] = []
    monkeypatch.setattr(face, "train", calls.append)
    monkeypatch.setattr(train, "keep_threads_apart", lambda: None)
    return calls


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> object:
    """Runs the command; what it exits with."""
    monkeypatch.setattr(sys, "argv", ["train", *arguments])
    before = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)}
    try:
        with pytest.raises(SystemExit) as caught:
            train.run(train.main)
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
    return caught.value.code


def test_there_is_a_recipe_for_every_default_bundle() -> None:
    assert train.names() == ["detect", "expression", "face", "imu", "reenact"]


def test_an_unknown_recipe_ends_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    message = run(monkeypatch, "nose")
    assert isinstance(message, str)
    assert message.startswith("[training.config] There is no recipe 'nose'.")
    assert "detect, expression, face" in message
    assert "\n" not in message


def test_a_recipe_gets_the_defaults(monkeypatch: pytest.MonkeyPatch, given: list[train.Options]) -> None:
    assert run(monkeypatch, "face") == 0
    (options,) = given
    assert options.out == ROOT / "out" / "training" / "face"
    assert options.data == ROOT / "out" / "training" / "data"
    assert options.result == options.out / "face.pt"
    assert (options.pictures, options.steps, options.batch, options.start) == (None, None, None, None)


def test_a_recipe_gets_what_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, given: list[train.Options], tmp_path: Path
) -> None:
    wanted = ["--out", str(tmp_path), "--steps", "3", "--batch", "8", "--seed", "9", "--start", "a.pt"]
    assert run(monkeypatch, "face", *wanted) == 0
    (options,) = given
    assert (options.out, options.result) == (tmp_path, tmp_path / "face.pt")
    assert (options.steps, options.batch, options.seed, options.start) == (3, 8, 9, Path("a.pt"))


def test_sizes_that_make_no_sense_are_refused(monkeypatch: pytest.MonkeyPatch, given: list[train.Options]) -> None:
    assert run(monkeypatch, "face", "--steps", "0") == 2
    assert not given
