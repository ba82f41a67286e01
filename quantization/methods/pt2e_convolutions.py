"""PT2E for ExecuTorch, convolutions alone: dense layers stay in float."""

from __future__ import annotations

from typing import ClassVar

from quantization.methods.pt2e import Pt2e


class Pt2eConvolutions(Pt2e):
    """For networks whose heads do not bear int8."""

    summary: ClassVar[str] = "torch PT2E, convolutions alone, for ExecuTorch"
    dense: ClassVar[bool] = False
