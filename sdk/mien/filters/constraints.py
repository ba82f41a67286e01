"""Anatomy as inequalities: a mouth cannot be closed further than the jaw is open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mien import _native
from mien.errors import InputError
from mien.filters.base import Filter
from mien.types import FaceState

# ARKit defines mouthClose relative to jawOpen: lips meeting in spite of an open jaw.
DEFAULT = (("mouthClose", "jawOpen"),)


class Constraints(Filter):
    """Clamps valid values to 0..1 and enforces `lower <= upper` for each pair of ARKit names, by lowering the first.

    Raises:
        InputError: not pairs of names. LayoutError: on `apply`, if the state's layout has no such name.
    """

    def __init__(self, pairs: Sequence[tuple[str, str]] = DEFAULT) -> None:
        try:
            self._pairs = tuple((low, high) for low, high in pairs)
        except (TypeError, ValueError) as error:
            raise InputError(
                "filter.setting", f"{pairs!r:.200} are no pairs of names.", 'Give [("mouthClose", "jawOpen")].'
            ) from error

    def fresh(self) -> Constraints:
        return Constraints(self._pairs)

    def apply(self, state: FaceState) -> FaceState:
        lower = np.array([state.layout.index(low) for low, _ in self._pairs], np.int32)
        upper = np.array([state.layout.index(high) for _, high in self._pairs], np.int32)
        values = state.values.copy()
        _native.constrain(values, state.valid, 0.0, 1.0, lower, upper)
        return replace(state, values=values)
