"""What quantization raises."""

from __future__ import annotations

from mien.errors import MienError


class QuantizationError(MienError):
    """A calibration set, method or model that cannot be quantized as it is, or a result that the gate refuses."""
