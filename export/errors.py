"""What export raises."""

from __future__ import annotations

from mien.errors import MienError


class ExportError(MienError):
    """A model, target or setting that cannot be exported as it is; nothing was written."""
