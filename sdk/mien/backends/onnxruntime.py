"""ONNX Runtime, the engine of the core install."""

from __future__ import annotations

import os
from collections.abc import Mapping
from queue import Empty, SimpleQueue
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
        ports = self._session.get_outputs()
        self.outputs = {port.name: _shape(port.shape) for port in ports}
        # Those that can be written into memory of ours: of known size, and where the processor is.
        plain = {port.name for port in ports if port.type == "tensor(float)" and -1 not in self.outputs[port.name]}
        self._ours = plain if self.device == "CPU" else set()
        self._free: dict[tuple[str, ...], SimpleQueue[_Bound]] = {}

    def run(self, feeds: Mapping[str, Array], outputs: list[str]) -> list[npt.NDArray[np.float32]]:
        try:
            if not self._ours.issuperset(outputs):
                results: list[npt.NDArray[np.float32]] = self._session.run(outputs, feeds)
                return results
            # One for each thread that runs this session at the same time.
            free = self._free.setdefault(tuple(outputs), SimpleQueue())
            try:
                bound = free.get_nowait()
            except Empty:
                bound = _Bound(self._session, {name: self.outputs[name] for name in outputs})
            results = bound.run(feeds)
        except Exception as error:
            raise ModelError("model.run", f"ONNX Runtime failed: {error}", "") from error
        free.put(bound)
        return results


class _Bound:
    """A session with the memory of its inputs and outputs, which it keeps from run to run.

    Medians of blocks of 25 runs taken in turns: `detect` with its 16 outputs takes 1067 us by session.run, 1058 bound
    and copied; `face` 507 and 498. The engine allocates nothing then; the copy is what the caller may keep.
    """

    def __init__(self, session: Any, outputs: Mapping[str, tuple[int, ...]]) -> None:
        self._session, self._binding = session, session.io_binding()
        self._inputs: dict[str, Array] = {}
        self._outputs = [np.empty(shape, np.float32) for shape in outputs.values()]
        for name, values in zip(outputs, self._outputs, strict=True):
            self._binding.bind_output(name, "cpu", 0, np.float32, values.shape, values.ctypes.data)

    def run(self, feeds: Mapping[str, Array]) -> list[npt.NDArray[np.float32]]:
        if self._inputs.keys() - feeds.keys():  # what is not fed must be missed
            self._binding.clear_binding_inputs()
            self._inputs = {}
        for name, array in feeds.items():
            if self._inputs.get(name) is not array:
                values = np.ascontiguousarray(array)
                self._binding.bind_input(name, "cpu", 0, values.dtype, values.shape, values.ctypes.data)
                self._inputs[name] = values
        self._session.run_with_iobinding(self._binding)
        return [values.copy() for values in self._outputs]


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
