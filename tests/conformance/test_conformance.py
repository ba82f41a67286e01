"""The corpus in Python: what the networks of a case are given, and what comes of what they say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mien.bundle import Bundle
from mien.errors import BundleError
from scripted import CORPUS, opened, replayed

TOLERANCE = 1e-6
CASES = sorted(path.parent.name for path in CORPUS.glob("*/case.json"))
REFUSALS = json.loads((CORPUS / "refusals/refusals.json").read_text("utf-8"))


def _same(given: Any, expected: Any, where: str) -> None:
    if isinstance(expected, dict):
        assert given.keys() == expected.keys(), where
        for name, value in expected.items():
            _same(given[name], value, f"{where}.{name}")
    elif isinstance(expected, list) and any(isinstance(v, dict) for v in expected):
        assert len(given) == len(expected), where
        for k, (one, other) in enumerate(zip(given, expected, strict=True)):
            _same(one, other, f"{where}[{k}]")
    elif isinstance(expected, (list, float)):
        pair = [np.array([v if v is not None else np.nan for v in np.ravel(values)]) for values in (given, expected)]
        # Relative, since pixels are hundreds and float32 has seven digits.
        np.testing.assert_allclose(*pair, rtol=TOLERANCE, atol=TOLERANCE, err_msg=where)
    else:
        assert given == expected, where


@pytest.mark.parametrize("name", CASES)
def test_python_does_what_the_corpus_says(name: str) -> None:
    for number, (step, said) in enumerate(replayed(CORPUS / name)):
        expected = {key: step[key] for key in ("states", "error") if key in step}
        _same(said, expected, f"{name}[{number}]")


def test_the_corpus_shows_what_it_is_for() -> None:
    steps = {name: json.loads((CORPUS / name / "case.json").read_text("utf-8"))["steps"] for name in CASES}
    states = [state for case in steps.values() for step in case for state in step.get("states", [])]
    sizes = {(step["width"], step["height"]) for case in steps.values() for step in case if "width" in step}
    assert all(width != height for width, height in sizes)
    assert {step["error"] for case in steps.values() for step in case if "error" in step} == {"imu.clock", "imu.rate"}
    assert max(len(step["states"]) for step in steps["several"]) == 3
    assert max(state["id"] for state in states) >= 65
    for name in ("rotation", "gaze", "visibility", "aus", "attention", "stale"):
        assert any(name in state for state in states), name
    assert any(None in state["values"][:52] for state in states if "values" in state)


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda r: ".".join(map(str, r["path"])) + f"={r['to']}"[:12])
def test_python_refuses_what_the_corpus_says(refusal: dict[str, Any], tmp_path: Path) -> None:
    source = CORPUS / "refusals"
    with Bundle.open(source / "main.mien") as bundle:
        blobs = {name: bytes(bundle.blob(name)) for name in bundle.names()}
        manifest: Any = {k: v for k, v in bundle.manifest.root.fields.items() if k != "blobs"}
    at = manifest
    for key in refusal["path"][:-1]:
        at = at[key]
    at[refusal["path"][-1]] = refusal["to"]
    Bundle.write(tmp_path / "main.mien", manifest, blobs)
    (tmp_path / "finder.mien").write_bytes((source / "finder.mien").read_bytes())
    with pytest.raises(BundleError) as refused:
        opened(tmp_path, {}, lambda network, feeds: {})
    assert refusal["says"] in refused.value.message
