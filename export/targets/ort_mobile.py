"""ONNX Runtime on phones: the ORT format that mobile builds load, and what their delegates would take."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, ClassVar

from export.errors import ExportError
from export.targets.base import Artifacts, Built, Target


class OrtMobile(Target):
    summary: ClassVar[str] = "ONNX Runtime Mobile, ORT format, float32"
    engine: ClassVar[str] = "onnxruntime"
    precision: ClassVar[str] = "fp32"
    table: ClassVar[str] = "coreml"
    rank: ClassVar[int] = 40

    @classmethod
    def build(cls, artifacts: Artifacts) -> Built:
        _, data = artifacts.float_blob()
        blob = f"ort/{artifacts.network}.ort"
        with tempfile.TemporaryDirectory(prefix="mien-") as folder:
            path = Path(folder) / "model.onnx"
            path.write_bytes(data)
            notes = {"usability": _usability(path)}
            return Built(
                {blob: _converted(path)}, blob, artifacts.same_names(), notes=notes, operators=artifacts.operators()
            )


def _converted(path: Path) -> bytes:
    """The model in ORT format, optimised only in ways that every processor understands."""
    import onnxruntime

    target = path.with_suffix(".ort")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(target)
    options.add_session_config_entry("session.save_model_format", "ORT")
    try:
        onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ExportError("export.target", f"ONNX Runtime cannot write the ORT format: {error}", "") from error
    return target.read_bytes()


def _usability(path: Path) -> dict[str, Any]:
    """What ONNX Runtime's own check says of NNAPI and Core ML: how many nodes they take, in how many pieces."""
    import onnx
    from onnxruntime.tools.mobile_helpers import usability_checker as checker

    model = onnx.shape_inference.infer_shapes(onnx.load(path))
    found = {
        "NNAPI": checker.check_nnapi_partitions(model, True),
        "Core ML": checker.check_coreml_partitions(model, True, "coreml_supported_mlprogram_ops.md"),
    }
    return {
        name: {
            "nodes": info.num_nodes,
            "taken": info.num_supported_nodes,
            "pieces": info.num_partitions,
            "judged": info.suitability().name,
        }
        for name, info in found.items()
    }
