"""The fuzz targets of the native core: libFuzzer with the address and undefined-behaviour sanitizers, a minute each.

Needs clang; without it the figures stay as they are. Each target starts from nothing, with a fixed seed. What it finds
is left in out/fuzz.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from benchmarks._report import ROOT, keep, verdict

OUT = ROOT / "out" / "fuzz"
SECONDS, SEED = 60, 1


def main() -> None:
    """Builds and runs them."""
    if shutil.which("clang++") is None:
        print("     left out: needs clang++")
        return
    build = OUT / "build"
    settings = ["-DCMAKE_BUILD_TYPE=RelWithDebInfo", "-DMIEN_FUZZ=ON", "-DCMAKE_C_COMPILER=clang"]
    command = ["cmake", "-S", str(ROOT / "native"), "-B", str(build), *settings, "-DCMAKE_CXX_COMPILER=clang++"]
    for step in (command, ["cmake", "--build", str(build)]):
        subprocess.run(step, check=True, capture_output=True)
    programs = sorted(path for path in (build / "fuzz").glob("fuzz_*") if os.access(path, os.X_OK) and path.is_file())
    rows = [_run(program) for program in programs]
    findings = sum(row["findings"] for row in rows)
    figures: dict[str, Any] = {"seconds": SECONDS, "targets": rows}
    figures["asked"] = [verdict("native core under libFuzzer, a minute a target: findings", float(findings), 0.0)]
    print("kept", keep("fuzz", figures, SEED).relative_to(ROOT))


def _run(program: Path) -> dict[str, Any]:
    """One target; it ends at its first finding."""
    folder = OUT / program.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    limits = [
        f"-max_total_time={SECONDS}",
        f"-seed={SEED}",
        "-timeout=20",
        "-rss_limit_mb=2048",
        "-print_final_stats=1",
    ]
    done = subprocess.run([program, *limits], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    runs = re.search(r"stat::number_of_executed_units:\s*(\d+)", done.stdout)
    covered = re.findall(r"cov: (\d+)", done.stdout)
    (folder / "log.txt").write_text(done.stdout)
    row = {
        "target": program.name,
        "executions": int(runs[1]) if runs else 0,
        "edges": int(covered[-1]) if covered else 0,
        "findings": int(done.returncode != 0),
    }
    print(f"     {row['target']}: {row['executions']} executions, {row['edges']} edges, {row['findings']} findings")
    return row


if __name__ == "__main__":
    main()
