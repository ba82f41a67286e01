"""Runs what a target made, through the runtime's own sessions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy.typing as npt
from mien import registry
from mien.backends.base import Session
from mien.errors import MienError

from export.targets.base import Built, Target

if TYPE_CHECKING:
    from export.build import Build
from quantization.samples import Arrays, Run


def runner(target: type[Target], built: Built) -> Run:
    """The target in its engine on the CPU. Raises MienError if it does not run here."""
    engine = registry.find("backends", target.engine, Session)
    weights = memoryview(built.blobs[built.weights]) if built.weights else None
    # Options are for the device that the target is made for.
    options = built.options if target.device in ("", "CPU") else {}
    session = engine(memoryview(built.blobs[built.blob]), device="CPU", threads=1, weights=weights, options=options)

    def run(feed: Arrays, outputs: Sequence[str]) -> Sequence[npt.NDArray[Any]]:
        return session.run(
            {built.tensors[name]: value for name, value in feed.items()}, [built.tensors[name] for name in outputs]
        )

    return run


def first_good(build: Build, target: type[Target], methods: Sequence[str], made: Callable[[str], Built]) -> Built:
    """What the first method gives that is good enough for the gate, else what the last one gives.

    Raises:
        MienError: the last method fails; before it, one that cannot handle the model, or whose result does not
            run, is passed over.
    """
    result: Built | None = None
    for method in methods:
        try:
            candidate = made(method)
            good = build.good_enough(runner(target, candidate))
        except MienError:  # quantizers write files now and then that their engine does not run
            if method == methods[-1] and result is None:
                raise
            continue
        result = candidate
        if good:
            break
    assert result is not None
    return result
