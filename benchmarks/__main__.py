"""`python -m benchmarks`: all of them, each in a process of its own; then the README's table."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks._readme import update
from benchmarks._report import ROOT


def main() -> None:
    """Runs every benchmark; fails if one cannot run, not if a figure misses."""
    names = sorted(p.stem for p in Path(__file__).parent.glob("[a-z]*.py"))
    failed = []
    for name in names:
        print(f"== {name}", flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], cwd=ROOT).returncode:
            failed.append(name)
    update()
    if failed:
        sys.exit(f"could not run: {', '.join(failed)}")


if __name__ == "__main__":
    main()
