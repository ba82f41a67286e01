"""mien as aarch64 code under emulation: the native tests, and the SDK in the shipped film beside this processor.

Runs tests/aarch64/run.sh (minutes; needs root, a cross compiler, qemu and debootstrap; without them the figures stay as
they are) on the shipped bundles, and on out/export/face.mien with all targets if `python -m benchmarks.export` left it.
Answers, not speeds: the emulation is a hundred times slower than a processor.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._report import ROOT, keep, verdict

WORK = ROOT / "out" / "aarch64"
SAME = 1e-4
_TOOLS = ("aarch64-linux-gnu-g++", "qemu-aarch64-static", "debootstrap")
_ALL_TARGETS = [ROOT / "out" / "export" / f"{name}.mien" for name in ("detect", "face")]
_PARTS = {
    "network": "networks on the same pixels, largest difference from x86-64, fp32",
    "film": "the SDK following a face, largest difference from x86-64, fp32",
}


def main() -> None:
    """Runs it and prints what is asked."""
    missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if missing or os.geteuid() != 0:
        print(f"     left out: needs {', '.join(missing) or 'root, for chroot'}")
        return
    more = _ALL_TARGETS if all(path.exists() for path in _ALL_TARGETS) else []
    command = [str(ROOT / "tests/aarch64/run.sh"), str(WORK), *map(str, more)]
    subprocess.run(command, check=True, env={**os.environ, "PYTHON": sys.executable})
    summarise()


def summarise() -> None:
    """Keeps what the last run left in out/aarch64."""
    cores = {path.stem.removeprefix("native-"): path for path in sorted(WORK.glob("native-*.xml"))}
    figures: dict[str, Any] = {
        "native": {cpu: _tests(path) for cpu, path in cores.items()},
        "sdk": {cpu: _compared(WORK / "host.npz", WORK / f"sdk-{cpu}.npz") for cpu in cores},
    }
    rows = [row for sdk in figures["sdk"].values() for row in sdk["rows"]]
    for row in rows:
        print("     {part} {bundle} {engine} {precision}: {apart:.2e} ({worst})".format(**row))
    broken = sum(not passed for tests in figures["native"].values() for passed in tests.values())
    exact = {part: max(r["apart"] for r in rows if r["part"] == part and r["precision"] == "fp32") for part in _PARTS}
    figures["asked"] = [verdict("emulated aarch64: native tests that fail on cortex-a72 or a76", float(broken), 0.0)]
    figures["asked"] += [verdict(f"emulated aarch64: {_PARTS[part]}", exact[part], SAME) for part in _PARTS]
    print("kept", keep("aarch64", figures).relative_to(ROOT))


def _tests(path: Path) -> dict[str, bool]:
    """Test -> whether it passed, from CTest's JUnit file."""
    return {str(case.get("name")): case.get("status") == "run" for case in ElementTree.parse(path).iter("testcase")}


def _compared(host: Path, emulated: Path) -> dict[str, Any]:
    """How far the emulated results are from the same here, and which is farthest; pixels as a share of the largest."""
    rows: dict[tuple[str, ...], dict[str, Any]] = {}
    with np.load(host) as here, np.load(emulated) as there:
        about = json.loads(str(there["about"]))
        for name in sorted(set(there.files) - {"about"}):
            *key, what = name.split()
            values, expected = there[name], here[name]
            assert values.shape == expected.shape
            apart = float(np.abs(values - expected).max() / max(1.0, np.abs(expected).max()))
            row = rows.setdefault(
                tuple(key), dict(zip(("part", "bundle", "engine", "precision"), key, strict=True)) | {"apart": -1.0}
            )
            if apart > row["apart"]:
                row |= {"apart": apart, "worst": what}
    about = {name: about[name] for name in ("simd", "system", "python", "packages")}
    return {**about, "rows": list(rows.values())}


if __name__ == "__main__":
    main()
