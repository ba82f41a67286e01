"""Task: one capability, from a frame to FaceStates.

A file of this folder is one task, named as in the manifest's `task` field. A task holds what all streams share (the
sessions); what belongs to one stream (tracks, filters, buffers) lives in the object that `new_stream` returns.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from mien.bundle import Bundle
from mien.errors import InputError, MienError
from mien.filters.base import Filter
from mien.imu import ImuCalibration
from mien.profiler import Profiler
from mien.tasks._loader import Loader
from mien.types import F32, FaceState, Frame, ImuWindow


class Task(ABC):
    """One capability of the SDK.

    Attributes:
        name: the file's name and the manifest's `task`.
        takes: what goes in, Frame or ImuWindow.
        example: the address of a source to try it with; "": the film that comes with mien.
        continuous: each input goes on from the one before, so none is left out to keep a budget or a queue short.
        filters: what the bundle itself wants to be done to the coefficients, where the caller asks for nothing else.
    """

    name: ClassVar[str]
    takes: ClassVar[type] = Frame
    example: ClassVar[str] = ""
    continuous: ClassVar[bool] = False
    filters: Sequence[Filter] = ()

    @abstractmethod
    def __init__(
        self, bundle: Bundle, load: Loader, *, max_faces: int = 1, tracking: bool = True, smoothing: bool = True
    ) -> None:
        """Reads the task's section of the manifest and loads its networks.

        Args:
            load: loads one network by name.
            max_faces: how many faces to follow.
            tracking: False treats every frame as a picture of its own.
            smoothing: whether to use the landmark filter that the bundle brings.

        Raises:
            BundleError: the section is missing or wrong. ModelError, DeviceError: a network does not load.
        """

    @abstractmethod
    def new_stream(self) -> Any:
        """Fresh state for one stream of frames."""

    @abstractmethod
    def process(self, frame: Any, stream: Any, profiler: Profiler) -> list[FaceState]:
        """The faces of one frame, the longest-followed first; empty if there is none. Raises MienError."""

    def set_neutral(self, stream: Any, neutral: F32 | None) -> None:
        """Tells a stream what its user looks like at rest: the mean raw embedding (D,); None forgets it.

        Raises:
            InputError: the bundle has no use for it, or it has another shape.
        """
        if neutral is not None:
            raise InputError("neutral.unsupported", "This bundle takes no neutral embedding.", "Leave it out.")

    def calibrate(self, stream: Any, still: ImuWindow, motion: ImuWindow | None) -> ImuCalibration:
        """Measures how sensors are worn, and uses it. Raises InputError, also where the bundle has no sensors."""
        raise _no_sensors()

    def set_calibration(self, stream: Any, calibration: ImuCalibration | None) -> None:
        """Gives a stream what was measured before. Raises InputError as `calibrate`."""
        if calibration is not None:
            raise _no_sensors()

    def calibration(self, stream: Any) -> ImuCalibration | None:
        """What a stream knows of its sensors, or None."""
        return None

    def sensors(self, stream: Any) -> dict[str, str]:
        """Sensor -> how it does; empty where pictures go in."""
        return {}


def _no_sensors() -> MienError:
    return InputError("calibration.unsupported", "This bundle has no sensors to calibrate.", "Open `imu`.")
