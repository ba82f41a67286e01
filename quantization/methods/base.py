"""Method: one way from a float model to an int8 model. A file of this folder is one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, ClassVar

from quantization.samples import Samples


@dataclass(frozen=True)
class Scheme:
    """What an engine wants of an int8 model.

    Attributes:
        symmetric: zero points of activations are 0 (signed int8), as TensorRT wants it; else unsigned and free.
        keep_float: names of nodes that stay in float, or parts of names of weights: whatever contains one.
    """

    symmetric: bool = False
    keep_float: Collection[str] = field(default_factory=tuple)


class Method(ABC):
    """A way of quantizing.

    Attributes:
        summary: one line for the command line's help.
        form: of the models it takes and gives: ``"onnx"`` (ModelProto), ``"openvino"`` (Model), ``"tflite"`` (bytes),
            ``"torch"`` (exported program), ``"module"`` (nn.Module in, ONNX out).
    """

    summary: ClassVar[str]
    form: ClassVar[str]

    @abstractmethod
    def quantize(self, model: Any, samples: Samples, scheme: Scheme) -> Any:
        """The int8 model; `model` is left as it is.

        Raises:
            MissingExtraError: the tool is not installed. QuantizationError: it refuses the model.
        """
