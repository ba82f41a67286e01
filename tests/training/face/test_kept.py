"""The weights that the repository keeps: small, whole, and replaced only after much was learnt."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from training.errors import TrainingError
from training.face import kept
from training.face.network import HalvesNetwork

pytestmark = pytest.mark.shared
SCORES = {
    "ordinary": dict.fromkeys(("mean_r", "clear_r", "mae", "nme_percent", "gaze_degrees", "rotation_degrees"), 0.5),
    "one_sided": {"apart_r": 0.1, "apart_slope": 0.1},
}


def test_they_come_back_within_half_precision_and_are_small(tmp_path: Path) -> None:
    state = HalvesNetwork().state_dict()
    kept.write(tmp_path / "averaged.pt", state, 1234, SCORES)
    found = kept.read(tmp_path / "averaged.pt")
    assert found.samples == 1234
    assert found.scores == SCORES
    for name, value in state.items():
        assert torch.allclose(found.average[name], value, atol=1e-2, rtol=1e-3), name
    assert (tmp_path / "averaged.pt").stat().st_size <= 8_000_000


def test_little_gained_is_not_kept(tmp_path: Path) -> None:
    state = {"weight": torch.ones(3)}
    for samples, name in ((1_000_000, "first"), (2_400_000, "second"), (2_500_000, "third")):
        (tmp_path / name).mkdir()
        kept.write(tmp_path / name / kept.NAME, state, samples, SCORES)
    there = tmp_path / "kept.pt"
    with pytest.raises(TrainingError, match="1000000 samples"):
        kept.keep(tmp_path / "first", there)
    there.write_bytes((tmp_path / "first" / kept.NAME).read_bytes())
    with pytest.raises(TrainingError, match="1400000 samples"):
        kept.keep(tmp_path / "second", there)
    assert kept.keep(tmp_path / "third", there).samples == kept.read(there).samples == 2_500_000


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    (tmp_path / kept.NAME).write_bytes(b"PK broken")
    with pytest.raises(TrainingError, match="cannot be read"):
        kept.read(tmp_path / kept.NAME)
