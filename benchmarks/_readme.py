"""The README's table of figures, made from the kept results and from nothing else."""

from __future__ import annotations

import json
from typing import Any

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


def update() -> bool:
    """Rewrites the block in README.md; returns whether it changed."""
    readme = ROOT / "README.md"
    text = readme.read_text("utf-8")
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    fresh = f"{head}{BEGIN}\n{table()}\n{END}{tail}"
    if fresh != text:
        readme.write_text(fresh, "utf-8")
    return fresh != text
