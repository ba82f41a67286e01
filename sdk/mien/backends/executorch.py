"""ExecuTorch: .pte programs with the XNNPACK kernels, through its Python runtime."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from threading import Lock
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from mien.backends.base import NONE, Array, Session, refuse_options
from mien.errors import DeviceError, MissingExtraError, ModelError

_METHOD = "forward"


class ExecuTorchSession(Session):
    """A .pte program on the CPU. Programs have no tensor names; here they are `input_0`, ... and `output_0`, ..."""

    engine: ClassVar[str] = "executorch"
    extra: ClassVar[str] = "executorch"
    packages: ClassVar[tuple[str, ...]] = ("executorch",)

    @classmethod
    def devices(cls) -> tuple[str, ...]:
        _runtime()
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
            raise DeviceError("device.absent", f"ExecuTorch runs on CPU here, not on {device}.", "Use device='auto'.")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._program = _runtime().load_program(bytes(model))
                self._method = self._program.load_method(_METHOD)
            about = self._method.metadata
            sizes = [about.input_tensor_meta(i).sizes() for i in range(about.num_inputs())]
            self.inputs = {f"input_{i}": tuple(size) for i, size in enumerate(sizes)}
            sizes = [about.output_tensor_meta(i).sizes() for i in range(about.num_outputs())]
            self.outputs = {f"output_{i}": tuple(size) for i, size in enumerate(sizes)}
        except Exception as error:
            raise ModelError(
                "model.load", f"ExecuTorch refuses the program: {error}", "Is the file a complete .pte program?"
            ) from error
        self.device = device
        # A method owns its activations, so runs of one session take turns.
        self._turn = Lock()

    def run(self, feeds: Mapping[str, Array], outputs: list[str]) -> list[npt.NDArray[np.float32]]:
        import torch

        with self._turn:
            try:
                tensors = [torch.from_numpy(np.ascontiguousarray(feeds[name])) for name in self.inputs]
                results = dict(zip(self.outputs, self._method.execute(tensors), strict=True))
                return [results[name].numpy().copy() for name in outputs]
            except Exception as error:
                raise ModelError("model.run", f"ExecuTorch failed: {error}", "") from error


def _runtime() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it calls itself experimental at every import
        try:
            from executorch.runtime import Runtime
        except ImportError as error:
            raise MissingExtraError("executorch", "executorch", "Running .pte programs") from error
        return Runtime.get()
