"""From a trained network to a member of a bundle: ONNX with weights stored in half, checked against torch."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from export.graph import difference, halved, session, trace
from training.errors import TrainingError


def to_onnx(
    module: nn.Module,
    examples: Sequence[Tensor],
    inputs: Sequence[str],
    outputs: Sequence[str],
    tolerance: float,
    whole: Sequence[str] = (),
) -> tuple[bytes, float]:
    """Exports with static shapes and half-size weights.

    Args:
        module: in eval mode, folded; returns a tuple of tensors in the order of `outputs`.
        whole: parts of the names of weights that stay float32, because sums of them cancel.
        tolerance: the largest difference from torch that is accepted, each output in units of its own largest value, or
            of 1 where that is less.

    Returns:
        The model, and the difference measured on the examples.

    Raises:
        TrainingError: `export.parity`, the exported model gives other numbers.
    """
    model = halved(trace(module, examples, inputs, outputs), whole)
    with torch.no_grad():
        expected = [value.numpy() for value in module(*examples)]
    data = model.SerializeToString()
    got = session(data).run(list(outputs), dict(zip(inputs, (example.numpy() for example in examples), strict=True)))
    worst = difference(got, expected)
    if not worst <= tolerance:
        raise TrainingError("export.parity", f"ONNX Runtime differs from torch by {worst:.2e}.", "")
    return data, worst


def targets(blob: str, ports: Sequence[str]) -> list[dict[str, Any]]:
    """What runs a float ONNX member whose tensors are called as the ports: one file serves both engines."""
    tensors = {port: port for port in ports}
    return [
        {"engine": engine, "precision": "fp32", "blob": blob, "tensors": tensors}
        for engine in ("onnxruntime", "openvino")
    ]


def digest(data: bytes) -> str:
    """SHA-256 as hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def licence() -> dict[str, Any]:
    """The licence section of a default bundle's manifest."""
    return {"spdx": "Apache-2.0", "source": "trained by this project on its own renders"}
