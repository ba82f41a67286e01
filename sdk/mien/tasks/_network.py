"""A network between pixels and numbers: prepares its inputs natively, runs it, and hands out outputs by logical name.

`Running` is shared by all streams; each stream owns a `Runner` with its input buffers, which are written in place frame
after frame.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from mien import _native
from mien.backends.running import Running
from mien.manifest import ImageInput, Port
from mien.profiler import Profiler

Affine = npt.NDArray[np.float64]


class Runner:
    """One stream's use of a network."""

    def __init__(self, running: Running) -> None:
        self._running = running
        ports = running.network.inputs
        self._buffers = {name: np.zeros(port.shape, port.dtype) for name, port in ports.items()}
        self._specs = {name: spec(port, port.image) for name, port in ports.items() if port.image}

    def buffer(self, name: str) -> npt.NDArray[Any]:
        """The input array of that name, to be written before `run`."""
        return self._buffers[name]

    def prepare(self, name: str, image: _native.Image, affine: Affine) -> None:
        """Samples the frame into an image input; `affine` maps tensor pixels to frame pixels."""
        _native.image_to_tensor(image, affine, self._specs[name], self._buffers[name])

    def run(self, profiler: Profiler) -> Mapping[str, npt.NDArray[np.float32]]:
        """Runs the network; returns its outputs by logical name. Raises ModelError as `Running.run`."""
        with profiler.stage("run"):
            return self._running.run(self._buffers)


def spec(port: Port, image: ImageInput) -> _native.TensorSpec:
    """The native description of an image input."""
    height, width = port.shape[2:] if image.layout == "nchw" else port.shape[1:3]
    return _native.TensorSpec(
        width,
        height,
        port.dtype,
        image.layout,
        image.color,
        image.border,
        list(image.scale),
        list(image.bias),
        image.quant_scale,
        image.quant_zero,
        image.sampling,
    )
