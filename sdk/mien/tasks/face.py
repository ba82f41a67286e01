"""Task `face`: landmarks, coefficients, head pose and gaze of up to N faces, followed from frame to frame.

Per face: crop around the region where it was (or where the detector finds it) -> landmark network -> landmarks in frame
pixels -> the bundle's own landmark filter -> coefficients, visibility, gaze and head pose, from further outputs of the
same network or from the landmarks. The next region comes from the unfiltered landmarks, so that the filter's lag never
moves the crop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from mien.bundle import Bundle
from mien.filters.base import Filter
from mien.layouts import ARKIT52
from mien.profiler import Profiler
from mien.tasks._coefficients import CoefficientStage, VisibilityStage, coefficient_filter
from mien.tasks._detector import Detector, DetectorStream
from mien.tasks._gaze import GazeStage
from mien.tasks._landmarks import Found, LandmarkStage, Smoother, Track
from mien.tasks._loader import Loader
from mien.tasks._network import Runner
from mien.tasks._pose import HeadEstimator
from mien.tasks._region import Crop, Region, whole_frame
from mien.tasks._tracking import Identities, overlap
from mien.tasks.base import Task
from mien.types import FaceState, Frame, HeadPose, no_face

# With room for more faces the detector looks again this often; every frame would cost a third of the net time.
_DETECT_EVERY = 8
_SAME_FACE_IOU = 0.5


@dataclass
class FaceStream:
    """What one stream of the face task owns."""

    detector: DetectorStream | None
    landmarks: Runner
    coefficients: Runner | None
    identities: Identities = field(default_factory=Identities)
    tracks: list[Track] = field(default_factory=list)
    since_detection: int = 0


class FaceTask(Task):
    """Faces with landmarks, coefficients, pose and gaze, as the manifest's `face` section describes them."""

    name: ClassVar[str] = "face"

    def __init__(
        self, bundle: Bundle, load: Loader, *, max_faces: int = 1, tracking: bool = True, smoothing: bool = True
    ) -> None:
        root = bundle.manifest.root
        self._max_faces = max_faces
        self._tracking = tracking
        self._detector = Detector.of(root.section("detect"), load) if "detect" in root else None
        face = root.section("face")
        self._landmarks = stage = LandmarkStage(face.section("landmarks"), load)
        self._from_detection = (
            Crop.parse(face.section("crop_from_detection"), self._detector.points) if self._detector else None
        )
        self._from_landmarks = Crop.parse(face.section("crop_from_landmarks"), stage.count)
        self._passes = 1 + face.integer("refine", 0, 0, 8)
        smoother = Smoother(face.section("landmark_filter")) if "landmark_filter" in face else None
        self._smoother = smoother if smoothing and tracking else None
        self._coefficients = (
            CoefficientStage(face.section("coefficients"), load, stage) if "coefficients" in face else None
        )
        extras = self._coefficients.extras if self._coefficients else ()
        self._visibility = VisibilityStage(face.section("visibility"), stage, extras) if "visibility" in face else None
        self._gaze = GazeStage(face.section("gaze"), stage) if "gaze" in face else None
        self._head = HeadEstimator(face.section("pose"), bundle, stage.count) if "pose" in face else None
        if self._head and self._head.kind == "network":
            stage.expect("rotation", 9)
        if "coefficient_filter" in face:
            self.filters: Sequence[Filter] = (coefficient_filter(face.section("coefficient_filter")),)

    @property
    def points(self) -> int:
        """How many landmarks a face gets."""
        return self._landmarks.count

    def new_stream(self) -> FaceStream:
        own = self._coefficients.loaded if self._coefficients else None
        return FaceStream(
            self._detector.new_stream() if self._detector else None,
            Runner(self._landmarks.loaded),
            Runner(own) if own else None,
        )

    def process(self, frame: Frame, stream: FaceStream, profiler: Profiler) -> list[FaceState]:
        if not self._tracking:
            stream.tracks.clear()
            stream.identities.forget()
        found = self._follow(frame, stream.tracks, 1, [], stream, profiler)
        stream.since_detection += 1
        if len(found) < self._max_faces and (not found or stream.since_detection >= _DETECT_EVERY):
            stream.since_detection = 0
            fresh = [Track(region) for region in self._search(frame, stream, profiler)]
            found += self._follow(frame, fresh, self._passes, found, stream, profiler)
        stream.tracks = [face.track for face in found]
        ids = stream.identities.assign([face.box for face in found], frame.t_ns)
        with profiler.stage("decode"):
            return [self._state(face, identity, frame) for face, identity in zip(found, ids, strict=True)]

    def _search(self, frame: Frame, stream: FaceStream, profiler: Profiler) -> list[Region]:
        """Regions where the detector sees faces; without a detector, the whole frame."""
        if self._detector is None or stream.detector is None or self._from_detection is None:
            stage = self._landmarks
            return [whole_frame(frame.width, frame.height, stage.columns, stage.rows, stage.image.align)]
        rows = self._detector.find(frame, stream.detector, profiler)[: self._max_faces]
        return [self._from_detection.region(row[1:5].tolist(), row[5:].reshape(-1, 2)) for row in rows]

    def _follow(
        self,
        frame: Frame,
        tracks: list[Track],
        passes: int,
        known: list[Found],
        stream: FaceStream,
        profiler: Profiler,
    ) -> list[Found]:
        """The faces that are really there, at most as many as there is room for; `known` faces are not found twice.

        With more than one pass a face is looked at again in the crop that its own landmarks ask for. The crop of a face
        that was there in the frame before follows it with the bundle's slack.
        """
        followed = tracks is stream.tracks
        found: list[Found] = []
        for track in tracks:
            if len(known) + len(found) >= self._max_faces:
                break
            for _ in range(passes):
                face = self._landmarks.find(track, frame, stream.landmarks, profiler)
                if face is None:
                    break
                with profiler.stage("decode"):
                    crop = self._from_landmarks
                    if followed:
                        track.region = crop.next(track.region, face.box, face.landmarks)
                    else:
                        track.region = crop.region(face.box, face.landmarks)
            if face is None or any(overlap(face.box, f.box) > _SAME_FACE_IOU for f in (*known, *found)):
                continue
            if self._smoother:
                with profiler.stage("decode"):
                    self._smoother.apply(face, frame.t_ns)
            if self._coefficients:
                face.values = self._coefficients.read(face, stream.coefficients, profiler)
            found.append(face)
        return found

    def _state(self, face: Found, identity: int, frame: Frame) -> FaceState:
        extras, visibility, gaze, eyes = None, None, None, None
        if self._coefficients and face.values is not None:
            values, extras = self._coefficients.decode(face.values)
            valid = self._coefficients.valid
        else:
            nothing = no_face(frame.t_ns, ARKIT52)
            values, valid = nothing.values, nothing.valid
        if self._visibility:
            visibility, hidden = self._visibility.read(face)
            if hidden is not None:
                valid = valid & ~hidden[: len(ARKIT52)]
                if extras:
                    lost = hidden[len(ARKIT52) :].tolist()
                    extras = {k: np.nan if gone else v for (k, v), gone in zip(extras.items(), lost, strict=True)}
        if self._gaze:
            gaze, eyes = self._gaze.read(face)
        face.landmarks.setflags(write=False)  # the next stale frame shows them again
        return FaceState(
            frame.t_ns,
            identity,
            ARKIT52,
            values,
            values,
            valid,
            face.presence,
            extras=extras,
            visibility=visibility,
            box=face.box,
            landmarks=face.landmarks,
            head=self._pose(face, frame),
            gaze=gaze,
            eyes=eyes,
            stale=frame.stale,
        )

    def _pose(self, face: Found, frame: Frame) -> HeadPose | None:
        if self._head is None:
            return None
        if self._head.kind == "network":
            rotation = face.seen_in.to_camera() @ face.outputs["rotation"].reshape(3, 3)
            return self._head.pose(face.landmarks, frame, rotation)
        return self._head.pose(face.landmarks, frame)
