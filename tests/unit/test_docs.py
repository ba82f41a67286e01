"""What the documents say, as far as it can be checked: figures, links, commands, error codes."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import direct_models
import mien
import models
import numpy as np
import pytest

ROOT = Path(__file__).parent.parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_pages_show_the_kept_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    for name in [name for name in sys.modules if name.partition(".")[0] == "benchmarks"]:
        monkeypatch.delitem(sys.modules, name)
    from benchmarks._readme import blocks

    made = blocks()
    assert {page.name for page, _, _ in made} == {"README.md", "devices.md"}
    for page, (begin, end), text in made:
        assert f"{begin}\n{text}\n{end}" in page.read_text("utf-8"), f"{page.name}: run python -m benchmarks"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", document.read_text("utf-8")):
        if "://" not in target:
            assert (document.parent / target).exists(), target


def test_the_first_screen_names_the_two_commands_and_shows_a_picture() -> None:
    first = (ROOT / "README.md").read_text("utf-8").splitlines()[:25]
    text = "\n".join(first)
    assert "make demo" in text
    assert "make test" in text
    assert re.search(r"!\[.+\]\(docs/demo\.jpg\)", text)


def test_every_area_of_error_codes_is_in_the_guide() -> None:
    guide = (ROOT / "docs" / "guide.md").read_text("utf-8")
    areas = set()
    for source in (ROOT / "sdk" / "mien").rglob("*.py"):
        areas |= set(re.findall(r'"([a-z]+)\.[a-z_]+"', _raises(source.read_text("utf-8"))))
    for area in sorted(areas):
        assert f"`{area}." in guide, area


def _raises(source: str) -> str:
    """The text of all error constructions of a file."""
    found = re.findall(r"[A-Z]\w*Error\(\s*\"[a-z]+\.[a-z_]+\"", source)
    return "\n".join(found)


def _example(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", (ROOT / "docs" / "bundle.md").read_text("utf-8"), re.DOTALL)
    return str(found)


def test_the_sections_that_the_bundle_page_shows_make_a_bundle(tmp_path: Path) -> None:
    sections = json.loads(f"{{{_example('json')}}}")
    outputs = {
        "points": np.resize(direct_models.FACE["points"], (1, 220, 2)),
        "coefficients": np.full((1, 57), 0.5, np.float32),
        "visibility": np.full((1, 9), 4, np.float32),
        "aus": np.zeros((1, 2), np.float32),
    }
    models.write_detect(tmp_path / "detect.mien")
    path = direct_models.write_direct(tmp_path / "a.mien", "expression", lambda m: _replace(m, sections), **outputs)
    with mien.open(path) as pipeline:
        assert pipeline.process(models.blocks((2, 3)))["tongueRoll"] == 0.5


def _replace(manifest: dict[str, Any], sections: dict[str, Any]) -> None:
    del manifest["networks"]["detector"]
    manifest.update(sections)


def test_the_code_that_the_bundle_page_shows_writes_a_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(_example("python"), {"int8": b"1", "fp32": b"2"})
    with mien.Bundle.open("detect.mien") as bundle:
        assert bundle.names() == ["onnx/fp32.onnx", "onnx/int8.onnx"]
