"""mien.sinks._files: what is about to be written can be, and destroys nothing that is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mien.errors import SinkError
from mien.sinks._files import check_distinct, check_writable
from mien.sinks.csv import Csv
from mien.sinks.jsonl import JsonLines


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A recording with a link and a hard link to it, and a folder with a picture."""
    (tmp_path / "a.mrec").write_bytes(b"x")
    (tmp_path / "link.mrec").symlink_to(tmp_path / "a.mrec")
    (tmp_path / "hard.mrec").hardlink_to(tmp_path / "a.mrec")
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures/p.png").write_bytes(b"x")
    return tmp_path


@pytest.mark.parametrize(
    ("outputs", "inputs"),
    [
        (["a.mrec"], ["a.mrec"]),
        (["pictures/../a.mrec"], ["a.mrec"]),
        (["link.mrec"], ["a.mrec"]),
        (["a.mrec"], ["link.mrec"]),
        (["hard.mrec"], ["a.mrec"]),
        (["new.csv", "new.csv"], []),
        (["new.csv", "pictures/../new.csv"], []),
        (["pictures/p.png"], ["pictures"]),
        (["pictures/new.PNG"], ["pictures"]),
    ],
)
def test_an_output_that_destroys_something_is_refused(outputs: list[str], inputs: list[str], files: Path) -> None:
    with pytest.raises(SinkError) as refused:
        check_distinct([files / name for name in outputs], [files / name for name in inputs])
    assert refused.value.code == "sink.conflict"


@pytest.mark.parametrize(
    ("outputs", "inputs"),
    [
        (["new.csv", "new.mp4"], ["a.mrec", "pictures"]),
        (["pictures/table.csv"], ["pictures"]),
        (["/dev/null", "/dev/null"], []),
    ],
)
def test_outputs_that_destroy_nothing_are_accepted(outputs: list[str], inputs: list[str], files: Path) -> None:
    check_distinct([files / name for name in outputs], [files / name for name in inputs])


def test_the_check_for_writing_leaves_everything_as_it_was(files: Path) -> None:
    check_writable(files / "a.mrec")
    check_writable(files / "new.csv")
    assert (files / "a.mrec").read_bytes() == b"x"
    assert not (files / "new.csv").exists()


@pytest.mark.parametrize("kind", [Csv, JsonLines, check_writable])
@pytest.mark.parametrize("address", [None, 2.5, "a\0b", "a" * 5000, "", "/nonexistent/x", "/"])
def test_what_cannot_be_a_file_is_refused(kind: Any, address: Any) -> None:
    with pytest.raises(SinkError) as refused:
        kind(address)
    assert refused.value.code == "sink.open"
