"""The long run: killed at any moment it goes on, and ends as one that was not."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from made_up import shard

from training.face import kept
from training.face.network import HalvesNetwork
from training.face.pool import AHEAD, wanted
from training.face.run import settings
from training.paths import ROOT

pytestmark = pytest.mark.shared
STEPS, BATCH, SAVED = 6, 4, 2
MOMENTS = ("batch:0", "write:2", "rename:2")  # of the starts that follow each other


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pool in which nothing is missing, so that nothing is rendered."""
    folder = tmp_path_factory.mktemp("people")
    for number in range(wanted(STEPS * BATCH).stop + AHEAD):
        shard(folder, number)
    return folder


def ended(folder: Path, people: Path, moment: str) -> subprocess.CompletedProcess[str]:
    """The end of a run that kills itself at a moment (killed.py)."""
    if not (folder / "pool").exists():
        shutil.copytree(people, folder / "pool", copy_function=os.link)
    command = [sys.executable, Path(__file__).parent / "killed.py", folder, STEPS, BATCH, SAVED, moment]
    return subprocess.run(
        list(map(str, command)), cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )  # fmt: skip


def checkpoint(folder: Path) -> dict[str, torch.Tensor]:
    state = torch.load(folder / "checkpoint.pt", weights_only=True)
    assert state["step"] == STEPS
    return {f"{part}.{name}": value for part in ("network", "average") for name, value in state[part].items()}


def test_a_run_that_is_killed_again_and_again_ends_as_one_that_was_not(people: Path, tmp_path: Path) -> None:
    whole = ended(tmp_path / "whole", people, "never")
    assert whole.returncode == 0, whole.stderr
    for moment in MOMENTS:
        killed = ended(tmp_path / "killed", people, moment)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
    last = ended(tmp_path / "killed", people, "never")
    assert last.returncode == 0, last.stderr
    undisturbed, disturbed = checkpoint(tmp_path / "whole"), checkpoint(tmp_path / "killed")
    assert undisturbed.keys() == disturbed.keys()
    for name, value in undisturbed.items():
        assert torch.equal(value, disturbed[name]), name


def test_without_a_checkpoint_it_goes_on_from_the_weights_that_are_kept(
    people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from training.face import run

    torch.manual_seed(7)
    state = HalvesNetwork().state_dict()
    kept.write(tmp_path / "kept.pt", state, (STEPS - 1) * BATCH, {})
    monkeypatch.setattr(run.kept, "KEPT", tmp_path / "kept.pt")
    folder = tmp_path / "run"
    shutil.copytree(people, folder / "pool", copy_function=os.link)
    run.go_on(folder, settings(STEPS * BATCH, BATCH), 1, saved_every=1, judged_every=0)
    found = torch.load(folder / "checkpoint.pt", weights_only=True)
    assert (found["step"], found["begun"]) == (STEPS, STEPS - 1)
    name = "eye.coarse.1.conv.weight"
    assert torch.allclose(found["network"][name], state[name], atol=0.05)  # one step away, not begun anew
