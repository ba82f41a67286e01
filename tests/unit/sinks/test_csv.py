"""mien.sinks.csv: a table with empty cells where nothing was measured."""

from __future__ import annotations

import csv
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mien.errors import LayoutError, SinkError
from mien.layouts import ARKIT52, layout
from mien.sinks.csv import Csv
from mien.types import FaceState, HeadPose, no_face


def state(t_ns: int = 5, head: HeadPose | None = None) -> FaceState:
    values = np.linspace(0, 1, 52, dtype=np.float32)
    valid = np.ones(52, np.bool_)
    valid[51] = False
    return FaceState(t_ns, 2, ARKIT52, values, values, valid, 0.5, head=head)


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_each_face_is_a_row_of_named_columns(tmp_path: Path) -> None:
    with Csv(str(tmp_path / "a.csv")) as sink:
        sink.put([state(1), state(2)])
        sink.send(state(3))
    rows = table(tmp_path / "a.csv")
    assert [row["t_ns"] for row in rows] == ["1", "2", "3"]
    assert (rows[0]["id"], rows[0]["confidence"]) == ("2", "0.500000")
    assert float(rows[0]["jawOpen"]) == pytest.approx(ARKIT52.index("jawOpen") / 51, abs=1e-6)


def test_what_was_not_measured_is_an_empty_cell(tmp_path: Path) -> None:
    with Csv(str(tmp_path / "a.csv")) as sink:
        sink.put([state(), no_face(6, ARKIT52)])
    face, nothing = table(tmp_path / "a.csv")
    assert (face["tongueOut"], face["head_qw"], face["head_z_m"]) == ("", "", "")
    assert {nothing[name] for name in ARKIT52.names} == {""}


def test_the_head_pose_has_its_columns(tmp_path: Path) -> None:
    with Csv(str(tmp_path / "a.csv")) as sink:
        sink.send(state(head=HeadPose((0.0, 0.0, 0.6, 0.8), (0.1, 0.2, -0.5), 0.0)))
    (row,) = table(tmp_path / "a.csv")
    assert (row["head_qz"], row["head_qw"], row["head_z_m"]) == ("0.600000", "0.800000", "-0.500000")


def test_columns_come_in_the_layout_asked_for(tmp_path: Path) -> None:
    with Csv(str(tmp_path / "a.csv"), "mediapipe52") as sink:
        sink.send(state())
    (row,) = table(tmp_path / "a.csv")
    assert list(row)[3:55] == list(layout("mediapipe52").names)
    assert float(row["jawOpen"]) == pytest.approx(ARKIT52.index("jawOpen") / 51, abs=1e-6)


def test_an_unknown_layout_is_refused_before_a_file_is_made(tmp_path: Path) -> None:
    with pytest.raises(LayoutError):
        Csv(str(tmp_path / "a.csv"), "arkit99")
    assert not (tmp_path / "a.csv").exists()


def test_a_table_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SinkError) as refused:
        Csv(str(tmp_path / "missing" / "a.csv"))
    assert refused.value.code == "sink.open"


def test_a_full_disk_is_an_error() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs a device that is always full")
    sink = Csv("/dev/full")
    with pytest.raises(SinkError) as refused:
        sink.close()
    assert refused.value.code == "sink.write"


def test_a_closed_table_takes_nothing(tmp_path: Path) -> None:
    sink = Csv(str(tmp_path / "a.csv"))
    sink.close()
    with pytest.raises(SinkError) as refused:
        sink.send(state())
    assert refused.value.code == "sink.write"


def test_what_only_some_bundles_measure_has_columns_with_the_first_face(tmp_path: Path) -> None:
    gaze = np.float32([[0, 0, 1], [0.6, 0, 0.8]])
    full = replace(
        state(),
        extras={"tongueUp": 0.5, "tongueDown": math.nan},
        visibility={"mouth": 0.75},
        gaze=gaze,
        aus={"AU12": 0.25},
        emotion={"happy": 1.0},
        valence=-0.5,
    )
    with Csv(str(tmp_path / "a.csv")) as sink:
        sink.put([full, state()])
    first, second = table(tmp_path / "a.csv")
    wanted = {"tongueUp": "0.500000", "tongueDown": "", "visibility_mouth": "0.750000", "gaze_right_x": "0.600000"}
    wanted |= {"au_AU12": "0.250000", "emotion_happy": "1.000000", "valence": "-0.500000"}
    assert {name: first[name] for name in wanted} == wanted
    assert {second[name] for name in wanted} == {""}
    assert "arousal" not in first


def test_a_table_of_nobody_has_its_head(tmp_path: Path) -> None:
    with Csv(str(tmp_path / "a.csv")) as sink:
        sink.put([])
    with (tmp_path / "a.csv").open(newline="") as file:
        (head,) = csv.reader(file)
    assert head[:4] == ["t_ns", "id", "confidence", ARKIT52.names[0]]
