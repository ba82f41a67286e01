"""What an installation costs: disk, import time, and the first result after a cold open. Each in fresh processes.

The core install is made here in an empty virtual environment (wheel + its dependencies); with --python an existing one
with the extras video and litert is used for the timings.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from mien.importers.select import import_model

from benchmarks._report import ROOT, SHARED, TASK, keep, verdict

IMPORT_LIMIT_MS = 150.0
FIRST_LIMIT_MS = 300.0
DISK_LIMIT_MB = 160.0
MEDIAPIPE_DISK_MB = 608.0  # its venv without pip, measured the same way
REPEATS = 11

_IMPORT = """
import sys, time
start = time.perf_counter()
import mien
spent = (time.perf_counter() - start) * 1e3
print(spent, [m for m in ("torch", "openvino", "cv2", "onnxruntime") if m in sys.modules])
"""

_FIRST = """
import sys, time
import mien, numpy as np
picture = np.load(sys.argv[2])
start = time.perf_counter()
state = mien.open(sys.argv[1], threads=1).process(picture)
print((time.perf_counter() - start) * 1e3, state.found)
"""


def main() -> None:
    """Runs the measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--skip-install", action="store_true", help="only the timings")
    arguments = parser.parse_args()
    figures: dict[str, Any] = {"asked": []}
    times = [_fresh(_IMPORT) for _ in range(REPEATS)]
    touched = times[0].partition(" ")[2]
    import_ms = float(np.median([float(t.split()[0]) for t in times]))
    figures["import"] = {"p50_ms": import_ms, "touched": touched}
    figures["asked"].append(verdict("import mien", import_ms, IMPORT_LIMIT_MS, " ms"))
    print(f"     heavy modules imported by it: {touched}")
    if TASK.is_file():
        figures["asked"].append(_first_result(figures))
    if not arguments.skip_install:
        figures["install"] = _install()
        total = figures["install"]["total_mb"]
        figures["asked"].append(verdict("core install on disk", total, DISK_LIMIT_MB, " MB"))
        print("     " + ", ".join(f"{k} {v:.1f}" for k, v in figures["install"]["packages_mb"].items()))
        print(f"     {total / MEDIAPIPE_DISK_MB:.2f} of MediaPipe's {MEDIAPIPE_DISK_MB:.0f} MB")
    print("kept", keep("footprint", figures).relative_to(ROOT))


def _fresh(code: str, *arguments: str) -> str:
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip().splitlines()[-1]


def _first_result(figures: dict[str, Any]) -> dict[str, Any]:
    import mien

    work = ROOT / "out" / "bench"
    work.mkdir(parents=True, exist_ok=True)
    bundle = import_model(TASK, work / "mediapipe.mien")
    frame = mien.Images(str(SHARED / "faces_public_domain/astronaut_nasa.png")).read()
    assert frame is not None
    np.save(work / "portrait.npy", frame.to_rgb())
    lines = [_fresh(_FIRST, str(bundle), str(work / "portrait.npy")) for _ in range(REPEATS)]
    assert all(line.endswith("True") for line in lines)
    first_ms = float(np.median([float(line.split()[0]) for line in lines]))
    figures["first_result"] = {"p50_ms": first_ms, "network": "MediaPipe Face Landmarker on LiteRT"}
    return verdict("cold open to first result", first_ms, FIRST_LIMIT_MS, " ms")


def _install() -> dict[str, Any]:
    """Installs the core into an empty environment and adds up the files that came with it, byte code included."""
    with tempfile.TemporaryDirectory() as folder:
        python = Path(folder) / "bin" / "python"
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        site = next(Path(folder).glob("lib/python3*/site-packages"))
        before = _size(site)
        subprocess.run([str(python), "-m", "pip", "install", "-q", str(ROOT)], check=True)
        subprocess.run([str(python), "-c", "import mien.pipeline"], check=True, cwd=folder)
        packages = {p.name: _size(p) for p in site.iterdir() if p.is_dir()}
        largest = dict(sorted(packages.items(), key=lambda item: -item[1])[:8])
        listing = subprocess.run([str(python), "-m", "pip", "list", "--format=json"], capture_output=True, check=True)
        return {
            "total_mb": _size(site) - before,
            "packages_mb": largest,
            "versions": {row["name"]: row["version"] for row in json.loads(listing.stdout)},
        }


def _size(folder: Path) -> float:
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) / 1e6


if __name__ == "__main__":
    main()
