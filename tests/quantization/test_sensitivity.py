"""Sensitivity and mixed precision: the layer that int8 hurts is found, and no more than needed goes back to float."""

from __future__ import annotations

import onnx
from hypothesis import given
from hypothesis import strategies as st

from export.build import run_of
from quantization.methods.base import Scheme
from quantization.mixed import fewest_in_float
from quantization.samples import Samples
from quantization.sensitivity import Layer, scan


def test_the_layer_that_int8_hurts_comes_first(model: onnx.ModelProto, pictures: Samples) -> None:
    done: list[int] = []
    layers = scan(model, pictures, ["face"], Scheme(), run_of, lambda k, _: done.append(k))
    assert layers[0].weight == "first.weight"
    assert layers[0].error > 3 * layers[1].error
    assert {layer.weight for layer in layers} == {"first.weight", "second.weight", "third.weight", "head.weight"}
    assert done == [1, 2, 3, 4]


def test_what_the_scheme_keeps_is_not_tried(model: onnx.ModelProto, pictures: Samples) -> None:
    layers = scan(model, pictures, ["face"], Scheme(keep_float=("head.", "second.")), run_of)
    assert {layer.weight for layer in layers} == {"first.weight", "third.weight"}


@given(st.integers(0, 20), st.integers(0, 20))
def test_as_few_layers_stay_in_float_as_are_accepted(count: int, needed: int) -> None:
    layers = [Layer(f"n{k}", f"w{k}", 1.0 / (k + 1), 10) for k in range(count)]
    model, kept = fewest_in_float(layers, list, lambda nodes: len(nodes) >= needed)
    assert model == kept
    assert kept == [f"n{k}" for k in range(min(needed, count))]
