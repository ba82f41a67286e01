"""The report of an export: one folder with report.md, report.html (everything inside), report.json and the plots."""

from __future__ import annotations

import base64
import html
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from quantization import plots
from quantization.errors import QuantizationError
from quantization.gate import Verdict
from quantization.sensitivity import Layer


@dataclass(frozen=True)
class Facts:
    """What the report tells.

    Attributes:
        targets: name -> figures, in the bundle's order.
        left_out: name -> why.
        layers: what each layer costs alone in int8, the most costly first.
        columns: output -> names of its columns.
        float_bytes: of the weights as float32, to which sizes are compared; 0 if nobody knows.
        speed_up: engine -> how many times faster int8 is than float on this machine.
        npu: target -> what the NPU compiler said for each platform.
    """

    name: str
    targets: Mapping[str, Mapping[str, Any]]
    left_out: Mapping[str, str]
    layers: Sequence[Layer]
    columns: Mapping[str, Sequence[str]]
    float_bytes: int
    speed_up: Mapping[str, float] = field(default_factory=dict)
    npu: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)


def write(folder: Path, facts: Facts, verdicts: Mapping[str, Verdict]) -> Path:
    """Writes the folder and returns its page.

    Raises:
        QuantizationError: ``report.write``, the disk is full or the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        pictures = _plots(folder, facts, verdicts)
        text = "\n".join(_markdown(facts, verdicts, pictures)) + "\n"
        (folder / "report.md").write_text(text, encoding="utf-8")
        whole = {
            "name": facts.name,
            "targets": facts.targets,
            "left_out": facts.left_out,
            "float_bytes": facts.float_bytes,
            "speed_up": facts.speed_up,
            "npu": facts.npu,
            "layers": [layer.__dict__ for layer in facts.layers],
            "gates": {name: verdict.as_json() for name, verdict in verdicts.items()},
        }
        (folder / "report.json").write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
        page = folder / "report.html"
        page.write_text(_page(facts.name, text, folder), encoding="utf-8")
        return page
    except OSError as error:
        raise QuantizationError(
            "report.write", f"{folder} cannot be written: {error.strerror or error}.", "Free some space."
        ) from error


def _plots(folder: Path, facts: Facts, verdicts: Mapping[str, Verdict]) -> dict[str, list[str]]:
    """Heading -> the pictures that belong below it."""
    found: dict[str, list[str]] = {"": [], "layers": []}
    spent = {n: t["milliseconds"] for n, t in facts.targets.items() if t["milliseconds"] is not None}
    plots.sizes(folder / "sizes.png", {n: t["bytes"] / 1e6 for n, t in facts.targets.items()}, spent)
    found[""].append("sizes.png")
    if facts.layers:
        plots.layers(folder / "layers.png", facts.layers)
        found["layers"].append("layers.png")
    for name, verdict in verdicts.items():
        found[name] = []
        for output, figures in verdict.outputs.items():
            columns = facts.columns.get(output)
            if columns:
                picture = f"{name}-{output}.png"
                plots.columns(folder / picture, columns, figures, f"{facts.name} {output}, {name}")
                found[name].append(picture)
        for output, (a, b) in verdict.points.items():
            picture = f"{name}-{output}-scatter.png"
            plots.scatter(folder / picture, a, b, f"{output}: float against int8, {name}")
            found[name].append(picture)
    return found


def _markdown(facts: Facts, verdicts: Mapping[str, Verdict], pictures: Mapping[str, list[str]]) -> list[str]:
    out = [f"# Export of `{facts.name}`", ""]
    head = ("target", "MB", "float32 / it", "precision", "ran on", "parity", "gate", "ms, one core", "operators taken")
    out += _table(head, [_row(name, target, facts.float_bytes) for name, target in facts.targets.items()])
    out += [
        "",
        "Parity is the largest difference from the float model, each output in units of its largest value or 1.",
    ]
    out += ["Where the device of a target is not here, the same file ran on the engine's CPU.", ""]
    for engine, times in facts.speed_up.items():
        out.append(f"- {engine}: int8 is {times:.2f} times as fast as float here.")
    for name, why in facts.left_out.items():
        out.append(f"- {name} was left out: {why}.")
    for name, results in facts.npu.items():
        for r in results:
            said = f"compiles in {r['seconds']:.2f} s to {r['bytes']} bytes" if r["ok"] else f"fails: {r['error']}"
            out.append(f"- {name} for {r['platform']}: {said} (ahead of time; that it compiles, not that it ran).")
    out += ["", *_shown(pictures[""])]
    out += _operators(facts)
    if facts.layers:
        out += ["", "## What each layer costs alone in int8", "", *_shown(pictures["layers"])]
    for name, verdict in verdicts.items():
        out += ["", f"## Gate of {name}: {'passed' if verdict.passed else 'REFUSED'}", ""]
        out += [*_gate(facts, verdict), "", *_shown(pictures[name])]
    return out


def _row(name: str, target: Mapping[str, Any], float_bytes: int) -> list[str]:
    gate = target["gate"]
    ratio = f"{float_bytes / target['bytes']:.2f}" if float_bytes and target["bytes"] else ""
    taken = ", ".join(f"{t['supported']}/{t['nodes']} {table}" for table, t in target["operators"].items())
    return [
        name, f"{target['bytes'] / 1e6:.2f}", ratio, target["precision"], target["ran_on"],
        f"{target['parity']:.1e}",
        "" if gate is None else "passed" if gate["passed"] else "REFUSED",
        "" if target["milliseconds"] is None else f"{target['milliseconds']:.3f}", taken,
    ]  # fmt: skip


def _operators(facts: Facts) -> list[str]:
    out = []
    for name, target in facts.targets.items():
        for found in target["operators"].values():
            for operator, about in found["refused"].items():
                where = ", ".join(about["nodes"][:2])
                advice = f": {about['advice']}" if about["advice"] else ""
                out.append(
                    f"- {name}: {found['target']} leaves {about['count']} x {operator} ({where}) to the CPU{advice}"
                )
    return ["", "## Operators that a delegate leaves to the CPU", "", *out] if out else []


def _gate(facts: Facts, verdict: Verdict) -> list[str]:
    against = "the truth and the float network" if verdict.labelled else "the float network; nobody knows the truth"
    out = [f"{verdict.samples} held-out samples, against {against}.", ""]
    if verdict.unanswered or verdict.flips:
        out += [
            f"{verdict.unanswered} more are left out: the float network says that there is nothing to answer. "
            f"Of {verdict.flips} of all int8 decides otherwise.",
            "",
        ]
    out += [f"- {breach}" for breach in verdict.breaches]
    head = (
        "output",
        "worst r with float",
        "MAE to float",
        "MAE float",
        "MAE int8",
        "largest fall of r",
        "dead",
        "jitter",
    )
    rows = []
    for name, f in verdict.outputs.items():
        fall = f["r_float"] - f["r_int8"] if "r_float" in f else []
        jitter = f["jitter_int8"] / f["jitter_float"] if f.get("jitter_float") else math.nan
        rows.append([
            name, _least(f["agreement_r"], min), f"{f['agreement_mae'].mean():.4f}",
            f"{f['mae_float'].mean():.4f}" if "mae_float" in f else "",
            f"{f['mae_int8'].mean():.4f}" if "mae_int8" in f else "",
            _least(fall, max), str(int(f["dead"].sum())), "" if math.isnan(jitter) else f"x {jitter:.2f}",
        ])  # fmt: skip
    out += ["", *_table(head, rows)]
    if verdict.metrics:
        pairs = [[name, f"{a:.3f}", f"{b:.3f}"] for name, (a, b) in verdict.metrics.items()]
        out += ["", *_table(("figure", "float", "int8"), pairs)]
    for output, columns in facts.columns.items():
        if "r_float" in (f := verdict.outputs.get(output, {})):
            names = (output, "r float", "r int8", "MAE float", "MAE int8", "range kept")
            keys = ("r_float", "r_int8", "mae_float", "mae_int8", "range_kept")
            out += ["", *_table(names, [[c, *(_number(f[key][k]) for key in keys)] for k, c in enumerate(columns)])]
    return out


def _least(values: Any, of: Any) -> str:
    finite = [float(v) for v in values if math.isfinite(v)]
    return f"{of(finite):.3f}" if finite else ""


def _number(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else ""


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]


def _shown(pictures: Sequence[str]) -> list[str]:
    return [f"![{picture}]({picture})" for picture in pictures]


_STYLE = """body { font: 15px/1.5 system-ui, sans-serif; max-width: 1100px; margin: 2em auto; padding: 0 1em; }
table { border-collapse: collapse; margin: 1em 0; } td, th { padding: .2em .7em; border-bottom: 1px solid #ddd; }
td:not(:first-child) { text-align: right; font-variant-numeric: tabular-nums; } th { text-align: left; }
img { max-width: 100%; } li { margin: .2em 0 .2em 1.2em; }"""


def _page(name: str, text: str, folder: Path) -> str:
    """The report's Markdown as HTML, pictures inside: headings, tables, lists, pictures and lines are all it has."""
    body: list[str] = []
    table = False
    for line in text.splitlines():
        row = line.startswith("| ")
        if table and not row:
            body.append("</table>")
        if row and "| --- |" in line:
            continue
        if row:
            kind = "td" if table else "th"
            cells = "".join(f"<{kind}>{html.escape(cell)}</{kind}>" for cell in line[2:-2].split(" | "))
            body.append(f"{'' if table else '<table>'}<tr>{cells}</tr>")
        elif line.startswith("!["):
            data = base64.b64encode((folder / line[2 : line.index("]")]).read_bytes()).decode()
            body.append(f'<img alt="" src="data:image/png;base64,{data}">')
        elif line.startswith("#"):
            level = len(line) - len(line.lstrip("#"))
            body.append(f"<h{level}>{html.escape(line.lstrip('# ').replace('`', ''))}</h{level}>")
        elif line.startswith("- "):
            body.append(f"<li>{html.escape(line[2:])}</li>")
        elif line:
            body.append(f"<p>{html.escape(line)}</p>")
        table = row
    body.append("</table>" if table else "")
    title = html.escape(name)
    return f"<!doctype html><meta charset=utf-8><title>{title}</title><style>{_STYLE}</style>" + "\n".join(body)
