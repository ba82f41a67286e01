"""Session: one network loaded into one engine on one device.

A file of this folder is one engine. `select.py` chooses among them by what the bundle offers and what the machine has.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from mien.backends.worker import Worker
from mien.errors import ModelError
from mien.machine import installed

Array = npt.NDArray[Any]
NONE: Mapping[str, str] = MappingProxyType({})


class Session(ABC):
    """A loaded network. `run` may be called from several threads; weights are shared between them.

    Attributes:
        engine: the engine's name, equal to the file's name.
        extra: the pip extra that brings the engine ("" if it is part of the core).
        packages: the distributions that can bring it, for `version`.
        device: where this session really runs, in the engine's own words, e.g. ``"CPU"``.
        inputs, outputs: the engine's tensor names -> shape; unknown extents are -1.
        worker: the thread that it was loaded in and is to run in, if it has one of its own.
    """

    engine: ClassVar[str]
    extra: ClassVar[str] = ""
    packages: ClassVar[tuple[str, ...]] = ()
    device: str
    inputs: Mapping[str, tuple[int, ...]]
    outputs: Mapping[str, tuple[int, ...]]
    worker: Worker | None = None

    @classmethod
    def version(cls) -> str | None:
        """The engine's version, or None if it is not installed here."""
        return next((version for name in cls.packages if (version := installed(name))), None)

    @classmethod
    def takes(cls, place: str) -> bool:
        """Whether this names a device that `devices` need not list, such as a driver by the path of its library."""
        return False

    @classmethod
    @abstractmethod
    def devices(cls) -> tuple[str, ...]:
        """The devices that the installed engine sees. Raises MissingExtraError if it is not installed."""

    @abstractmethod
    def __init__(
        self,
        model: memoryview,
        *,
        device: str,
        threads: int,
        weights: memoryview | None = None,
        options: Mapping[str, str] = NONE,
    ) -> None:
        """Loads a model.

        Args:
            model: the blob; stays mapped while the session lives.
            device: one of `devices()`, or what `takes` accepts.
            threads: intra-op threads.
            weights: the second blob, where the engine's format has two files.
            options: the engine's own settings, as the bundle's target states them.

        Raises:
            DeviceError: the device is not there. ModelError: the engine refuses the model.
        """

    @abstractmethod
    def run(self, feeds: Mapping[str, Array], outputs: list[str]) -> list[npt.NDArray[np.float32]]:
        """Runs the network once.

        Args:
            feeds: tensor name -> array, of the shape and dtype that the network declares.
            outputs: the tensor names wanted.

        Returns:
            The outputs in the order asked for; they stay valid after the next run.

        Raises:
            ModelError: the engine failed.
        """


def refuse_options(engine: str, weights: memoryview | None, options: Mapping[str, str]) -> None:
    """For engines with one file and no settings. Raises ModelError if the target states any."""
    if weights is not None or options:
        what = f"the options {', '.join(options)}" if options else "a second file of weights"
        raise ModelError("model.options", f"{engine} does not know {what}.", "Export the bundle again.")
