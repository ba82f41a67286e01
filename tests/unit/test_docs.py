"""What the documents say, as far as it can be checked: figures, links, commands, error codes."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_readme_shows_the_kept_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    for name in [name for name in sys.modules if name.partition(".")[0] == "benchmarks"]:
        monkeypatch.delitem(sys.modules, name)
    from benchmarks._readme import table

    assert table() in (ROOT / "README.md").read_text("utf-8")


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
    assert re.search(r"!\[.+\]\(docs/overview\.png\)", text)


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
