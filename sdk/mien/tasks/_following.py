"""Faces as the native tracker follows them: it says which networks it wants run, and this runs them.

The loop around `_native.Tracker`, shared by the tasks `detect`, `face` and `expression`. The tracker itself reads the
sections of these names in the manifest (native/src/tracker).
"""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from mien import _native
from mien.backends.running import Running
from mien.bundle import Bundle
from mien.layouts import ARKIT52
from mien.profiler import Profiler
from mien.tasks._loader import Loader
from mien.types import FaceState, Frame, HeadPose

_SECTIONS = ("detect", "face", "expression")


class Following:
    """What the streams of one bundle share: how its networks' outputs are read, and the networks.

    Attributes:
        landmarks: how many points a face has.
    """

    def __init__(self, bundle: Bundle, load: Loader) -> None:
        own = bundle.native()
        name = _native.neighbour(own)
        other = None if name is None else load.other(name)
        self._model = _native.TrackerModel(own, None if other is None else other.bundle.native())
        self._networks = [
            (other if beside and other is not None else load)(network) for network, beside in self._model.networks
        ]
        self.landmarks = self._model.landmarks
        for root in (bundle.manifest.root, *([] if other is None else [other.bundle.manifest.root])):
            for section in _SECTIONS:
                if section in root:
                    root.section(section).native()

    def detected(self, frame: Frame) -> bool:
        """Whether the detector alone sees a face in a picture; without a detector it always does. Raises ModelError."""
        if not self._model.detects:
            return True
        tracker = _native.Tracker(self._model)
        tracker.begin(frame.image, frame.t_ns)
        detector = wanted = tracker.wants()  # nobody is followed yet
        while wanted is not None and wanted == detector:  # it may look in more than one way
            tracker.answer(self._networks[wanted].run(tracker.inputs(wanted)))
            wanted = tracker.wants()
        return wanted is not None or bool(tracker.faces())

    def stream(self, max_faces: int, tracking: bool, smoothing: bool) -> Followed:
        """Fresh state for one stream of frames. Arguments as of `mien.open`."""
        return Followed(_native.Tracker(self._model, max_faces, tracking, smoothing), self._networks)


class Followed:
    """One stream: its tracker, and the memory of its networks' inputs."""

    def __init__(self, tracker: _native.Tracker, networks: list[Running]) -> None:
        self._tracker, self._networks = tracker, networks
        self._inputs = [tracker.inputs(number) for number in range(len(networks))]

    def buffer(self, name: str) -> npt.NDArray[Any] | None:
        """The memory of an input of that name, which holds from frame to frame; None if no network has one."""
        return next((inputs[name] for inputs in self._inputs if name in inputs), None)

    def process(self, frame: Frame, profiler: Profiler) -> list[FaceState]:
        """The faces of a frame, the longest-followed first. Raises ModelError, DeviceError."""
        tracker = self._tracker
        prepare, run, decode = (profiler.stage(name) for name in ("prepare", "run", "decode"))
        with prepare:
            tracker.begin(frame.image, frame.t_ns)
            wanted = tracker.wants()
        while wanted is not None:
            with run:
                said = self._networks[wanted].run(self._inputs[wanted])
            with decode:
                tracker.answer(said)
            with prepare:
                wanted = tracker.wants()
        with decode:
            return [_state(fields, frame) for fields in tracker.faces()]


def _state(fields: dict[str, Any], frame: Frame) -> FaceState:
    head = fields.pop("head", None)
    pose = None if head is None else HeadPose(*head)
    return FaceState(frame.t_ns, layout=ARKIT52, head=pose, stale=frame.stale, **fields)
