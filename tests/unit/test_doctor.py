"""mien.doctor: what this machine has."""

from __future__ import annotations

from pathlib import Path

import models
import pytest
from mien.doctor import examine


@pytest.mark.parametrize(("names", "found"), [([], "none"), (["face", "detect"], "detect, face")])
def test_it_names_the_bundles_that_ship(
    names: list[str], found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in names:
        models.write_detect(tmp_path / f"{name}.mien")
    monkeypatch.setattr("mien.locate._MODELS", tmp_path)
    (row,) = [row for row in examine() if row["what"] == "default bundles"]
    assert (row["found"], row["ok"], row["required"]) == (found, bool(names), False)
    assert bool(row["advice"]) != bool(names)
