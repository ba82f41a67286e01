"""Bridges short gaps: a coefficient that is not valid keeps its last valid value for a while."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mien import _native
from mien._checks import within
from mien.errors import InputError
from mien.filters.base import Filter
from mien.types import FaceState


class Hold(Filter):
    """Keeps the last valid value of each coefficient for `seconds`; a state that it bridges is marked stale."""

    def __init__(self, seconds: float = 0.3) -> None:
        if not within(seconds, 0, 1e6):
            raise InputError("filter.setting", f"Cannot hold for {seconds!r} seconds.", "Give 0 or more.")
        self._seconds = seconds
        self._filter: _native.Hold | None = None
        self._count = 0

    def fresh(self) -> Hold:
        return Hold(self._seconds)

    def apply(self, state: FaceState) -> FaceState:
        if self._filter is None or self._count != len(state.values):
            self._count = len(state.values)
            self._filter = _native.Hold(self._count, int(self._seconds * 1e9))
        values, valid = np.empty_like(state.values), np.empty_like(state.valid)
        self._filter.apply(state.t_ns, state.values, state.valid, values, valid)
        bridged = bool((valid & ~state.valid).any())
        return replace(state, values=values, valid=valid, stale=state.stale or bridged)
