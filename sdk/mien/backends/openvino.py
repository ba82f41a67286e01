"""OpenVINO: Intel CPUs, GPUs and NPUs. Models are IR (xml, with the weights as a second blob) or ONNX.

What it compiles is kept in mien's cache: on an NPU that saves minutes, on this CPU 57 of the face network's 90 ms.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from mien.backends.base import NONE, Array, Session
from mien.backends.cache import cached, key
from mien.errors import DeviceError, MissingExtraError, ModelError

# On CPUs that can, OpenVINO computes float models in bfloat16 unless told not to; a target may ask for it by option.
_PRECISION = "INFERENCE_PRECISION_HINT"


class OpenVinoSession(Session):
    """A network in OpenVINO. Devices are OpenVINO's own: CPU, GPU, NPU."""

    engine: ClassVar[str] = "openvino"
    extra: ClassVar[str] = "openvino"
    packages: ClassVar[tuple[str, ...]] = ("openvino",)

    @classmethod
    def devices(cls) -> tuple[str, ...]:
        return tuple(_openvino().Core().available_devices)

    def __init__(
        self,
        model: memoryview,
        *,
        device: str,
        threads: int,
        weights: memoryview | None = None,
        options: Mapping[str, str] = NONE,
    ) -> None:
        openvino = _openvino()
        core = openvino.Core()
        seen = core.available_devices
        if device not in seen:
            raise DeviceError(
                "device.absent",
                f"OpenVINO sees {', '.join(seen)} here, no {device}.",
                "Install the device's driver, or use device='auto'.",
            )
        settings: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY", **options}
        if device == "CPU":
            # Pinned threads fight with the host's own over the first cores.
            settings = {_PRECISION: "f32", "INFERENCE_NUM_THREADS": threads, "ENABLE_CPU_PINNING": False, **settings}
        data = (bytes(model),) if weights is None else (bytes(model), bytes(weights))
        about = (self.version() or "", device, _hardware(core, device), json.dumps(settings, sort_keys=True))
        try:
            self._model = cached(
                key(*data, *about),
                load=lambda blob: core.import_model(blob, device, settings),
                compile_=lambda: core.compile_model(core.read_model(*data), device, settings),
                dump=lambda compiled: compiled.export_model().getvalue(),
            )
        except Exception as error:
            raise ModelError(
                "model.load", f"OpenVINO refuses the model: {_first_lines(error)}", "Is the file complete?"
            ) from error
        self.device = device
        self._tensor = openvino.Tensor
        self.inputs = {port.get_any_name(): _shape(port) for port in self._model.inputs}
        # An output may have several names: the model's own, and that of a tensor which only passes through.
        self.outputs = {name: _shape(port) for port in self._model.outputs for name in sorted(port.get_names())}
        # One for each thread that runs this session at the same time.
        self._free: SimpleQueue[_Request] = SimpleQueue()

    def run(self, feeds: Mapping[str, Array], outputs: list[str]) -> list[npt.NDArray[np.float32]]:
        try:
            try:
                request = self._free.get_nowait()
            except Empty:
                request = _Request(self._model, self._tensor, self.device == "CPU")
            results = request.run(feeds, outputs)
        except Exception as error:
            raise ModelError("model.run", f"OpenVINO failed: {_first_lines(error)}", "") from error
        self._free.put(request)
        return results


class _Request:
    """A request, which owns its activations, with the memory of its inputs and outputs.

    Binding them once, not in every run, spares 20 of 507 us with `face` and 58 of 1138 with the 16 outputs of `detect`
    (medians of blocks of 25 runs taken in turns). start_async and wait would spare nothing more: 485 and 488 us.
    """

    def __init__(self, model: Any, tensor: Any, ours: bool) -> None:
        self._request, self._tensor = model.create_infer_request(), tensor
        self._inputs: dict[str, Array] = {}
        self._outputs: dict[str, npt.NDArray[np.float32]] = {}
        for port in model.outputs if ours else ():
            if port.partial_shape.is_static and port.element_type.to_dtype() == np.float32:
                values = np.empty(_shape(port), np.float32)
                self._request.set_tensor(port, tensor(values, shared_memory=True))
                self._outputs |= dict.fromkeys(port.get_names(), values)

    def run(self, feeds: Mapping[str, Array], outputs: list[str]) -> list[npt.NDArray[np.float32]]:
        for name, array in feeds.items():
            if self._inputs.get(name) is not array:
                # Shared, not copied; the run is over before the caller may write to it again.
                values = np.ascontiguousarray(array)
                self._request.set_tensor(name, self._tensor(values, shared_memory=True))
                self._inputs[name] = values
        self._request.infer()
        own = self._outputs
        return [own[name].copy() if name in own else np.array(self._request.get_tensor(name).data) for name in outputs]


def _hardware(core: Any, device: str) -> str:
    """The device's full name and its driver, where there is one: a compiled network holds for them alone."""
    words = []
    for name in ("FULL_DEVICE_NAME", "DEVICE_ARCHITECTURE", "NPU_DRIVER_VERSION", "NPU_COMPILER_VERSION"):
        with suppress(Exception):  # not every device has each of them
            words.append(str(core.get_property(device, name)))
    return ", ".join(words)


def _openvino() -> Any:
    try:
        import openvino
    except ImportError as error:
        raise MissingExtraError("openvino", "openvino", "Running models in OpenVINO") from error
    return openvino


def _shape(port: Any) -> tuple[int, ...]:
    return tuple(d.get_length() if d.is_static else -1 for d in port.get_partial_shape())


def _first_lines(error: Exception) -> str:
    """OpenVINO's messages are stacks of source lines; what matters stands at the end."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[-2:])[:400]
