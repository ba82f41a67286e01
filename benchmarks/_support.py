"""The support table and the parity matrix, made from the kept records and from nothing else.

A row says the strongest thing that a record bears out: it ran here, ran as emulated code, was compiled for, or is
configured only. support.toml names the rows and where to look.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mien.locate import shipped

from benchmarks._report import RESULTS

SUPPORT = "<!-- support:begin (written by `python -m benchmarks`, do not edit) -->", "<!-- support:end -->"
PARITY = "<!-- parity:begin (written by `python -m benchmarks`, do not edit) -->", "<!-- parity:end -->"
_ROWS = Path(__file__).with_name("support.toml")
_NEVER = "**never ran on one**"


def support(results: Path = RESULTS) -> str:
    """The Markdown table of what runs where."""
    lines = ["| where | engine | state | what was seen |", "|---|---|---|---|"]
    for row in tomllib.loads(_ROWS.read_text())["row"]:
        state, seen = _state(row, _Records(results))
        lines.append(f"| {row['where']} | {row['engine']} | {state} | {seen} |")
    return "\n".join(lines)


def parity(results: Path = RESULTS) -> str:
    """The Markdown table of how far engines are from one another."""
    kept = json.loads((results / "parity.json").read_text())
    lines = [
        "| bundle | engine | precision | coefficients, largest | mean | landmarks, px | head | in the film "
        "| portrait, of 255 | gate |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in kept["rows"]:
        gate = {None: "", True: "passed", False: "REFUSED"}[row["gate"]]
        points = f"{row['landmark_max_px']:.1e}" if "landmark_max_px" in row else ""  # sensors see none
        head = f"{row['head_max_degrees']:.1e}°" if "head_max_degrees" in row else ""
        portrait = ""
        if "portrait_max_of_255" in row:
            portrait = f"{row['portrait_max_of_255']:.0f}, mean {row['portrait_mean_of_255']:.1e}"
        lines.append(
            f"| {row['bundle']} | {row['engine']} | {row['precision']} | {row['coefficient_max']:.1e} "
            f"| {row['coefficient_mean']:.1e} | {points} | {head} "
            f"| {row['film_coefficient_max']:.1e} | {portrait} | {gate} |"
        )
    versions = ", ".join(f"{name} {version}" for name, version in kept["machine"]["packages"].items())
    lines += [
        "",
        f"{kept['frames']} frames, for `imu` 20 simulated seconds, `python -m benchmarks.parity`, "
        f"on {kept['machine']['processor']}: {versions}.",
    ]
    return "\n".join(lines)


class _Records:
    """results/NAME.json, or nothing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __getitem__(self, name: str) -> dict[str, Any]:
        path = self._folder / f"{name}.json"
        return json.loads(path.read_text()) if path.exists() else {}


def _state(row: Mapping[str, Any], records: _Records) -> tuple[str, str]:
    """The state and what was seen; evidence that no record bears out does not count."""
    for kind, (state, look) in _EVIDENCE.items():
        if kind in row and (seen := look(row[kind], records)):
            more = [_operators(row["operators"], records)] if "operators" in row else []
            more += [_refused(row["refused"], records)] if "refused" in row else []
            return state, "; ".join(filter(None, [seen, *more]))
    known = (_operators(row.get("operators"), records), _refused(row.get("refused"), records), _NEVER)
    return "configured only", "; ".join(filter(None, known))


def _ran(engine: str, records: _Records) -> str:
    rows = [row for row in records["parity"].get("rows", ()) if row["engine"] == engine]
    apart: dict[str, float] = {}
    for row in rows:
        apart[row["precision"]] = max(row["coefficient_max"], apart.get(row["precision"], 0.0))
    texts = [
        f"{precision} within {value:.1e}" if value else f"{precision}, the reference"
        for precision, value in apart.items()
    ]
    return f"coefficients in {', '.join(texts)}" if texts else ""


def _in_c(_: Any, records: _Records) -> str:
    starts = records["embedding"].get("first_result_ms")
    if not starts:
        return ""
    warm, cold = (starts[kind]["p50"] for kind in ("with cache", "without cache"))
    return f"the first result {warm:.0f} ms after the program's start, {cold:.0f} ms without the cache"


def _native(_: Any, records: _Records) -> str:
    cores = {cpu: list(tests.values()) for cpu, tests in records["aarch64"].get("native", {}).items()}
    if not cores:
        return ""
    texts = [f"{sum(passed)} of {len(passed)} test programs pass on {cpu}" for cpu, passed in cores.items()]
    return f"{', '.join(texts)}; NEON gives what scalar code gives"


def _emulated(engine: str, records: _Records) -> str:
    apart: dict[str, float] = {}
    for sdk in records["aarch64"].get("sdk", {}).values():
        for row in sdk["rows"]:
            if row["engine"] == engine and row["part"] == "network":
                apart[row["precision"]] = max(row["apart"], apart.get(row["precision"], 0.0))
    if not apart:
        return ""
    texts = [f"{precision} within {value:.1e}" for precision, value in apart.items()]
    return f"networks on the same pixels as on x86-64: {', '.join(texts)}; never on hardware"


def _compiled(target: str, records: _Records) -> str:
    platforms: dict[str, list[str]] = {}
    for bundle, report in records["export"].get("reports", {}).items():
        for result in report.get("npu", {}).get(target, ()):
            if result["ok"]:
                platforms.setdefault(result["platform"], []).append(bundle)
    texts = [f"{platform}: {', '.join(bundles)}" for platform, bundles in platforms.items()]
    return f"{'; '.join(texts)}; {_NEVER}" if texts else ""


def _operators(delegate: str | None, records: _Records) -> str:
    taken = nodes = 0
    title = ""
    for bundle, report in records["export"].get("reports", {}).items():
        for target in report["targets"].values() if bundle in shipped() else ():
            listed = target.get("operators", {}).get(delegate)
            if listed:
                taken, nodes, title = taken + listed["supported"], nodes + listed["nodes"], listed["target"]
    return f"{taken} of {nodes} operators are on the list of {title}" if nodes else ""


def _refused(device: str | None, records: _Records) -> str:
    row = records["devices"].get("refusals", {}).get(device)
    return f"not here: asking for it is refused in {row['p50_ms']:.0f} ms" if row else ""


_EVIDENCE: dict[str, tuple[str, Callable[[Any, _Records], str]]] = {
    "ran": ("ran here", _ran),
    "c": ("ran here", _in_c),
    "native": ("emulated", _native),
    "emulated": ("emulated", _emulated),
    "compiled": ("compiled for", _compiled),
}
