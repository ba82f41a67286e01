"""Rooms: which folder imports which, in one direction, and no file that imports itself round a corner."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLACES = {"mien": "sdk/mien"} | {name: name for name in ("quantization", "training", "export", "benchmarks")}
# What each room may import. Weights go one way: training makes checkpoints, export bundles of them, benchmarks measure.
MAY = {
    "mien": set[str](),
    "quantization": {"mien"},
    "training": {"mien"},
    "export": {"mien", "quantization", "training"},
    "benchmarks": {"mien", "training", "export"},
}


def imports() -> dict[str, set[str]]:
    """Module of a room -> the modules of rooms that it imports anywhere, for types or inside functions too."""
    files = {
        ".".join((room, *path.relative_to(ROOT / place).with_suffix("").parts)).removesuffix(".__init__"): path
        for room, place in PLACES.items()
        for path in (ROOT / place).rglob("*.py")
    }
    found: dict[str, set[str]] = {module: set() for module in files}
    for module, path in files.items():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                found[module] |= {alias.name for alias in node.names} & files.keys()
            elif isinstance(node, ast.ImportFrom) and node.module:
                parts = {f"{node.module}.{alias.name}" for alias in node.names} & files.keys()
                found[module] |= parts or {node.module} & files.keys()
    return found


def test_rooms_import_in_one_direction() -> None:
    arrows = {(a.split(".")[0], b.split(".")[0]): f"{a} -> {b}" for a, all_of in imports().items() for b in all_of}
    assert [arrow for (a, b), arrow in arrows.items() if a != b and b not in MAY[a]] == []


def test_no_file_of_export_training_quantization_or_benchmarks_imports_itself_round_a_corner() -> None:
    graph = {module: found for module, found in imports().items() if not module.startswith("mien")}
    list(TopologicalSorter(graph).static_order())  # CycleError names the files
