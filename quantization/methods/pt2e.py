"""PT2E for ExecuTorch: torch's own quantization with the XNNPACK quantizer.

Convolutions have static ranges, dense layers take theirs anew in every run. What stays in float is named by its weight:
the module's path and ".weight".
"""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import numpy as np
import torch
from mien.errors import MissingExtraError

from quantization.errors import QuantizationError
from quantization.methods.base import Method, Scheme
from quantization.samples import Samples

_MOST = 64  # samples: its observers take half a second for each


class Pt2e(Method):
    """Takes a module and example inputs as `torch.export.ExportedProgram`, gives the program in int8."""

    summary: ClassVar[str] = "torch PT2E with the XNNPACK quantizer, for ExecuTorch"
    form: ClassVar[str] = "torch"

    def quantize(self, model: Any, samples: Samples, scheme: Scheme) -> Any:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what it deprecates itself while it is imported
                from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (
                    XNNPACKQuantizer,
                    get_symmetric_quantization_config,
                )
                from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
        except ImportError as error:
            raise MissingExtraError("export", "executorch", "Quantizing for ExecuTorch") from error
        quantizer = XNNPACKQuantizer()
        static = get_symmetric_quantization_config(is_per_channel=True)
        quantizer.set_operator_type(torch.ops.aten.conv2d.default, static)
        dynamic = get_symmetric_quantization_config(is_per_channel=True, is_dynamic=True)
        quantizer.set_operator_type(torch.ops.aten.linear.default, dynamic)
        quantizer.set_filter_function(lambda node: not _keeps(node, scheme))
        examples = model.example_inputs[0]
        try:
            with warnings.catch_warnings(), torch.no_grad():
                warnings.simplefilter("ignore")
                prepared = prepare_pt2e(model.module(), quantizer)
                for feed in samples.rows(np.linspace(0, len(samples) - 1, min(_MOST, len(samples))).astype(int)):
                    prepared(*(torch.from_numpy(value) for value in feed.values()))
                return torch.export.export(convert_pt2e(prepared), examples)
        except Exception as error:
            raise QuantizationError(
                "quantization.failed", f"PT2E cannot quantize the model: {error}", "Try another target."
            ) from error


def _keeps(node: torch.fx.Node, scheme: Scheme) -> bool:
    """Whether a node's module stays in float."""
    modules = list((node.meta.get("nn_module_stack") or {}).values())
    weight = f"{modules[-1][0]}.weight" if modules else ""
    return any(part in weight for part in scheme.keep_float)
