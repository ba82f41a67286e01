"""Filter: changes the values of a FaceState, with memory of one face's past.

A pipeline keeps one fresh copy of each filter per face. `raw` always stays what the model said.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from mien.types import FaceState


class Filter(ABC):
    """One step behind the model."""

    @abstractmethod
    def fresh(self) -> Filter:
        """The same filter without memory, for another face."""

    @abstractmethod
    def apply(self, state: FaceState) -> FaceState:
        """The filtered state; must not change the arrays of the given one. Raises TimestampError."""
