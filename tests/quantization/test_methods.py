"""Every method: what it gives runs in its engine and says nearly what the float network says."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from torch import nn

from export.build import run_of
from export.plugins import find, names
from quantization.errors import QuantizationError
from quantization.methods.base import Method, Scheme
from quantization.methods.qat import Qat, Torch
from quantization.samples import Run, Samples, answers

ONNX = [name for name in names("quantization.methods") if find("quantization.methods", name, Method).form == "onnx"]


def made(name: str, model: onnx.ModelProto, samples: Samples, scheme: Scheme) -> onnx.ModelProto:
    out = find("quantization.methods", name, Method)().quantize(model, samples, scheme)
    assert isinstance(out, onnx.ModelProto)
    return out


def test_there_are_methods_for_each_form() -> None:
    forms = Counter(find("quantization.methods", name, Method).form for name in names("quantization.methods"))
    assert set(forms) == {"onnx", "module", "tflite", "torch"}
    assert forms["onnx"] >= 2


@pytest.mark.parametrize("name", ONNX)
def test_it_says_nearly_what_float_says(name: str, model: onnx.ModelProto, run: Run, pictures: Samples) -> None:
    before = model.SerializeToString()
    small = made(name, model, pictures.rows(np.arange(100)), Scheme(keep_float=("first.",)))
    assert model.SerializeToString() == before, "the float model is left as it is"
    a, b = (answers(r, pictures.rows(np.arange(100, 200)), ["face"])["face"] for r in (run, run_of(small)))
    for column in range(3):
        assert np.corrcoef(a[:, column], b[:, column])[0, 1] > 0.97


@pytest.mark.parametrize("name", ONNX)
def test_what_the_scheme_keeps_stays_in_float(name: str, model: onnx.ModelProto, pictures: Samples) -> None:
    small = made(name, model, pictures.rows(np.arange(100)), Scheme(keep_float=("second.", "head.")))
    quantized = {node.input[0] for node in small.graph.node if node.op_type == "DequantizeLinear"}
    assert any("third" in tensor for tensor in quantized)
    assert not any("second" in tensor or "head" in tensor for tensor in quantized)


@pytest.mark.parametrize("name", ONNX)
def test_symmetric_means_signed_with_zero_points_of_zero(name: str, model: onnx.ModelProto, pictures: Samples) -> None:
    from export.targets.jetson_trt_int8 import check_explicit

    small = made(name, model, pictures.rows(np.arange(100)), Scheme(symmetric=True))
    check_explicit(small)
    held = {weight.name: numpy_helper.to_array(weight) for weight in small.graph.initializer}
    zeros = [held[n.input[2]] for n in small.graph.node if n.op_type == "QuantizeLinear" and len(n.input) > 2]
    assert zeros
    assert all(zero.dtype == np.int8 and not zero.any() for zero in zeros)


@pytest.mark.parametrize("name", ONNX)
def test_a_model_that_does_not_run_on_the_samples_is_refused(
    name: str, model: onnx.ModelProto, pictures: Samples
) -> None:
    wrong = Samples({"image": pictures.feeds["image"][:, :, :16]})
    with pytest.raises(QuantizationError) as caught:
        made(name, model, wrong, Scheme())
    assert caught.value.code == "quantization.failed"


class Untaught(Qat):
    """The same quantizers, and no training."""

    epochs = 0


# The exporter that NNCF needs leaves a pool of threads to the collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_training_in_int8_comes_nearer_to_float(module: nn.Module, run: Run, pictures: Samples) -> None:
    few, others = pictures.rows(np.arange(100)), pictures.rows(np.arange(100, 200))
    model = Torch(module, ["image"], ["face"])
    taught, untaught = (kind().quantize(model, few, Scheme()) for kind in (Qat, Untaught))
    said, a, b = (answers(r, others, ["face"])["face"] for r in (run, run_of(untaught), run_of(taught)))
    assert np.abs(b - said).mean() < np.abs(a - said).mean()
    held = {weight.name: weight.data_type for weight in taught.graph.initializer}
    weights = [n.input[0] for n in taught.graph.node if n.op_type == "DequantizeLinear" and n.input[0] in held]
    assert len(weights) >= 3
    assert {held[name] for name in weights} == {onnx.TensorProto.INT8}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_training_in_int8_leaves_the_module_as_it_was(module: nn.Module, pictures: Samples) -> None:
    before = {name: value.clone() for name, value in module.state_dict().items()}
    Qat().quantize(Torch(module, ["image"], ["face"]), pictures.rows(np.arange(100)), Scheme(keep_float=("head.",)))
    assert module.state_dict().keys() == before.keys()
    for name, value in module.state_dict().items():
        assert (value == before[name]).all()


def test_a_torch_program_keeps_in_float_what_the_scheme_names(module: nn.Module, pictures: Samples) -> None:
    pytest.importorskip("executorch")
    exported = torch.export.export(module, (torch.rand(1, 3, 32, 32),))

    def in_int8(keep: tuple[str, ...]) -> int:
        small = find("quantization.methods", "pt2e", Method)().quantize(
            exported, pictures.rows(np.arange(8)), Scheme(keep_float=keep)
        )
        return sum(value.numel() for value in small.state_dict.values() if value.dtype == torch.int8)

    weights = {name: weight.numel() for name, weight in module.named_parameters() if weight.ndim > 1}
    assert in_int8(()) == sum(weights.values())
    assert in_int8(("second.", "head.")) == weights["first.weight"] + weights["third.weight"]
