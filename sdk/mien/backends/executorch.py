"""ExecuTorch: .pte programs with the XNNPACK kernels, through its Python runtime.

It has one pool of threads for the whole process. The first session sets its size, before anything runs; later ones
share it, whatever they ask for.
"""

from __future__ import annotations

import logging
import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from mien.backends.base import NONE, Array, Session, refuse_options
from mien.errors import DeviceError, MissingExtraError, ModelError

log = logging.getLogger("mien")

_METHOD = "forward"
_TALKERS = ("torchao", "torch.utils._pytree")  # they warn at the import of what they do not find or will change


class _Pool:
    """Whether the process's pool of threads has its size."""

    lock = Lock()
    settled = False


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
            runtime = _runtime()
            _settle(threads)
            with _silence():
                self._program = runtime.load_program(bytes(model))
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
    with _silence():  # it calls itself experimental at every import
        try:
            from executorch.runtime import Runtime
        except ImportError as error:
            raise MissingExtraError("executorch", "executorch", "Running .pte programs") from error
        return Runtime.get()


def _settle(threads: int) -> None:
    """Resizing the pool under a running program would crash it, so it is done once."""
    from executorch.extension.pybindings import portable_lib

    with _Pool.lock:
        if not _Pool.settled and hasattr(portable_lib, "_unsafe_reset_threadpool"):
            with _unprinted():
                portable_lib._unsafe_reset_threadpool(threads)
        _Pool.settled = True


@contextmanager
def _unprinted() -> Iterator[None]:
    """Moves to the log what the C++ side prints about the processor when it makes its pool, once in a process.

    That is by the descriptor, so lines of other threads in these milliseconds go to the log too.
    """
    with tempfile.TemporaryFile("w+", errors="replace") as aside:
        try:
            real = os.dup(2)
        except OSError:  # the host has closed it: nothing can be printed
            yield
            return
        os.dup2(aside.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(real, 2)
            os.close(real)
            aside.seek(0)
            for line in aside:
                log.debug("%s", line.rstrip())


@contextmanager
def _silence() -> Iterator[None]:
    """Keeps warnings that mean nothing to the host off its stderr."""
    loggers = [logging.getLogger(name) for name in _TALKERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
