"""Assets are found in one folder, which can be another one."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.errors import TrainingError
from training.paths import ROOT, asset, shared


def test_the_assets_lie_beside_the_repository_unless_the_environment_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("MIEN_SHARED", raising=False)
    assert shared() == ROOT.parent / "shared"
    monkeypatch.setenv("MIEN_SHARED", str(tmp_path))
    (tmp_path / "facts").mkdir()
    assert asset("facts") == tmp_path / "facts"


def test_a_missing_asset_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MIEN_SHARED", str(tmp_path))
    with pytest.raises(TrainingError, match=r"data/faces\.npz is not in") as caught:
        asset("data", "faces.npz")
    assert caught.value.code == "asset.missing"
