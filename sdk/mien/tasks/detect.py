"""Task `detect`: where the faces are. Boxes, scores and the detector's few points; no coefficients."""

from __future__ import annotations

from typing import ClassVar

from mien.bundle import Bundle
from mien.profiler import Profiler
from mien.tasks._following import Followed, Following
from mien.tasks._loader import Loader
from mien.tasks.base import Task
from mien.types import FaceState, Frame


class DetectTask(Task):
    """Finds faces in every frame; ids follow boxes that overlap from frame to frame."""

    name: ClassVar[str] = "detect"

    def __init__(
        self, bundle: Bundle, load: Loader, *, max_faces: int = 1, tracking: bool = True, smoothing: bool = True
    ) -> None:
        self._following = Following(bundle, load)
        self._settings = (max_faces, tracking, smoothing)

    def new_stream(self) -> Followed:
        return self._following.stream(*self._settings)

    def process(self, frame: Frame, stream: Followed, profiler: Profiler) -> list[FaceState]:
        return stream.process(frame, profiler)
