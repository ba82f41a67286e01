"""Sink: where states go. A file of this folder is one kind of destination."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from mien.types import FaceState, Frame, ImuWindow


class Sink(ABC):
    """A destination. Close it or use it as a context manager, so that nothing is lost."""

    @abstractmethod
    def __init__(self, address: str) -> None:
        """Opens it. Raises SinkError, MissingExtraError."""

    @abstractmethod
    def put(self, states: Sequence[FaceState], frame: Frame | ImuWindow | None = None) -> None:
        """Takes all faces of one frame; sinks that draw need the frame too. Raises SinkError."""

    def send(self, state: FaceState) -> None:
        """Takes one face."""
        self.put([state])

    def close(self) -> None:
        """Writes what is left and lets go of files and sockets."""

    def __enter__(self) -> Sink:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
