"""The tables in README.md and docs/devices.md, made from the kept results and from nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks import _support
from benchmarks._report import RESULTS, ROOT

BEGIN = "<!-- figures:begin (written by `python -m benchmarks`, do not edit) -->"
END = "<!-- figures:end -->"


def table() -> str:
    """The Markdown block: every figure that a benchmark was asked for, with its limit, and the machine."""
    lines = ["| figure | measured | asked | command |", "|---|---|---|---|"]
    machines = set()
    for path in sorted(RESULTS.glob("*.json")):
        kept = json.loads(path.read_text())
        machines.add(_machine(kept["machine"]))
        for row in kept["asked"]:
            sign = "at most" if row["below"] else "at least"
            lines.append(
                f"| {row['what']} | {row['value']:.3g}{row['unit']} | {sign} {row['limit']:g}{row['unit']} "
                f"| `python -m benchmarks.{kept['benchmark']}` |"
            )
    lines += ["", f"One pinned core of: {'; '.join(sorted(machines))}. Raw figures: `benchmarks/results/`."]
    return "\n".join(lines)


def _machine(about: dict[str, Any]) -> str:
    packages = ", ".join(f"{name} {version}" for name, version in about["packages"].items())
    return f"{about['processor']} ({about['simd']}), {about['system']}, Python {about['python']}, {packages}"


def blocks() -> list[tuple[Path, tuple[str, str], str]]:
    """Page, the marks between which a table stands, and the table."""
    devices = ROOT / "docs" / "devices.md"
    return [
        (ROOT / "README.md", (BEGIN, END), table()),
        (ROOT / "README.md", _support.SUPPORT, _support.support()),
        (devices, _support.SUPPORT, _support.support()),
        (devices, _support.PARITY, _support.parity()),
    ]


def update() -> bool:
    """Rewrites the blocks; returns whether one changed."""
    changed = False
    for page, (begin, end), text in blocks():
        before = page.read_text("utf-8")
        head, mark, rest = before.partition(begin)
        _, closing, tail = rest.partition(end)
        if not mark or not closing:
            raise ValueError(f"{page.name} lacks {begin} or {end}")
        fresh = f"{head}{begin}\n{text}\n{end}{tail}"
        if fresh != before:
            page.write_text(fresh, "utf-8")
            changed = True
    return changed
