"""LiteRT (TensorFlow Lite): ai-edge-litert, or tflite_runtime where only that exists."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from threading import Lock
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from mien.backends.base import NONE, Array, Session, refuse_options
from mien.errors import DeviceError, MissingExtraError, ModelError

_MODULES = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter")


class LiteRtSession(Session):
    """A .tflite network on the CPU with the XNNPACK kernels."""

    engine: ClassVar[str] = "litert"
    extra: ClassVar[str] = "litert"
    packages: ClassVar[tuple[str, ...]] = ("ai-edge-litert", "tflite-runtime")

    @classmethod
    def devices(cls) -> tuple[str, ...]:
        interpreter_class()
        return ("CPU",)

    def __init__(
        self,
        model: memoryview,
        *,
        device: str,
        threads: int,
        weights: memoryview | None = None,
        options: Mapping[str, str] = NONE,
    ) -> None:
        refuse_options(self.engine, weights, options)
        if device not in self.devices():
            raise DeviceError("device.absent", f"LiteRT runs on CPU here, not on {device}.", "Use device='auto'.")
        create = interpreter_class()
        try:
            self._interpreter = create(model_content=bytes(model), num_threads=threads)
            self._allocate()
        except Exception as error:
            raise ModelError(
                "model.load", f"LiteRT refuses the model: {error}", "Is the file a complete .tflite model?"
            ) from error
        self.device = device
        # An interpreter owns its activations, so runs of one session take turns.
        self._turn = Lock()

    def _allocate(self) -> None:
        self._interpreter.allocate_tensors()
        inputs, outputs = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        self._index = {d["name"]: int(d["index"]) for d in (*inputs, *outputs)}
        self.inputs = {d["name"]: tuple(int(n) for n in d["shape"]) for d in inputs}
        self.outputs = {d["name"]: tuple(int(n) for n in d["shape"]) for d in outputs}

    def run(self, feeds: Mapping[str, Array], outputs: list[str]) -> list[npt.NDArray[np.float32]]:
        with self._turn:
            try:
                for name, array in feeds.items():
                    self._interpreter.set_tensor(self._index[name], array)
                self._interpreter.invoke()
                return [self._interpreter.get_tensor(self._index[name]) for name in outputs]
            except Exception as error:
                raise ModelError("model.run", f"LiteRT failed: {error}", "") from error


def interpreter_class() -> Any:
    """The Interpreter of the package that is installed. Raises MissingExtraError if there is none."""
    for module in _MODULES:
        try:
            return importlib.import_module(module).Interpreter
        except ImportError:
            continue
    raise MissingExtraError("litert", "ai-edge-litert", "Running .tflite models")
