"""What training raises."""

from __future__ import annotations

from mien.errors import MienError


class TrainingError(MienError):
    """Assets, data sets, checkpoints or settings that cannot be used as they are."""
