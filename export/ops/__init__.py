"""What targets support: tables as data, and how a graph stands against them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Support:
    """How a graph stands against a table.

    Attributes:
        target, source: the table's own words.
        supported: how many nodes the target takes, of `nodes`.
        refused: operator -> (names of the nodes, what to do).
        conditions: operator -> under which condition it is taken.
    """

    target: str
    source: str
    nodes: int
    supported: int
    refused: Mapping[str, tuple[list[str], str]] = field(default_factory=dict)
    conditions: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """For the report and the manifest; of each refused operator the first nodes."""
        refused = {
            op: {"nodes": nodes[:5], "count": len(nodes), "advice": a} for op, (nodes, a) in self.refused.items()
        }
        return {"target": self.target, "nodes": self.nodes, "supported": self.supported, "refused": refused}


def tables() -> list[str]:
    """The names of all tables."""
    return sorted(path.stem for path in Path(__file__).parent.glob("*.toml"))


@lru_cache(maxsize=16)
def table(name: str) -> dict[str, Any]:
    """One table as its file has it: target, graph, source, supported, unsupported."""
    return tomllib.loads((Path(__file__).parent / f"{name}.toml").read_text(encoding="utf-8"))


# No computation: inputs, outputs and weights.
_STILL = {"Parameter", "Result", "Constant", "DELEGATE"}


def support(name: str, operators: Mapping[str, list[str]]) -> Support:
    """A graph's operators against a table; one that the table does not name is refused like one that it refuses."""
    fields = table(name)
    known, refused = fields["supported"], fields["unsupported"]
    counted = {op: nodes for op, nodes in operators.items() if op not in _STILL}
    bad = {op: (nodes, refused.get(op, "")) for op, nodes in counted.items() if op not in known}
    total = sum(map(len, counted.values()))
    return Support(
        fields["target"],
        fields["source"],
        total,
        total - sum(len(nodes) for nodes, _ in bad.values()),
        bad,
        {op: known[op] for op in counted if known.get(op)},
    )
