"""NNCF's accuracy-aware quantization: it returns layers to float until what the network says has drifted little enough.

Accuracy here is agreement with the float network on the samples, so nobody has to know the truth. NNCF decides by one
number for all outputs; the recipe's gate, and export's own search, look at each of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, ClassVar

import numpy as np
import onnx

from quantization.methods.base import Method, Scheme
from quantization.methods.nncf_ptq import finished, ranges, run, spared, tool
from quantization.samples import Samples

Feed = dict[str, Any]


class NncfAccuracy(Method):
    """Takes and gives ONNX."""

    summary: ClassVar[str] = "NNCF with accuracy control: layers go back to float until outputs drift by 5 % at most"
    form: ClassVar[str] = "onnx"
    most_drift: ClassVar[float] = 0.05  # of an output's own spread

    def quantize(self, model: onnx.ModelProto, samples: Samples, scheme: Scheme) -> onnx.ModelProto:
        nncf = tool()

        def controlled(*args: Any, **settings: Any) -> onnx.ModelProto:
            agreement = partial(_agreement, before=_session(model), spread=_spread(model, samples))
            return nncf.quantize_with_accuracy_control(  # type: ignore[no-any-return]
                *args, **settings, validation_dataset=nncf.Dataset(list(samples)), validation_fn=agreement,
                max_drop=self.most_drift, advanced_quantization_parameters=ranges(nncf, scheme),
            )  # fmt: skip

        kept = spared(model, scheme)
        return finished(model, run(nncf, model, samples, kept, scheme.symmetric, controlled), scheme)


def _session(model: onnx.ModelProto) -> Any:
    from onnxruntime import InferenceSession

    return InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


def _spread(model: onnx.ModelProto, samples: Iterable[Feed]) -> list[float]:
    """Of each output over the samples."""
    session = _session(model)
    said = [session.run(None, feed) for feed in samples]
    return [float(np.stack(values).std()) + 1e-6 for values in zip(*said, strict=True)]


def _agreement(
    model: onnx.ModelProto, validation: Iterable[Feed], *, before: Any, spread: list[float]
) -> tuple[float, list[float]]:
    """1 - the outputs' mean distance from the float ones in units of their spread: of all samples, and of each.

    NNCF asks for all samples, or for those on which int8 does worst.
    """
    session = _session(model)
    each = [
        1 - float(np.mean([np.abs(now - then).mean() / s for now, then, s in zip(*pair, spread, strict=True)]))
        for pair in ((session.run(None, feed), before.run(None, feed)) for feed in validation)
    ]
    return float(np.mean(each)), each
