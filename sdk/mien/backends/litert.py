"""LiteRT (TensorFlow Lite): ai-edge-litert, or tflite_runtime where only that exists.

Other processors than the CPU are reached through delegates, libraries that come with the device: the path of one is the
name of its device, "litert:/usr/lib/libvx_delegate.so", and what stands behind a question mark is handed to it,
"litert:/opt/libQnnTFLiteDelegate.so?backend_type=htp&log_level=1".
"""

from __future__ import annotations

import ctypes
import importlib
import os
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar
from urllib.parse import parse_qsl

import numpy as np
import numpy.typing as npt

from mien.backends.base import NONE, Array, Session, refuse_options
from mien.errors import DeviceError, MissingExtraError, ModelError

_MODULES = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter")


_ENTRY = "tflite_plugin_create_delegate"  # what each external delegate's library must have


class LiteRtSession(Session):
    """A .tflite network on the CPU with the XNNPACK kernels, or on what a delegate brings."""

    engine: ClassVar[str] = "litert"
    extra: ClassVar[str] = "litert"
    packages: ClassVar[tuple[str, ...]] = ("ai-edge-litert", "tflite-runtime")

    @classmethod
    def devices(cls) -> tuple[str, ...]:
        _package()
        return ("CPU",)

    @classmethod
    def takes(cls, place: str) -> bool:
        """A delegate's path."""
        return "/" in place or os.sep in place

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
        package, delegates = _package(), []
        if self.takes(device):
            _check_delegate(package, bytes(model), device)
            delegates = [_delegate(package, device)]
        elif device not in self.devices():
            raise DeviceError(
                "device.absent",
                f"LiteRT runs on CPU here, not on {device}.",
                "Use device='auto', or a delegate's path.",
            )
        try:
            self._interpreter = package.Interpreter(
                model_content=bytes(model), num_threads=threads, experimental_delegates=delegates
            )
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
    return _package().Interpreter


def _package() -> Any:
    for module in _MODULES:
        try:
            return importlib.import_module(module)
        except ImportError:
            continue
    raise MissingExtraError("litert", "ai-edge-litert", "Running .tflite models")


def _delegate(package: Any, device: str) -> Any:
    path, _, settings = device.partition("?")
    advice = "Give the path of a LiteRT delegate's library, as the maker of the device ships it."
    if not Path(path).is_file():
        raise DeviceError("device.delegate", f"There is no delegate at {path}.", advice)
    try:
        # Looked at before LiteRT does: what it makes of another library fails again when it is thrown away.
        getattr(ctypes.PyDLL(path), _ENTRY)
        return package.load_delegate(path, dict(parse_qsl(settings, keep_blank_values=True)))
    except (OSError, AttributeError, ValueError) as error:
        raise DeviceError("device.delegate", f"LiteRT cannot load the delegate {path}: {error}.", advice) from error


def _check_delegate(package: Any, model: bytes, device: str) -> None:
    """Raises DeviceError if the delegate would leave everything to the CPU, which LiteRT does without a word."""
    delegate = _delegate(package, device)
    alone = package.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES  # XNNPACK would look like one
    try:
        trial = package.Interpreter(
            model_content=model, experimental_delegates=[delegate], experimental_op_resolver_type=alone
        )
        trial.allocate_tensors()
        # The only way to see it; private, so a package that lacks it is believed.
        nodes = [node["op_name"] for node in getattr(trial, "_get_ops_details", list)()]
    except Exception as error:
        raise DeviceError(
            "device.delegate", f"The delegate {device} fails on this model: {error}.", "See its documentation."
        ) from error
    if nodes and "DELEGATE" not in nodes:
        raise DeviceError(
            "device.delegate",
            f"The delegate {device} takes none of the network's {len(nodes)} operators.",
            "Try another precision of the bundle, or device='cpu'.",
        )
