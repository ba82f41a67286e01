"""Proof: what was built runs in its engine, says what the float model says, and how fast, as far as this machine can.

A target for a device that is not here is run on the same engine's CPU, and said to be.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from export import ops
from export.build import Build
from export.errors import ExportError
from export.graph import difference
from export.running import runner
from export.targets.base import Built, Target
from quantization.gate import Verdict

_ROUNDS, _WARM = 200, 20  # runs of each target, interleaved, and those before the clock counts
_STRICT = ("tensorrt", "openvino_npu")  # tables whose engines have nowhere to put what they refuse


@dataclass(eq=False)
class Proof:
    """What is known of one target.

    Attributes:
        ran_on: engine and device of all figures.
        parity: difference from the float model, as `export.graph.difference` measures.
        verdict: of the gate, for int8.
        milliseconds: median of one run on one core.
        support: against its table of operators, and against further tables.
    """

    built: Built
    ran_on: str
    parity: float
    verdict: Verdict | None = None
    milliseconds: float | None = None
    support: Mapping[str, ops.Support] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """Of the member that the engine loads."""
        return len(self.built.blobs[self.built.blob])


def prove(build: Build, target: type[Target], built: Built) -> Proof:
    """All but the latency.

    Raises:
        ExportError: ``export.parity``, ``export.operators``. ModelError: the engine refuses what was made for it.
    """
    run = runner(target, built)
    got = [list(run(feed, list(build.recipe.outputs))) for feed in build.values.examples]
    proof = Proof(
        built, f"{target.engine}:CPU", max(difference(a, b) for a, b in zip(got, build.values.expected, strict=True))
    )
    if target.table:
        proof.support = {target.table: supported(target, built)}
    if target.precision == "int8":
        proof.verdict = build.judge.at_the_gate(run)
    elif not proof.parity <= build.recipe.tolerance:
        raise ExportError(
            "export.parity",
            f"{target.engine} differs from torch by {proof.parity:.2e} (limit {build.recipe.tolerance:.0e}).",
            "An operation is computed in another way there; compare layer by layer.",
        )
    return proof


def supported(target: type[Target], built: Built) -> ops.Support:
    """The target's operators against its table.

    Raises:
        ExportError: ``export.operators``, its engine has nowhere else to run one that it does not know.
    """
    found = ops.support(target.table, built.operators)
    if found.refused and target.table in _STRICT:
        operator, (nodes, advice) = next(iter(found.refused.items()))
        raise ExportError(
            "export.operators", f"{found.target} does not support {operator}, which is {nodes[0]}.", advice
        )
    return found


def clock(build: Build, targets: Mapping[str, type[Target]], proofs: Mapping[str, Proof]) -> None:
    """Fills in the medians; all targets take turns on one core, so that a busy moment hits each of them."""
    runs = {name: runner(targets[name], proof.built) for name, proof in proofs.items()}
    feed, outputs = build.values.examples[0], list(build.recipe.outputs)
    times: dict[str, list[float]] = {name: [] for name in runs}
    with _pinned():
        for _ in range(_ROUNDS):
            for name, run in runs.items():
                start = time.perf_counter_ns()
                run(feed, outputs)
                times[name].append((time.perf_counter_ns() - start) / 1e6)
    for name, spent in times.items():
        proofs[name].milliseconds = float(np.median(spent[_WARM:]))


@contextmanager
def _pinned() -> Iterator[None]:
    """On the last core that this process may use, where the system can pin."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
