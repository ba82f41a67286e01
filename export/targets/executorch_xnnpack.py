"""ExecuTorch on phones, float: a .pte program for the XNNPACK kernels."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import torch
from mien.errors import MissingExtraError

from export.errors import ExportError
from export.graph import reason
from export.targets.base import Artifacts, Built, Target

_ALIGNED = 16  # bytes, what its kernels ask for; its own 128 is for files that are mapped


class ExecutorchXnnpack(Target):
    summary: ClassVar[str] = "ExecuTorch, XNNPACK, float32"
    engine: ClassVar[str] = "executorch"
    precision: ClassVar[str] = "fp32"
    packages: ClassVar[dict[str, str]] = {"executorch": "executorch"}
    needs: ClassVar[str] = "torch"
    rank: ClassVar[int] = 45

    @classmethod
    def build(cls, artifacts: Artifacts) -> Built:
        blob = f"executorch/{artifacts.network}.pte"
        data = artifacts.kept(f"{artifacts.network}.pte", lambda: lowered(program(artifacts)))
        return Built({blob: data}, blob, tensors_of(artifacts))


def program(artifacts: Artifacts) -> Any:
    """The module as an exported program. Raises ExportError for models that did not come as torch."""
    recipe = artifacts.recipe
    if recipe.module is None:
        raise ExportError(
            "export.source", f"{recipe.name} did not come as torch, which ExecuTorch reads.", "Export it from torch."
        )
    try:
        return torch.export.export(recipe.module, tuple(recipe.inputs.values()))
    except Exception as error:
        raise ExportError("export.trace", f"torch cannot trace the module: {reason(error)}", "") from error


def lowered(exported: Any) -> bytes:
    """The program with all that XNNPACK takes handed to it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what it deprecates itself while it is imported
            from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
            from executorch.exir import ExecutorchBackendConfig, to_edge_transform_and_lower
    except ImportError as error:
        raise MissingExtraError("export", "executorch", "Exporting to ExecuTorch") from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            edge = to_edge_transform_and_lower(exported, partitioner=[XnnpackPartitioner()])
            return bytes(edge.to_executorch(ExecutorchBackendConfig(segment_alignment=_ALIGNED)).buffer)
        except Exception as error:
            raise ExportError("export.target", f"ExecuTorch cannot lower the program: {reason(error)}", "") from error


def tensors_of(artifacts: Artifacts) -> dict[str, str]:
    """Logical name -> the names that the runtime gives a program's tensors: by position."""
    recipe = artifacts.recipe
    return {name: f"input_{k}" for k, name in enumerate(recipe.inputs)} | {
        name: f"output_{k}" for k, name in enumerate(recipe.outputs)
    }
