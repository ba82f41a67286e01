"""ONNX Runtime, the engine of the core install."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from mien.backends.base import NONE, Array, Session, refuse_options
from mien.errors import DeviceError, ModelError

_NO_TELEMETRY = "ORT_DISABLE_TELEMETRY"  # a host that wants it sets this to 0 itself
_LOG_FATAL = 4  # ONNX Runtime's severity scale; below it the engine writes to stderr what it raises as well


class OnnxRuntimeSession(Session):
    """A network in ONNX Runtime. Devices are the installed wheel's providers, e.g. CPU, CUDA, TensorRT."""

    engine: ClassVar[str] = "onnxruntime"
    packages: ClassVar[tuple[str, ...]] = (
        "onnxruntime",
        "onnxruntime-gpu",
        "onnxruntime-openvino",
        "onnxruntime-directml",
    )

    @classmethod
    def devices(cls) -> tuple[str, ...]:
        providers = _onnxruntime().get_available_providers()
        return tuple(p.removesuffix("ExecutionProvider") for p in providers if not p.startswith("Azure"))

    def __init__(
        self,
        model: memoryview,
        *,
        device: str,
        threads: int,
        weights: memoryview | None = None,
        options: Mapping[str, str] = NONE,
    ) -> None:
        refuse_options(self.engine, weights, {})
        onnxruntime = _onnxruntime()
        if device not in self.devices():
            raise DeviceError(
                "device.absent",
                f"This ONNX Runtime has no {device} provider, only {', '.join(self.devices())}.",
                "Install the wheel that carries it, or use device='auto'.",
            )
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = threads
        settings.inter_op_num_threads = 1
        settings.log_severity_level = _LOG_FATAL
        # Spinning threads burn a host's cores between frames.
        settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
        settings.add_session_config_entry("session.inter_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(
                bytes(model), settings, providers=[(f"{device}ExecutionProvider", dict(options))]
            )
        except Exception as error:
            raise ModelError(
                "model.load", f"ONNX Runtime refuses the model: {error}", "Is the file a complete ONNX model?"
            ) from error
        self.device = self._session.get_providers()[0].removesuffix("ExecutionProvider")
        if self.device != device:
            raise DeviceError(
                "device.refused", f"ONNX Runtime put the model on {self.device}, not {device}.", "See its log."
            )
        self.inputs = {port.name: _shape(port.shape) for port in self._session.get_inputs()}
        self.outputs = {port.name: _shape(port.shape) for port in self._session.get_outputs()}

    def run(self, feeds: Mapping[str, Array], outputs: list[str]) -> list[npt.NDArray[np.float32]]:
        try:
            results: list[npt.NDArray[np.float32]] = self._session.run(outputs, feeds)
        except Exception as error:
            raise ModelError("model.run", f"ONNX Runtime failed: {error}", "") from error
        return results


def _onnxruntime() -> Any:
    """The package, without telemetry: from 1.29 on its wheels for Linux keep a number of the device in the user's home
    and send what runs, by a thread of their own, unless the environment says no before the import."""
    undecided = _NO_TELEMETRY not in os.environ
    if undecided:
        os.environ[_NO_TELEMETRY] = "1"
    try:
        import onnxruntime
    except ImportError as error:
        raise DeviceError(
            "device.absent", "ONNX Runtime is not installed, or does not load here.", "Run: pip install onnxruntime"
        ) from error
    if undecided:
        onnxruntime.disable_telemetry_events()  # the host may have imported it before
    return onnxruntime


def _shape(extents: list[Any]) -> tuple[int, ...]:
    return tuple(extent if isinstance(extent, int) else -1 for extent in extents)
