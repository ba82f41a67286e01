"""benchmarks._support: a row claims what a record bears out and nothing more."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
Told = Callable[..., str]


@pytest.fixture
def support(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module; another installed package may have the name `benchmarks` too."""
    monkeypatch.syspath_prepend(str(ROOT))
    for name in [name for name in sys.modules if name.partition(".")[0] == "benchmarks"]:
        monkeypatch.delitem(sys.modules, name)
    from benchmarks import _support

    return _support


@pytest.fixture
def told(support: Any, tmp_path: Path) -> Told:
    """The row of a place, from these records."""

    def rows(where: str, **records: Any) -> str:
        for name, record in records.items():
            (tmp_path / f"{name}.json").write_text(json.dumps(record))
        (row,) = [line for line in support.support(tmp_path).splitlines() if line.startswith(f"| {where} ")]
        return row

    return rows


def _compiled(*results: tuple[str, bool]) -> dict[str, Any]:
    kept = [{"platform": platform, "ok": ok, "seconds": 1, "bytes": 1, "error": ""} for platform, ok in results]
    return {"reports": {"face": {"npu": {"intel-npu-int8": kept}, "targets": {}}}}


def test_without_records_everything_is_configured_only(told: Told, support: Any, tmp_path: Path) -> None:
    rows = support.support(tmp_path).splitlines()[2:]
    assert len(rows) > 10
    assert all("| configured only | **never ran on one** |" in row for row in rows)


def test_what_was_compiled_is_said_for_which_platform(told: Told) -> None:
    row = told("Intel NPU", export=_compiled(("NPU4000", True), ("NPU3720", False)))
    assert "| compiled for | NPU4000: face; **never ran on one** |" in row
    assert "NPU3720" not in row


def test_a_compilation_that_failed_claims_nothing(told: Told) -> None:
    assert "| configured only |" in told("Intel NPU", export=_compiled(("NPU4000", False)))


def test_an_engine_ran_where_its_figures_are_kept(told: Told) -> None:
    row = {"engine": "litert", "bundle": "face"}
    rows = [{**row, "precision": "fp32", "coefficient_max": 2e-4}, {**row, "precision": "int8", "coefficient_max": 0.1}]
    said = told("Linux x86-64, CPU | LiteRT", parity={"rows": rows})
    assert "| ran here | coefficients in fp32 within 2.0e-04, int8 within 1.0e-01 |" in said
    assert "configured only" in told("Linux x86-64, CPU | OpenVINO")


def test_native_tests_that_fail_are_not_counted_as_passed(told: Told) -> None:
    tests = {"cortex-a72": {"a": True, "b": False}, "cortex-a76": {"a": True, "b": True}}
    row = told("Linux aarch64, CPU | the native core", aarch64={"native": tests, "sdk": {}})
    assert "| emulated | 1 of 2 test programs pass on cortex-a72, 2 of 2 test programs pass on cortex-a76" in row


def test_an_emulated_engine_never_ran_on_hardware(told: Told) -> None:
    row = {"engine": "litert", "precision": "fp32", "part": "network", "apart": 1e-6}
    sdk = {"cortex-a72": {"rows": [row, {**row, "part": "film", "apart": 1.0}]}}
    said = told("Linux aarch64, CPU | LiteRT", aarch64={"native": {}, "sdk": sdk})
    assert "| emulated |" in said
    assert "fp32 within 1.0e-06; never on hardware" in said


def test_operators_off_the_list_are_seen(told: Told) -> None:
    listed = {"tensorrt": {"supported": 9, "nodes": 10, "target": "TensorRT"}}
    export = {"reports": {"face": {"npu": {}, "targets": {"a": {"operators": listed}, "b": {}}}}}
    devices = {"refusals": {"jetson": {"p50_ms": 101.2}}}
    row = told("Jetson", export=export, devices=devices)
    assert "| configured only | 9 of 10 operators are on the list of TensorRT; not here: asking for it is" in row


def test_the_matrix_shows_what_the_gate_refused(support: Any, tmp_path: Path) -> None:
    row = {
        "bundle": "face", "engine": "litert", "precision": "int8", "coefficient_max": 0.5, "coefficient_mean": 0.1,
        "landmark_max_px": 3.0, "head_max_degrees": 1.0, "film_coefficient_max": 0.4, "gate": False,
    }  # fmt: skip
    machine = {"processor": "P", "packages": {"numpy": "2"}}
    (tmp_path / "parity.json").write_text(json.dumps({"rows": [row], "frames": 3, "machine": machine}))
    assert "| face | litert | int8 | 5.0e-01 | 1.0e-01 | 3.0e+00 | 1.0e+00° | 4.0e-01 |  | REFUSED |" in (
        support.parity(tmp_path)
    )
    row |= {"bundle": "reenact", "portrait_max_of_255": 9.0, "portrait_mean_of_255": 0.25, "gate": True}
    (tmp_path / "parity.json").write_text(json.dumps({"rows": [row], "frames": 3, "machine": machine}))
    assert "| 4.0e-01 | 9, mean 2.5e-01 | passed |" in support.parity(tmp_path)
