"""A network between pixels and numbers: prepares its inputs natively, runs it, and hands out outputs by logical name.

`LoadedNetwork` is shared by all streams; each stream owns a `Runner` with its input buffers, which are written in place
frame after frame.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mien import _native
from mien.backends.base import Session
from mien.backends.select import Choice
from mien.errors import BundleError, ModelError
from mien.manifest import ImageInput, Network, Port, Target
from mien.profiler import Profiler

Affine = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LoadedNetwork:
    """A network's description and the session that runs it."""

    network: Network
    target: Target
    session: Session
    choice: Choice

    def image_input(self) -> tuple[Port, ImageInput]:
        """The one input that takes pixels. Raises BundleError if there is not exactly one."""
        found = [(port, port.image) for port in self.network.inputs.values() if port.image is not None]
        if len(found) != 1:
            raise BundleError(
                "manifest.field", f"Network {self.network.name!r} has {len(found)} image inputs, expected one.", ""
            )
        return found[0]

    def output(self, name: str) -> Port:
        """One output's description. Raises BundleError if the manifest lacks it."""
        try:
            return self.network.outputs[name]
        except KeyError:
            raise BundleError(
                "manifest.field", f"Network {self.network.name!r} needs an output named {name!r}.", ""
            ) from None


class Runner:
    """One stream's use of a network."""

    def __init__(self, loaded: LoadedNetwork) -> None:
        self._loaded = loaded
        tensors = loaded.target.tensors
        self._buffers = {name: np.zeros(p.shape, p.dtype) for name, p in loaded.network.inputs.items()}
        self._feeds = {tensors[name]: buffer for name, buffer in self._buffers.items()}
        self._names = list(loaded.network.outputs)
        self._wanted = [tensors[name] for name in self._names]
        self._shapes = [port.shape for port in loaded.network.outputs.values()]
        self._specs = {name: spec(port, port.image) for name, port in loaded.network.inputs.items() if port.image}

    def buffer(self, name: str) -> npt.NDArray[Any]:
        """The input array of that name, to be written before `run`."""
        return self._buffers[name]

    def prepare(self, name: str, image: _native.Image, affine: Affine) -> None:
        """Samples the frame into an image input; `affine` maps tensor pixels to frame pixels."""
        _native.image_to_tensor(image, affine, self._specs[name], self._buffers[name])

    def run(self, profiler: Profiler) -> Mapping[str, npt.NDArray[np.float32]]:
        """Runs the network; returns its outputs by logical name.

        Raises:
            ModelError: the engine failed, or gave other shapes than the manifest promises, no float32, or NaN.
        """
        with profiler.stage("run"):
            results = self._loaded.session.run(self._feeds, self._wanted)
        for name, result, shape in zip(self._names, results, self._shapes, strict=True):
            if result.shape != shape:
                raise ModelError(
                    "model.shape",
                    f"Output {name!r} of {self._loaded.network.name!r} came as {result.shape}, promised {shape}.",
                    "Import the model again.",
                )
            if result.dtype != np.float32:
                raise ModelError(
                    "model.dtype",
                    f"Output {name!r} of {self._loaded.network.name!r} is {result.dtype}, expected float32.",
                    "Export the model with float32 outputs.",
                )
            # The sum of squares is finite only if every value is; a quarter of the time of np.isfinite().all().
            if not math.isfinite(np.vdot(result, result)):
                raise ModelError(
                    "model.not_finite",
                    f"Output {name!r} of {self._loaded.network.name!r} holds NaN, infinity or values beyond 1e19.",
                    "Try another engine or precision of this bundle.",
                )
        return dict(zip(self._names, results, strict=True))


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
