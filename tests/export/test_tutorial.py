"""docs/export.md does what it says: a user's own model, exported with a recipe of 25 lines, runs from its bundle."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from mien.bundle import Bundle

from .conftest import blocks, environment


@pytest.fixture(scope="module")
def exported(desk: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tutorial's shell commands, run."""
    (lines,) = [block for block in blocks("sh") if "smile_recipe.py" in block]
    work = tmp_path_factory.mktemp("work")
    for line in lines.strip().splitlines():
        words = line.replace("python ", f"{sys.executable} ", 1).split()
        words += ["--work", str(work)] if "-m" in words else []
        done = subprocess.run(words, cwd=desk, env=environment(), capture_output=True, text=True, timeout=900)
        assert done.returncode == 0, done.stdout + done.stderr
    return desk / "smile.mien"


def test_the_recipe_has_at_most_25_lines_and_the_model_ten() -> None:
    code = {block.split("\n", 1)[0]: block for block in blocks("python")}
    lines = {name: [line for line in text.splitlines()[1:] if line.strip()] for name, text in code.items()}
    assert len(lines["# smile_recipe.py"]) <= 25
    assert len(lines["# smile.py"]) <= 10


def test_the_bundle_holds_every_target_that_was_asked_for(exported: Path) -> None:
    with Bundle.open(exported) as bundle:
        targets = bundle.manifest.networks["smile"].targets
        found = {(target.engine, target.precision) for target in targets}
        about = bundle.manifest.root.fields["metrics"]["export"]["targets"]
    both = {(engine, precision) for engine in ("onnxruntime", "openvino") for precision in ("fp32", "int8")}
    assert found == both | {("litert", "int8")}
    for name, facts in about.items():
        if facts["precision"] == "fp32":
            assert facts["parity"] <= 1e-4, name
        else:
            assert facts["gate"]["passed"], name


def test_the_bundle_answers_on_every_engine_as_torch_does(exported: Path, desk: Path) -> None:
    code = """
import numpy as np, torch
from mien.backends.select import Terms, load
from mien.bundle import Bundle
from smile import Smile

model = Smile().eval()
model.load_state_dict(torch.load("smile.pt"))
bundle = Bundle.open("smile.mien")
x = np.random.default_rng(2).random((1, 3, 64, 64), np.float32)
with torch.no_grad():
    expected = model(torch.from_numpy(x)).numpy()
for engine in ("onnxruntime", "openvino", "litert"):
    network = load(bundle, bundle.manifest.networks["smile"], Terms(engine))
    difference = float(np.abs(network.run({"image": x})["mouth"] - expected).max())
    print(network.choice.used, difference < (1e-4 if network.choice.precision == "fp32" else 0.05))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=desk, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:3] == ["onnxruntime:CPU True", "openvino:CPU True", "litert:CPU True"]


def test_the_last_program_prints_an_answer(exported: Path, desk: Path) -> None:
    done = subprocess.run([sys.executable, "use.py"], cwd=desk, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "smile" in done.stdout


def test_the_report_is_whole(exported: Path) -> None:
    folder = exported.with_suffix(".report")
    page = (folder / "report.html").read_text()
    assert "data:image/png;base64" in page
    assert "mouth" in (folder / "report.md").read_text()
    facts = json.loads((folder / "report.json").read_text())
    assert set(facts["gates"]) == {"ort-cpu-int8", "openvino-cpu-int8", "litert-int8"}
    assert facts["layers"][0]["error"] >= facts["layers"][-1]["error"]
