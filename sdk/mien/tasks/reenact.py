"""Task `reenact`: portraits that do what a driver does; see `mien.Portrait`.

As a task it follows the driver: `process` gives the faces of a frame as the bundle's `face` bundle does. Portraits hold
what belongs to one picture, and draw with this task's mesh and network.
"""

from __future__ import annotations

import hashlib
from typing import ClassVar

from mien.bundle import Bundle
from mien.errors import BundleError
from mien.portrait.mesh import LANDMARKS, FaceMesh
from mien.portrait.painter import Painter
from mien.profiler import Profiler
from mien.tasks._following import Followed
from mien.tasks._loader import Loader
from mien.tasks.base import Task
from mien.tasks.face import FaceTask
from mien.types import FaceState, Frame

_FACES = 16  # that are looked for in a portrait


class ReenactTask(Task):
    """Portraits under a driver, as the manifest's `reenact` section describes them.

    Attributes:
        mesh: the face that is fitted to portraits. digest: of its tables, for enrolment files.
        span: cm at the head that a portrait's crop shows.
    """

    name: ClassVar[str] = "reenact"

    def __init__(
        self, bundle: Bundle, load: Loader, *, max_faces: int = 1, tracking: bool = True, smoothing: bool = True
    ) -> None:
        section = bundle.manifest.root.section("reenact")
        blob = bytes(bundle.blob(section.text("mesh")))
        self.mesh, self.digest = FaceMesh(blob), hashlib.sha256(blob).hexdigest()[:16]
        self.span = section.number("span_cm", low=10, high=100)
        self._network = load(section.text("network"))
        face = load.other(section.text("face"))
        self._driver = FaceTask(face.bundle, face, max_faces=max_faces, tracking=tracking, smoothing=smoothing)
        self.filters = self._driver.filters
        if self._driver.points < LANDMARKS:
            raise BundleError("manifest.field", f"{section.path}.face gives {self._driver.points} landmarks.", "")
        Painter(self._network)

    def new_stream(self) -> Followed:
        return self._driver.new_stream()

    def process(self, frame: Frame, stream: Followed, profiler: Profiler) -> list[FaceState]:
        return self._driver.process(frame, stream, profiler)

    def faces(self, frame: Frame) -> list[FaceState]:
        """The faces of a picture that is not part of a stream."""
        return self._driver.faces(frame, _FACES)

    def painter(self) -> Painter:
        """The network, for one portrait."""
        return Painter(self._network)
