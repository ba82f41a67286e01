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
from mien.sinks.recorder import Recorder
from models import blocks, detect_manifest, write_detect

OK, NOTHING_FOUND, REFUSED = 0, 1, 2


def mien(*arguments: object, code: str = "") -> subprocess.CompletedProcess[str]:
    """Runs the command; `code` runs before it in the same process."""
    begin = f"import sys; sys.argv[0] = 'mien'; {code}\nfrom mien.__main__ import main; main()"
    command = [sys.executable, "-c", begin, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pictures") / "blank.png"
    cv2.imwrite(str(path), np.full((96, 128, 3), 90, np.uint8))
    return path


def test_help_lists_every_command() -> None:
    text = mien("--help").stdout
    for command in ("run", "send", "receive", "reenact", "character", "demo", "inspect", "import", "bench", "doctor"):
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


def test_the_demo_of_an_unknown_model_says_how_to_import_one() -> None:
    done = mien("demo", "--model", "nothing")
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


def test_bench_measures_each_engine_and_precision_and_keeps_the_figures(
    astronaut: Path, yunet_bundle: Path, tmp_path: Path
) -> None:
    out = tmp_path / "bench.json"
    done = mien("bench", astronaut, "-m", yunet_bundle, "-m", "detect", "--frames", 10, "-o", out)
    assert done.returncode == OK, done.stderr
    figures = json.loads(out.read_text())
    rows = {(row["model"], row["used"], row["precision"]): row for row in figures["rows"]}
    engines, precisions = ("onnxruntime", "openvino", "litert"), ("fp32", "int8")
    expected = {("detect", f"{engine}:CPU", precision) for engine in engines for precision in precisions}
    assert rows.keys() == expected | {(yunet_bundle.stem, "onnxruntime:CPU", "fp32")}
    for row in rows.values():
        assert 0 < row["nets_p50_ms"] <= row["p50_ms"] <= row["p99_ms"]
        assert row["first_ms"] > row["p50_ms"]
        assert row["rss_mb"] > 10
        assert 0 < row["cpu_percent"] < 400
    assert figures["machine"]["processor"]
    text = out.with_suffix(".md").read_text()
    assert all(f"| {model} |" in text for model, _, _ in rows)
    picture = cv2.imread(str(out.with_suffix(".png")))
    assert picture is not None

    again = mien("bench", astronaut, "-m", "detect", "--frames", 10, "--compare", out)
    assert again.returncode == OK, again.stderr
    assert "ratio" in again.stdout
    assert "detect openvino:CPU fp32" in again.stdout


@pytest.mark.parametrize("content", [None, "no JSON", "{}", '{"rows": [1]}'])
def test_bench_refuses_to_compare_with_what_it_did_not_write(content: str | None, blank: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    if content is not None:
        other.write_text(content)
    never = "import mien.bench; mien.bench.measure = None"
    done = mien("bench", blank, "-m", "detect", "--compare", other, code=never)
    assert done.returncode == REFUSED
    assert "bench.compare" in done.stderr


@pytest.mark.parametrize("command", ["run {clip} -m {bundle} --json", "inspect {bundle} --json", "inspect {bundle}"])
def test_a_closed_pipe_ends_quietly_as_done(command: str, shared: Path, yunet_bundle: Path) -> None:
    clip = shared / "faces_intel_ccby/head-pose-face-detection-male.gif"
    line = f"{sys.executable} -m mien {command.format(clip=clip, bundle=yunet_bundle)}"
    script = f"set -o pipefail; {line} | (sleep 2; exec <&-)"  # the reader leaves before anything was read
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (OK, "")


@pytest.mark.parametrize("option", ["--record", "--csv"])
def test_an_output_that_is_the_source_or_the_bundle_is_refused_untouched(
    option: str, blocks_bundle: Path, tmp_path: Path
) -> None:
    with Recorder(str(source := tmp_path / "a.mrec")) as sink:
        sink.put([], blocks((1, 1)))
    for output in (source, blocks_bundle):
        before = output.read_bytes()
        done = mien("run", source, "-m", blocks_bundle, option, output)
        assert done.returncode == REFUSED
        assert "sink.conflict" in done.stderr
        assert output.read_bytes() == before


def test_two_outputs_of_one_name_are_refused(blank: Path, blocks_bundle: Path, tmp_path: Path) -> None:
    same = tmp_path / "same.csv"
    done = mien("run", blank, "-m", blocks_bundle, "--csv", same, "--record", same)
    assert done.returncode == REFUSED
    assert "sink.conflict" in done.stderr
    assert not same.exists()


def test_the_raw_file_is_not_overwritten(blocks_bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "a.rgb").write_bytes(bytes(12))
    source = f"raw:{tmp_path}/a.rgb?format=rgb&width=2&height=2"
    assert "sink.conflict" in mien("run", source, "-m", blocks_bundle, "--csv", tmp_path / "a.rgb").stderr


def test_an_empty_source_is_an_error(blocks_bundle: Path) -> None:
    done = mien("run", "", "-m", blocks_bundle)
    assert done.returncode == REFUSED
    assert "source.unknown" in done.stderr


def test_the_report_shows_pip_commands_intact(blank: Path, tmp_path: Path) -> None:
    manifest = detect_manifest()
    target = manifest["networks"]["detector"]["targets"][0]
    manifest["networks"]["detector"]["targets"] = [{**target, "engine": "litert"}, target]
    bundle = write_detect(tmp_path / "two.mien", manifest)
    absent = "sys.modules |= {'ai_edge_litert.interpreter': None, 'tflite_runtime.interpreter': None}"
    done = mien("run", blank, "-m", bundle, code=absent)
    assert "pip install 'mien[litert]'" in done.stdout


def test_names_in_a_bundle_are_shown_as_they_are(blank: Path, tmp_path: Path) -> None:
    name = "x[/red]y :smile: [link=http://evil]z"
    bundle = write_detect(tmp_path / "markup.mien", {**detect_manifest(), "name": name})
    assert name in mien("inspect", bundle).stdout
    assert name in mien("run", blank, "-m", bundle).stdout


def test_terminal_sequences_in_names_are_shown_not_sent(tmp_path: Path) -> None:
    done = mien("run", tmp_path / "\x1b[2J.png", "-m", tmp_path / "\x1b]0;owned\x07.mien")
    assert done.returncode == REFUSED
    assert "\x1b" not in done.stderr
    assert "\\x1b" in done.stderr


@pytest.mark.parametrize("output", ["/nonexistent/x.json", "{bundle}"])
def test_figures_that_could_not_be_kept_are_not_measured(output: str, blank: Path, blocks_bundle: Path) -> None:
    never = "import mien.bench; mien.bench.measure = None"
    done = mien("bench", blank, "-m", blocks_bundle, "-o", output.format(bundle=blocks_bundle), code=never)
    assert done.returncode == REFUSED
    assert "sink." in done.stderr


def test_no_filter_can_be_asked_for(astronaut: Path, yunet_bundle: Path) -> None:
    assert mien("run", astronaut, "-m", yunet_bundle, "--filter", "none").returncode == OK


def test_run_and_bench_take_simulated_sensors(tmp_path: Path) -> None:
    done = mien("run", "sim:imu12?seconds=3", "-m", "imu", "--json", "--record", tmp_path / "a.mrec")
    assert done.returncode == OK
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["t_ns"] for row in rows] == [k * 10_000_000 for k in range(300)]
    assert rows[-1]["faces"][0]["values"]["eyeLookInLeft"] is None
    assert rows[-1]["faces"][0]["values"]["jawOpen"] is not None
    again = mien("run", tmp_path / "a.mrec", "-m", "imu", "--json")
    assert again.stdout == done.stdout
    bench = mien("bench", "-m", "imu", "--frames", 20)
    assert bench.returncode == OK, bench.stderr
    assert "imu onnxruntime:CPU fp32" in bench.stdout


def test_pictures_for_a_bundle_of_sensors_are_refused(blank: Path) -> None:
    done = mien("run", blank, "-m", "imu", "--json")
    assert done.returncode == REFUSED
    assert "input.kind" in done.stderr
