"""The command line in real processes: results on standard output, everything else on standard error, exit codes."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

OK, NOTHING_FOUND, REFUSED = 0, 1, 2


def mien(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mien", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pictures") / "blank.png"
    cv2.imwrite(str(path), np.full((96, 128, 3), 90, np.uint8))
    return path


def test_help_lists_every_command() -> None:
    text = mien("--help").stdout
    for command in ("run", "demo", "inspect", "import", "bench", "doctor"):
        assert command in text


def test_without_its_extra_the_command_names_the_pip_command(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise ImportError('not here', name='typer')")
    code = "import sys; sys.path.insert(0, sys.argv[1]); from mien.__main__ import main; main()"
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == REFUSED - 1
    assert "pip install 'mien[cli]'" in done.stderr


def test_doctor_reports_the_native_core_and_the_engines_as_json() -> None:
    done = mien("doctor", "--json")
    rows = {row["what"]: row for row in json.loads(done.stdout)}
    assert done.returncode == OK
    assert rows["native self-test"]["ok"]
    assert rows["engine onnxruntime"]["ok"]
    assert "CPU" in rows["engine onnxruntime"]["found"]


def test_doctor_prints_the_same_for_people_with_pip_commands_intact() -> None:
    done = mien("doctor")
    assert done.returncode == OK
    assert "native self-test" in done.stdout


def test_an_unknown_bundle_exits_2_with_code_and_advice(blank: Path) -> None:
    done = mien("run", blank, "--model", "nothing")
    assert done.returncode == REFUSED
    assert "bundle.unknown" in done.stderr
    assert "mien import" in done.stderr
    assert done.stdout == ""


def test_the_demo_without_a_model_says_how_to_import_one() -> None:
    done = mien("demo")
    assert done.returncode == REFUSED
    assert "mien import" in done.stderr


def test_a_missing_source_is_named(yunet_bundle: Path) -> None:
    done = mien("run", "nowhere.png", "--model", yunet_bundle)
    assert done.returncode == REFUSED
    assert "source.missing" in done.stderr


def test_import_writes_a_bundle_and_says_where_it_runs(shared: Path, tmp_path: Path) -> None:
    out = tmp_path / "yunet.mien"
    done = mien("import", shared / "oracles/yunet/yunet_n_320_320.onnx", "-o", out)
    assert done.returncode == OK
    assert "onnxruntime:CPU" in done.stdout
    assert out.stat().st_size > 300_000


def test_import_refuses_what_no_importer_knows(blank: Path, tmp_path: Path) -> None:
    done = mien("import", blank, "-o", tmp_path / "x.mien")
    assert done.returncode == REFUSED
    assert "import.unknown" in done.stderr
    assert not (tmp_path / "x.mien").exists()


def test_inspect_shows_networks_licence_and_sizes(yunet_bundle: Path) -> None:
    done = mien("inspect", yunet_bundle, "--json")
    about = json.loads(done.stdout)
    assert about["licence"]["spdx"] == "Apache-2.0"
    assert about["sizes"]["onnx/detector.onnx"] > 300_000
    assert "licence/LICENSE" in about["sizes"]
    assert "network detector" in mien("inspect", yunet_bundle).stdout


def test_run_with_json_prints_one_line_per_frame_and_nothing_else(astronaut: Path, mediapipe_bundle: Path) -> None:
    done = mien("run", astronaut, "--model", mediapipe_bundle, "--json")
    assert done.returncode == OK
    lines = done.stdout.splitlines()
    assert len(lines) == 1
    (face,) = json.loads(lines[0])["faces"]
    assert sum(face["valid"].values()) == 51
    assert face["valid"]["tongueOut"] is False
    assert face["values"]["tongueOut"] is None
    assert face["values"]["mouthSmileLeft"] == pytest.approx(0.89, abs=0.02)
    assert face["values"]["mouthSmileRight"] == pytest.approx(0.89, abs=0.02)


def test_run_writes_table_video_and_recording_that_replays(shared: Path, yunet_bundle: Path, tmp_path: Path) -> None:
    clip = shared / "faces_intel_ccby/head-pose-face-detection-female.gif"
    table, video, record = tmp_path / "t.csv", tmp_path / "v.mp4", tmp_path / "r.mrec"
    done = mien("run", clip, "-m", yunet_bundle, "--csv", table, "--video", video, "--record", record, "--frames", 6)
    assert done.returncode == OK, done.stderr
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert len(rows) == 6
    assert rows[0]["jawOpen"] == ""
    capture = cv2.VideoCapture(str(video))
    frames = 0
    while capture.read()[0]:
        frames += 1
    assert frames == 6
    again = mien("run", record, "-m", yunet_bundle, "--json")
    assert len(again.stdout.splitlines()) == 6


def test_a_picture_without_a_face_exits_1(blank: Path, yunet_bundle: Path) -> None:
    done = mien("run", blank, "-m", yunet_bundle, "--json")
    assert done.returncode == NOTHING_FOUND
    assert json.loads(done.stdout)["faces"] == []


def test_filters_are_chosen_by_name_and_unknown_ones_refused(astronaut: Path, yunet_bundle: Path) -> None:
    good = mien("run", astronaut, "-m", yunet_bundle, "--filter", "one_euro", "--filter", "constraints")
    assert good.returncode == OK, good.stderr
    bad = mien("run", astronaut, "-m", yunet_bundle, "--filter", "magic")
    assert bad.returncode == REFUSED
    assert "filters.unknown" in bad.stderr


def test_bench_measures_each_engine_and_keeps_json(astronaut: Path, yunet_bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "bench.json"
    done = mien("bench", astronaut, "-m", yunet_bundle, "--frames", 10, "-o", out)
    assert done.returncode == OK, done.stderr
    figures = json.loads(out.read_text())
    (row,) = figures["rows"]
    assert row["used"] == "onnxruntime:CPU"
    assert 0 < row["nets_p50_ms"] <= row["p50_ms"] <= row["p99_ms"]
    assert figures["machine"]["processor"]


def test_a_closed_pipe_ends_quietly(shared: Path, yunet_bundle: Path) -> None:
    clip = shared / "faces_intel_ccby/head-pose-face-detection-male.gif"
    command = f"{sys.executable} -m mien run {clip} -m {yunet_bundle} --json | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=120)
    assert len(done.stdout.splitlines()) == 1
    assert "Traceback" not in done.stderr
