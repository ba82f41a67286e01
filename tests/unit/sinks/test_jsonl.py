"""mien.sinks.jsonl: one line per frame."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from mien.errors import SinkError
from mien.layouts import ARKIT52
from mien.sinks.jsonl import JsonLines
from mien.types import FaceState, no_face
from models import blocks

POINTS = np.float32([[1, 2, 3]])


def state(t_ns: int = 5) -> FaceState:
    ones = np.ones(52, np.float32)
    return FaceState(t_ns, 2, ARKIT52, ones, ones, ones > 0, 0.5, landmarks=POINTS)


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_each_frame_is_a_line_with_all_its_faces(tmp_path: Path) -> None:
    with JsonLines(str(tmp_path / "a.jsonl")) as sink:
        sink.put([state(1), state(1)], blocks(t_ns=1))
        sink.put([], blocks(t_ns=2))
        sink.send(no_face(3, ARKIT52))
    first, empty, nobody = lines(tmp_path / "a.jsonl")
    assert (first["t_ns"], first["faces"]) == (1, [state(1).to_dict()] * 2)
    assert empty == {"t_ns": 2, "faces": []}
    assert nobody["t_ns"] == 3


def test_a_frame_without_faces_and_without_a_picture_has_no_time(tmp_path: Path) -> None:
    with JsonLines(str(tmp_path / "a.jsonl")) as sink:
        sink.put([])
    assert lines(tmp_path / "a.jsonl") == [{"t_ns": None, "faces": []}]


def test_landmarks_are_written_when_asked_for(tmp_path: Path) -> None:
    with JsonLines(str(tmp_path / "a.jsonl"), landmarks=True) as sink:
        sink.send(state())
    assert lines(tmp_path / "a.jsonl")[0]["faces"] == [state().to_dict(landmarks=True)]


def test_a_line_is_in_the_file_as_soon_as_it_was_put(tmp_path: Path) -> None:
    sink = JsonLines(str(tmp_path / "a.jsonl"))
    sink.send(state())
    assert len(lines(tmp_path / "a.jsonl")) == 1
    sink.close()


def test_a_dash_is_standard_output_which_stays_open(capsys: pytest.CaptureFixture[str]) -> None:
    with JsonLines("-") as sink:
        sink.send(state())
    print("still open")
    assert capsys.readouterr().out.endswith("still open\n")


def test_a_file_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SinkError) as refused:
        JsonLines(str(tmp_path))
    assert refused.value.code == "sink.open"


def test_a_full_disk_is_an_error() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs a device that is always full")
    sink = JsonLines("/dev/full")
    with pytest.raises(SinkError) as refused:
        sink.send(state())
    assert refused.value.code == "sink.write"
    with pytest.raises(SinkError):
        sink.close()


def test_a_closed_file_takes_nothing(tmp_path: Path) -> None:
    sink = JsonLines(str(tmp_path / "a.jsonl"))
    sink.close()
    with pytest.raises(SinkError) as refused:
        sink.send(state())
    assert refused.value.code == "sink.write"
