"""Tables of operators: each names its source, and a graph that asks for more is told what and where."""

from __future__ import annotations

import pytest

from export.errors import ExportError
from export.ops import support, table, tables
from export.prove import supported
from export.targets.base import Built
from export.targets.jetson_trt_fp16 import JetsonTrtFp16
from export.targets.litert_cpu import LiteRtCpu


@pytest.mark.parametrize("name", tables())
def test_a_table_says_what_it_is_and_where_it_is_from(name: str) -> None:
    fields = table(name)
    assert fields["graph"] in ("onnx", "openvino", "tflite")
    assert fields["source"].startswith("https://")
    assert len(fields["supported"]) > 20
    assert not fields["supported"].keys() & fields["unsupported"].keys()


def test_there_is_a_table_for_each_kind_of_device() -> None:
    assert set(tables()) == {"tensorrt", "openvino_npu", "litert_gpu", "nnapi", "coreml"}


def test_known_operators_are_taken() -> None:
    found = support("tensorrt", {"Conv": ["a", "b"], "Relu": ["c"]})
    assert (found.nodes, found.supported, dict(found.refused)) == (3, 3, {})


def test_what_the_target_refuses_is_named_with_its_nodes_and_advice() -> None:
    operator, advice = next(iter(table("tensorrt")["unsupported"].items()))
    found = support("tensorrt", {"Conv": ["a"], operator: ["the odd one"]})
    assert (found.nodes, found.supported) == (2, 1)
    assert found.refused[operator] == (["the odd one"], advice)
    assert found.as_json()["refused"][operator]["nodes"] == ["the odd one"]


def test_what_nobody_heard_of_is_refused_too() -> None:
    assert "Frobnicate" in support("coreml", {"Frobnicate": ["x"]}).refused


def test_what_has_nowhere_else_to_run_is_an_error_that_names_the_layer() -> None:
    """TensorRT and the NPU cannot leave an operator to the CPU; LiteRT's delegates can, and the report says so."""
    operator = next(iter(table("tensorrt")["unsupported"]))
    made = Built({"m": b""}, "m", {}, operators={"Conv": ["a"], operator: ["the odd one"]})
    with pytest.raises(ExportError, match="the odd one") as caught:
        supported(JetsonTrtFp16, made)
    assert caught.value.code == "export.operators"
    assert operator in caught.value.message
    left = next(iter(table("litert_gpu")["unsupported"]))
    found = supported(LiteRtCpu, Built({"m": b""}, "m", {}, operators={left: ["the slow one"]}))
    assert found.refused[left][0] == ["the slow one"]
