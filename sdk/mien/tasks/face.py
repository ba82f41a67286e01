"""Task `face`: landmarks, coefficients, head pose and gaze of up to N faces, followed from frame to frame.

The native tracker follows them (native/src/tracker), and says which networks it wants run on which inputs; what a face
is, is in the manifest's `face` section, and in `detect` where to look for one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from mien.bundle import Bundle
from mien.filters._manifest import coefficient_filter
from mien.filters.base import Filter
from mien.profiler import Profiler
from mien.tasks._following import Followed, Following
from mien.tasks._loader import Loader
from mien.tasks.base import Task
from mien.types import FaceState, Frame


class FaceTask(Task):
    """Faces with landmarks, coefficients, pose and gaze, as the manifest's `face` section describes them."""

    name: ClassVar[str] = "face"

    def __init__(
        self, bundle: Bundle, load: Loader, *, max_faces: int = 1, tracking: bool = True, smoothing: bool = True
    ) -> None:
        self._following = Following(bundle, load)
        self._settings = (max_faces, tracking, smoothing)
        face = bundle.manifest.root.section("face")
        if "coefficient_filter" in face:
            self.filters: Sequence[Filter] = (coefficient_filter(face.section("coefficient_filter")),)

    @property
    def points(self) -> int:
        """How many landmarks a face gets."""
        return self._following.landmarks

    def new_stream(self) -> Followed:
        return self._following.stream(*self._settings)

    def process(self, frame: Frame, stream: Followed, profiler: Profiler) -> list[FaceState]:
        return stream.process(frame, profiler)

    def faces(self, frame: Frame, most: int) -> list[FaceState]:
        """Up to `most` faces of a picture that is not part of a stream."""
        return self._following.stream(most, False, False).process(frame, Profiler())
