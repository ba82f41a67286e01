"""Runs models: graphs as they are, and what a target made, through the runtime's own sessions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy.typing as npt
import onnx
from mien import registry
from mien.backends.base import Session

from export import graph
from export.targets.base import Built, Target
from quantization.samples import Arrays, Run


def run_of(model: onnx.ModelProto) -> Run:
    """A graph in ONNX Runtime."""
    loaded = graph.session(model.SerializeToString())
    return lambda feed, outputs: loaded.run(list(outputs), dict(feed))


def run_of_tflite(data: bytes) -> Run:
    """A .tflite file in LiteRT, by its own names of tensors."""
    session = registry.find("backends", "litert", Session)(memoryview(data), device="CPU", threads=1)
    return lambda feed, outputs: session.run(dict(feed), list(outputs))


def runner(target: type[Target], built: Built) -> Run:
    """The target in its engine on the CPU. Raises MienError if it does not run here."""
    engine = registry.find("backends", target.engine, Session)
    # Options are for the device that the target is made for.
    options = built.options if target.device in ("", "CPU") else {}
    session = engine(memoryview(built.blobs[built.blob]), device="CPU", threads=1, options=options)

    def run(feed: Arrays, outputs: Sequence[str]) -> Sequence[npt.NDArray[Any]]:
        return session.run(
            {built.tensors[name]: value for name, value in feed.items()}, [built.tensors[name] for name in outputs]
        )

    return run
