"""What all benchmarks share: one core, the machine's description, and where the figures are kept."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from mien.machine import describe

from training.commit import commit

ROOT = Path(__file__).resolve().parent.parent
RESULTS = Path(__file__).parent / "results"
SHARED = ROOT.parent / "shared" / "data"
TASK = SHARED / "oracles/mediapipe/face_landmarker.task"


def pin() -> int:
    """Pins this process (and the children it starts) to one core, the last one it may use; returns it."""
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    return core


def keep(name: str, figures: dict[str, Any], seed: int | None = None) -> Path:
    """Writes the figures with machine, commit and seed to results/NAME.json."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    about = {"benchmark": name, "commit": commit(), "seed": seed, "machine": describe()}
    path.write_text(json.dumps({**about, **figures}, indent=1) + "\n")
    return path


def verdict(what: str, value: float, limit: float, unit: str = "", below: bool = True) -> dict[str, Any]:
    """Prints one asked-for figure beside its limit; returns it for the JSON."""
    met = value <= limit if below else value >= limit
    sign = "<=" if below else ">="
    print(f"{'ok  ' if met else 'MISS'} {what}: {value:.4g}{unit} (asked {sign} {limit:g}{unit})")
    return {"what": what, "value": value, "limit": limit, "unit": unit, "below": below, "met": met}
