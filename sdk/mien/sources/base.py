"""Source: where frames, and samples of sensors, come from.

A file of this folder is one kind of source. `select.open_source` turns an address (path, number, `kind:...`) into one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from mien.types import Frame, ImuWindow


class Source(ABC):
    """An origin of frames in increasing time.

    Attributes:
        live: frames come by the clock, whether or not somebody reads (default drop policy ``"oldest"``).
        continuous: every piece goes on from the one before, so the default drop policy is ``"block"``.
        independent: every frame is a picture of its own; nothing is tracked from one to the next.
    """

    live: ClassVar[bool] = False
    continuous: ClassVar[bool] = False
    independent: ClassVar[bool] = False

    @classmethod
    @abstractmethod
    def accepts(cls, address: str) -> bool:
        """Whether `address` is one of this kind. Looks at the text only, or at the first bytes of a file."""

    @abstractmethod
    def __init__(self, address: str) -> None:
        """Opens it. Raises SourceError, MissingExtraError."""

    @abstractmethod
    def read(self) -> Frame | ImuWindow | None:
        """The next frame or window of samples, or None at the end. Blocks for live sources. Raises SourceError."""

    def close(self) -> None:
        """Lets go of devices and files; a read in another thread ends."""

    def length(self) -> int | None:
        """The number of frames, where it is known beforehand."""
        return None
