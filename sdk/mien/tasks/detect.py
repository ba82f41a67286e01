"""Task `detect`: where the faces are. Boxes, scores and the detector's few points; no coefficients."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from mien.bundle import Bundle
from mien.layouts import ARKIT52
from mien.profiler import Profiler
from mien.tasks._detector import Detector, DetectorStream
from mien.tasks._loader import Loader
from mien.tasks._tracking import Identities
from mien.tasks.base import Task
from mien.types import FaceState, Frame, no_face


class DetectTask(Task):
    """Finds faces in every frame; ids follow boxes that overlap from frame to frame."""

    name: ClassVar[str] = "detect"

    def __init__(
        self, bundle: Bundle, load: Loader, *, max_faces: int = 1, tracking: bool = True, smoothing: bool = True
    ) -> None:
        self._detector = Detector(bundle.manifest.root.section("detect"), load)
        self._max_faces = max_faces
        self._tracking = tracking

    def new_stream(self) -> tuple[DetectorStream, Identities]:
        return self._detector.new_stream(), Identities()

    def process(self, frame: Frame, stream: tuple[DetectorStream, Identities], profiler: Profiler) -> list[FaceState]:
        buffers, identities = stream
        rows = self._detector.find(frame, buffers, profiler)[: self._max_faces]
        nothing = no_face(frame.t_ns, ARKIT52)
        if not self._tracking:
            identities.forget()
        ids = identities.assign([row[1:5].tolist() for row in rows], frame.t_ns)
        states = []
        for identity, row in zip(ids, rows, strict=True):
            points = np.zeros((self._detector.points, 3), np.float32)
            points[:, :2] = row[5:].reshape(-1, 2)
            states.append(
                FaceState(
                    frame.t_ns,
                    identity,
                    ARKIT52,
                    nothing.values,
                    nothing.raw,
                    nothing.valid,
                    float(row[0]),
                    box=tuple(row[1:5].tolist()),
                    landmarks=points,
                    stale=frame.stale,
                )
            )
        return states
