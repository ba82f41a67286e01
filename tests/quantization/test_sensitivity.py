"""Sensitivity: the layer that int8 hurts is found."""

from __future__ import annotations

import onnx

from export.build import run_of
from quantization.methods.base import Scheme
from quantization.samples import Samples
from quantization.sensitivity import scan


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
