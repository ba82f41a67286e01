"""An engine that fails on purpose, plugged in beside the real ones.

It computes with ONNX Runtime. What goes wrong, and in which run, stands in the options of a bundle's target:
{"fault": "raises" | "nan" | "shape" | "hangs" | "load" | "swapped" | "", "at": "500"}; "at" counts over all sessions,
and the fault happens once, unless {"for_good": "yes"}.
"""

from __future__ import annotations

import importlib.metadata
import time
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
from mien import registry
from mien.backends.base import NONE, Array
from mien.backends.onnxruntime import OnnxRuntimeSession

HANG = 5.0  # seconds


class Faulty(OnnxRuntimeSession):
    """See the module's text. Its device is called FAULTY, so it is watched as if it lay behind a driver."""

    engine: ClassVar[str] = "faulty"
    runs: ClassVar[int] = 0
    loads: ClassVar[int] = 0

    @classmethod
    def version(cls) -> str | None:
        return "1"

    @classmethod
    def devices(cls) -> tuple[str, ...]:
        return ("FAULTY",)

    def __init__(self, model: memoryview, *, device: str, threads: int, options: Mapping[str, str] = NONE) -> None:
        Faulty.loads += 1
        self._fault, self._at = options.get("fault", ""), int(options.get("at", "1"))
        self._for_good = "for_good" in options
        if self._fault == "load":
            raise RuntimeError("the driver says no")
        time.sleep(float(options.get("compiles", "0")))
        self._real = OnnxRuntimeSession(model, device="CPU", threads=threads)
        self.device, self.inputs = device, self._real.inputs
        names = list(self._real.outputs)
        given = names[1:] + names[:1] if self._fault == "swapped" else names
        self.outputs = {name: self._real.outputs[other] for name, other in zip(names, given, strict=True)}

    def run(self, feeds: Mapping[str, Array], outputs: list[str]) -> list[np.ndarray[Any, Any]]:
        Faulty.runs += 1
        said = self._real.run(feeds, outputs)
        if Faulty.runs != self._at and not (self._for_good and Faulty.runs > self._at):
            return said
        if self._fault == "raises":
            raise RuntimeError("the device fell off the bus")
        if self._fault == "hangs":
            time.sleep(HANG)
        if self._fault == "nan":
            said[0] = np.full_like(said[0], np.nan)
        if self._fault == "shape":
            said[0] = said[0][..., :0]
        return said


def plug_in(monkeypatch: pytest.MonkeyPatch, value: str = "faulty:Faulty") -> None:
    """Makes it a backend, as another package would: by an entry point."""
    real = importlib.metadata.entry_points
    point = importlib.metadata.EntryPoint("faulty", value, "mien.backends")

    def points(group: str) -> Any:
        return [*real(group=group), *([point] if group == "mien.backends" else [])]

    monkeypatch.setattr(registry, "metadata", SimpleNamespace(entry_points=points))
    Faulty.runs = Faulty.loads = 0
