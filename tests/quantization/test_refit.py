"""Refit: heads that stay in float say again what they said in front of float layers."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from export.build import run_of
from quantization.refit import refit
from quantization.samples import Run, Samples, answers


def changed(model: onnx.ModelProto, name: str, factor: float, shift: float) -> onnx.ModelProto:
    """The model with one layer that says something else, as rounding would have it."""
    out = onnx.ModelProto()
    out.CopyFrom(model)
    for weight in out.graph.initializer:
        if weight.name.startswith(name):
            values = numpy_helper.to_array(weight) * np.float32(factor)
            values = values + np.float32(shift) if weight.name.endswith("bias") else values
            weight.CopyFrom(numpy_helper.from_array(values, weight.name))
    return out


def is_head(node: onnx.NodeProto) -> bool:
    return any("head" in name for name in node.input)


def off(run: Run, other: Run, pictures: Samples) -> float:
    a, b = (answers(each, pictures, ["face"])["face"] for each in (run, other))
    return float(np.abs(a - b).mean() / a.std())


def test_a_head_behind_a_narrowed_layer_says_what_it_said(model: onnx.ModelProto, run: Run, pictures: Samples) -> None:
    narrowed = changed(model, "third", 0.8, 0.01)
    fitted = refit(narrowed, model, pictures, is_head, run_of)
    before, after = (off(run, run_of(each), pictures) for each in (narrowed, fitted))
    assert after < before / 3


def test_nothing_but_heads_is_touched(model: onnx.ModelProto, pictures: Samples) -> None:
    narrowed = changed(model, "third", 0.8, 0.01)
    fitted = refit(narrowed, model, pictures, is_head, run_of)
    for was, now in zip(narrowed.graph.initializer, fitted.graph.initializer, strict=True):
        same = np.array_equal(numpy_helper.to_array(was), numpy_helper.to_array(now))
        assert same == ("head" not in was.name), was.name
    assert [node.op_type for node in fitted.graph.node] == [node.op_type for node in narrowed.graph.node]


def test_a_head_that_is_right_stays(model: onnx.ModelProto, run: Run, pictures: Samples) -> None:
    assert off(run, run_of(refit(model, model, pictures, is_head, run_of)), pictures) < 1e-5


def test_a_channel_that_lost_half_its_range_is_left_for_the_gate(model: onnx.ModelProto, pictures: Samples) -> None:
    lost = changed(model, "head", 0.5, 0)
    fitted = refit(lost, model, pictures, is_head, run_of)
    spread = [answers(run_of(each), pictures, ["face"])["face"].std(0) for each in (lost, fitted)]
    np.testing.assert_allclose(spread[1], spread[0], rtol=1e-4)


@pytest.mark.parametrize("named", [lambda node: False, lambda node: node.op_type == "Relu"])
def test_a_model_without_heads_is_given_back(model: onnx.ModelProto, pictures: Samples, named: object) -> None:
    fitted = refit(model, model, pictures, named, run_of)  # type: ignore[arg-type]
    assert [w.raw_data for w in fitted.graph.initializer] == [w.raw_data for w in model.graph.initializer]
