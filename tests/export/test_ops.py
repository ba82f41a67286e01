"""Tables of operators: each names its source, and a graph that asks for more is told what and where."""

from __future__ import annotations

import pytest

from export.ops import support, table, tables


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
