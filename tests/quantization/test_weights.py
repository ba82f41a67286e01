"""Weights alone in int8: a quarter of the room, half a step of error, and the same graph otherwise."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from quantization.weights import weights_only


def gemm(weight: np.ndarray, turned: int) -> onnx.ModelProto:  # type: ignore[type-arg]
    inputs, outputs = weight.shape[::-1] if turned else weight.shape
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["x", "w"], ["y"], name="dense", transB=turned)],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, inputs])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, outputs])],
        [numpy_helper.from_array(weight, "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


@settings(max_examples=25)
@given(st.integers(0, 1000), st.integers(0, 1))
def test_every_weight_is_off_by_half_a_step_at_most(seed: int, turned: int) -> None:
    weight = np.random.default_rng(seed).normal(0, 1, (40, 60)).astype(np.float32)
    small = weights_only(gemm(weight, turned), {"w"})
    held = {w.name: numpy_helper.to_array(w) for w in small.graph.initializer}
    axis = 0 if turned else 1
    scale = held["w_scale"].reshape((-1, 1) if axis == 0 else (1, -1))
    assert held["w_scale"].shape == (weight.shape[axis],)
    assert np.abs(held["w_int8"] * scale - weight).max() <= scale.max() / 2 + 1e-7


def test_the_engine_gives_nearly_the_same(model: onnx.ModelProto) -> None:
    import onnxruntime

    small = weights_only(model, {w.name for w in model.graph.initializer})
    image = np.random.default_rng(0).random((1, 3, 32, 32)).astype(np.float32)
    a, b = (
        onnxruntime.InferenceSession(m.SerializeToString(), providers=["CPUExecutionProvider"]).run(
            None, {"image": image}
        )
        for m in (model, small)
    )
    np.testing.assert_allclose(a[0], b[0], atol=0.02 * np.abs(a[0]).max())
    assert np.abs(a[0] - b[0]).max() > 0


@pytest.mark.parametrize("names", [set(), {"nobody"}, {"w"}])
def test_what_is_not_named_or_too_small_stays(names: set[str]) -> None:
    weight = np.ones((10, 10), np.float32)
    assert [n.op_type for n in weights_only(gemm(weight, 0), names).graph.node] == ["Gemm"]
