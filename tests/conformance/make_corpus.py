"""Writes the conformance corpus: what comes of networks that give made-up tensors, step by step.

    python tests/conformance/make_corpus.py

The tensors are drawn from a fixed seed; nothing of any recording is in them. What the tracker made of them when the
corpus was last written is what both languages are held to, so a change of these files is a change of behaviour.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cases
import numpy as np
import numpy.typing as npt
from mien.bundle import Bundle
from mien.manifest import Network
from scripted import CORPUS, Array, opened, samples, stepped

F32 = npt.NDArray[np.float32]


@dataclass
class Writer:
    """Lets a case's director answer the networks, and keeps what was asked and said."""

    director: Callable[[str, int], dict[str, Array]]
    step: int = 0
    runs: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, network: Network, feeds: Mapping[str, Array]) -> dict[str, F32]:
        said = self.director(network.name, self.step)
        given = {name: samples(port, feeds[name]) for name, port in network.inputs.items()}
        # Few digits keep the files small; what is given is exactly what they say.
        outputs = {
            name: np.round(np.asarray(said[name], np.float64), 4).astype(np.float32).reshape(port.shape)
            for name, port in network.outputs.items()
        }
        kept = {name: [round(float(v), 6) for v in values] for name, values in given.items()}
        flat = {name: [float(str(v)) for v in values.reshape(-1)] for name, values in outputs.items()}
        self.runs.append({"network": network.name, "inputs": kept, "outputs": flat})
        return outputs


def write(folder: Path, case: cases.Case) -> None:
    """Writes one case."""
    folder.mkdir(parents=True)
    for name, (manifest, blobs) in case.bundles.items():
        Bundle.write(folder / f"{name}.mien", manifest, blobs)
    writer = Writer(case.director)
    steps = []
    with opened(folder, case.options, writer) as pipeline:
        for number, given in enumerate(case.steps):
            writer.step, writer.runs = number, []
            said = stepped(pipeline, given, case.options.get("max_faces", 1) == 1)
            steps.append({**given, "runs": writer.runs, **said})
    lines = ",\n".join(json.dumps(step, separators=(",", ":")) for step in steps)
    head = json.dumps({"about": case.about, "options": case.options})[:-1]
    (folder / "case.json").write_text(f'{head}, "steps": [\n{lines}\n]}}\n', "utf-8")


def main() -> None:
    """Writes all cases anew."""
    shutil.rmtree(CORPUS, ignore_errors=True)
    for name, make in cases.CASES.items():
        write(CORPUS / name, make())
    refusals = CORPUS / "refusals"
    refusals.mkdir()
    for name, (manifest, blobs) in cases.bundles().items():
        Bundle.write(refusals / f"{name}.mien", manifest, blobs)
    text = json.dumps([{"path": p, "to": to, "says": says} for p, to, says in cases.REFUSALS], indent=1)
    (refusals / "refusals.json").write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
