"""The NPU proof: says what is missing, turns every failure into a result, and compiles where the tools are there."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from export.npu import proof


def model(path: Path) -> Path:
    """relu of 1 x 3 x 16 x 16."""
    ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 3, 16, 16]) for n in ("image", "out")]
    graph = helper.make_graph([helper.make_node("Relu", ["image"], ["out"])], "g", ports[:1], ports[1:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    return path


def test_a_missing_tool_is_named_with_the_command_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "_wine", lambda: None)
    assert "apt-get install" in str(proof.available())
    monkeypatch.setattr(proof, "_wine", lambda: "/usr/bin/true")
    monkeypatch.setattr(proof.shutil, "which", lambda name, path=None: None)
    assert "mingw" in str(proof.available())


def test_a_program_that_does_not_answer_is_a_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "_wine", lambda: "/bin/echo")
    result = proof.compile_model(tmp_path / "compile.exe", model(tmp_path / "m.onnx"), "NPU4000", tmp_path / "out.blob")
    assert not result.ok
    assert "without an answer" in result.error
    assert not (tmp_path / "out.blob").exists()


def test_the_compilers_reason_is_found_among_its_lines() -> None:
    said = "[ERROR] 02:14:15.9 [vpux-compiler] the pass failed\n" + '{"ok": false, "error": "Exception from a\\nno"}'
    result = proof._parse("NPU3720", 1, said, "")
    assert (result.ok, result.platform) == (False, "NPU3720")
    assert result.error == "[vpux-compiler] the pass failed; no"
    good = proof._parse("NPU3720", 0, '{"ok": true, "seconds": 1.5, "bytes": 9}', "")
    assert (good.ok, good.seconds, good.bytes) == (True, 1.5, 9)


@pytest.mark.parametrize("platform", proof.PLATFORMS)
def test_a_model_compiles_ahead_of_time_where_the_tools_are(platform: str, tmp_path: Path) -> None:
    if (missing := proof.available()) or not proof._openvino(proof.FOLDER).is_dir():
        pytest.skip(missing or "needs OpenVINO's Windows wheel: python -m export face --npu fetches it")
    exe = proof.build(proof.FOLDER)
    result = proof.compile_model(exe, model(tmp_path / "m.onnx"), platform, tmp_path / "out.blob")
    assert result.ok, result.error
    assert result.bytes == (tmp_path / "out.blob").stat().st_size > 0
    refused = proof.compile_model(exe, tmp_path / "m.onnx", "NPU9999", tmp_path / "no.blob")
    assert not refused.ok
    assert refused.error
