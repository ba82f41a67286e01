"""The default bundles for every target: parity, size, what int8 costs and what it gains, and docs/export.md's table.

Runs `python -m export NAME --targets all` for each of them (minutes; what is up to date is taken as it is) and reads
the reports. Measured on renders of people that no calibration set shows; accuracy there is synthetic.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

from mien.locate import shipped

from benchmarks._report import ROOT, SHARED, TASK, keep, verdict

OUT = ROOT / "out" / "export"
PAGE = ROOT / "docs" / "export.md"
BEGIN, END = "<!-- targets:begin -->", "<!-- targets:end -->"
PARITY, SMALLER, MAE, FALL, JITTER, FASTER = 1e-4, 3.3, 0.010, 0.03, 1.2, 1.3


def main() -> None:
    """Exports all of them and prints what is asked."""
    reports = {}
    for name in shipped():
        command = [sys.executable, "-m", "export", name, "--targets", "all", "-o", str(OUT / f"{name}.mien")]
        command += ["--jobs", str(len(os.sched_getaffinity(0)))]
        begun = time.time()
        failed = subprocess.run([*command, *_npu()], cwd=ROOT).returncode
        report = OUT / f"{name}.report" / "report.json"
        if failed and not (report.exists() and report.stat().st_mtime >= begun):  # a refusal has a report too
            raise SystemExit(f"{name} cannot be exported")
        reports[name] = json.loads(report.read_text())
    asked = [row for name, report in reports.items() for row in _asked(name, report)]
    if TASK.exists():
        reports["mediapipe landmarks"] = _mediapipe()
    slim = {name: {k: v for k, v in report.items() if k != "gates"} for name, report in reports.items()}
    print("kept", keep("export", {"reports": slim, "asked": asked}, 11).relative_to(ROOT))
    text = PAGE.read_text("utf-8")
    head, _, rest = text.partition(BEGIN)
    fresh = f"{head}{BEGIN}\n{table(reports)}\n{END}{rest.partition(END)[2]}"
    PAGE.write_text(fresh, "utf-8")


def _mediapipe() -> dict[str, Any]:
    """MediaPipe's landmark network through the same door; what int8 changes is agreement with its own float self."""
    from mien.importers.select import import_model

    source = OUT / "mediapipe.mien"
    import_model(TASK, source)
    made = OUT / "mediapipe-int8.mien"
    clips = SHARED / "faces_intel_ccby"
    command = [sys.executable, "-m", "export", "--from", str(source), "--network", "landmarks", "-o", str(made)]
    subprocess.run([*command, "--calibration", str(clips), "--targets", "litert-cpu,litert-int8"], cwd=ROOT)
    report: dict[str, Any] = json.loads((OUT / "mediapipe-int8.report" / "report.json").read_text())
    for output, figures in report["gates"]["litert-int8"]["outputs"].items():
        r = [value for value in figures["agreement_r"] if value is not None]
        off = figures["agreement_mae"]
        if r:
            print(f"MediaPipe {output}: r of int8 with float {sum(r) / len(r):.4f} (least {min(r):.4f} of {len(r)}),")
            print(f"  mean difference {100 * sum(off) / len(off):.3f} % of the output's range")
    return report


def _npu() -> list[str]:
    from export.npu import proof

    return [] if proof.available() else ["--npu"]


def _asked(name: str, report: Mapping[str, Any]) -> list[dict[str, Any]]:
    targets = report["targets"]
    floats = [t["parity"] for t in targets.values() if t["precision"] != "int8" and t["parity"] is not None]
    smaller = [report["float_bytes"] / t["bytes"] for t in targets.values() if t["precision"] == "int8"]
    rows = [
        verdict(f"{name}: largest difference of a float target from torch", max(floats), PARITY),
        verdict(f"{name}: int8 target smaller than float32, least", min(smaller), SMALLER, "x", below=False),
        verdict(
            f"{name}: int8 faster than the same engine's float, best engine", max(report["speed_up"].values()), FASTER,
            "x", below=False,
        ),
        verdict(f"{name}: int8 targets that the gate refuses", _refused(report), 0),
    ]  # fmt: skip
    if name == "face":
        rows += _face(report["gates"])
    return rows


def _refused(report: Mapping[str, Any]) -> int:
    return sum(not gate["passed"] for gate in report["gates"].values())


def _face(gates: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The worst of all int8 targets, over the 52 coefficients and the tongue."""
    said = [gate["outputs"]["coefficients"] for gate in gates.values()]

    def mean(values: list[float]) -> float:
        return sum(values) / len(values)

    rise = max(mean(f["mae_int8"]) - mean(f["mae_float"]) for f in said)
    fall = max(a - b for f in said for a, b in zip(f["r_float"], f["r_int8"], strict=True) if None not in (a, b))
    jitter = max(f["jitter_int8"] / f["jitter_float"] for f in said)
    return [
        verdict("face in int8: mean coefficient error rises by", rise, MAE),
        verdict("face in int8: largest fall of a coefficient's r", fall, FALL),
        verdict("face in int8: dead coefficients", sum(sum(f["dead"]) for f in said), 0),
        verdict("face in int8: jitter under noise, float = 1", jitter, JITTER, "x"),
    ]


def table(reports: Mapping[str, Any]) -> str:
    """The Markdown block of docs/export.md."""
    head = ["bundle", "target", "MB", "float32 / it", "parity", "gate", "ms, one core", "operators taken"]
    lines = ["Measured by `python -m benchmarks.export`; the machine is in `benchmarks/results/export.json`.", ""]
    lines += ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for name, report in reports.items():
        for target, t in report["targets"].items():
            gate = "" if t["gate"] is None else "passed" if t["gate"]["passed"] else "REFUSED"
            taken = ", ".join(f"{o['supported']}/{o['nodes']} {table}" for table, o in t["operators"].items())
            parity = "" if t["parity"] is None else f"{t['parity']:.1e}"
            spent = "" if t["milliseconds"] is None else f"{t['milliseconds']:.2f}"
            size = t["bytes"] / 1e6
            ratio = f"{report['float_bytes'] / t['bytes']:.2f}" if report["float_bytes"] else ""
            lines.append(f"| {name} | {target} | {size:.2f} | {ratio} | {parity} | {gate} | {spent} | {taken} |")
    for name, report in reports.items():
        for target, results in report["npu"].items():
            for r in results:
                said = f"compiles in {r['seconds']:.2f} s" if r["ok"] else f"does not compile: {r['error'][:120]}"
                lines.append(f"\n`{name}` as {target} for {r['platform']}: {said}.")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
