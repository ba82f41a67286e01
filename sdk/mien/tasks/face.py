"""Task `face`: landmarks, coefficients and head pose of up to N faces, followed from frame to frame.

Per face: crop around the region where it was (or where the detector finds it) -> landmark network -> landmarks in frame
pixels -> the bundle's own landmark filter -> coefficient network and head pose. The next region comes from the
unfiltered landmarks, so that the filter's lag never moves the crop.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from mien import _native
from mien.bundle import Bundle
from mien.errors import BundleError, InputError, ModelError
from mien.layouts import ARKIT52, layout
from mien.manifest import Section
from mien.profiler import Profiler
from mien.tasks._detector import Detector, DetectorStream
from mien.tasks._network import Loader, Runner
from mien.tasks._pose import HeadEstimator
from mien.tasks._region import Crop, Region, whole_frame
from mien.tasks._tracking import Identities, overlap
from mien.tasks.base import Task
from mien.types import FaceState, Frame, HeadPose, no_face

F32 = npt.NDArray[np.float32]

# With room for more faces the detector looks again this often; every frame would cost a third of the net time.
_DETECT_EVERY = 8
_SAME_FACE_IOU = 0.5


@dataclass
class _Track:
    """One face being followed."""

    region: Region
    smoother: _native.OneEuro | None = None


@dataclass
class _Found:
    """A face in the current frame."""

    track: _Track
    landmarks: F32
    box: tuple[float, float, float, float]
    presence: float
    values: F32 | None = None
    head: HeadPose | None = None


@dataclass
class FaceStream:
    """What one stream of the face task owns."""

    detector: DetectorStream | None
    landmarks: Runner
    coefficients: Runner | None
    identities: Identities = field(default_factory=Identities)
    tracks: list[_Track] = field(default_factory=list)
    since_detection: int = 0


class FaceTask(Task):
    """Faces with landmarks, coefficients and pose, as the manifest's `face` section describes them."""

    name: ClassVar[str] = "face"

    def __init__(
        self, bundle: Bundle, load: Loader, *, max_faces: int = 1, tracking: bool = True, smoothing: bool = True
    ) -> None:
        root = bundle.manifest.root
        self._max_faces = max_faces
        self._tracking = tracking
        self._detector = Detector(root.section("detect"), load) if "detect" in root else None
        face = root.section("face")
        self._landmarks = _LandmarkStage(face.section("landmarks"), load)
        self._from_detection = (
            Crop.parse(face.section("crop_from_detection"), self._detector.points) if self._detector else None
        )
        self._from_landmarks = Crop.parse(face.section("crop_from_landmarks"), self._landmarks.count)
        self._head = HeadEstimator(face.section("pose"), bundle, self._landmarks.count) if "pose" in face else None
        self._coefficients = (
            _CoefficientStage(face.section("coefficients"), load, self._landmarks.count)
            if "coefficients" in face
            else None
        )
        smoother = _Smoother(face.section("landmark_filter")) if "landmark_filter" in face else None
        self._smoother = smoother if smoothing and tracking else None

    def new_stream(self) -> FaceStream:
        return FaceStream(
            self._detector.new_stream() if self._detector else None,
            Runner(self._landmarks.loaded),
            Runner(self._coefficients.loaded) if self._coefficients else None,
        )

    def process(self, frame: Frame, stream: FaceStream, profiler: Profiler) -> list[FaceState]:
        if not self._tracking:
            stream.tracks.clear()
            stream.identities.forget()
        found = self._follow(frame, stream.tracks, [], stream, profiler)
        stream.since_detection += 1
        if len(found) < self._max_faces and (not found or stream.since_detection >= _DETECT_EVERY):
            stream.since_detection = 0
            fresh = [_Track(region) for region in self._search(frame, stream, profiler)]
            found += self._follow(frame, fresh, found, stream, profiler)
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
        self, frame: Frame, tracks: list[_Track], known: list[_Found], stream: FaceStream, profiler: Profiler
    ) -> list[_Found]:
        """The faces that are really there, at most as many as there is room for; `known` faces are not found twice."""
        found: list[_Found] = []
        for track in tracks:
            if len(known) + len(found) >= self._max_faces:
                break
            face = self._landmarks.find(track, frame, stream.landmarks, profiler)
            if face is None or any(overlap(face.box, f.box) > _SAME_FACE_IOU for f in (*known, *found)):
                continue
            with profiler.stage("decode"):
                track.region = self._from_landmarks.region(face.box, face.landmarks)
                if self._smoother:
                    self._smoother.apply(face, frame.t_ns)
            if self._coefficients and stream.coefficients:
                face.values = self._coefficients.values(face.landmarks, stream.coefficients, profiler)
            if self._head:
                with profiler.stage("decode"):
                    face.head = self._head.pose(face.landmarks, frame)
            found.append(face)
        return found

    def _state(self, face: _Found, identity: int, frame: Frame) -> FaceState:
        if self._coefficients and face.values is not None:
            values, valid = self._coefficients.to_arkit(face.values)
        else:
            nothing = no_face(frame.t_ns, ARKIT52)
            values, valid = nothing.values, nothing.valid
        face.landmarks.setflags(write=False)  # the next stale frame shows them again
        return FaceState(
            frame.t_ns,
            identity,
            ARKIT52,
            values,
            values,
            valid,
            face.presence,
            box=face.box,
            landmarks=face.landmarks,
            head=face.head,
            stale=frame.stale,
        )


class _Smoother:
    """The bundle's own filter on landmarks: One-Euro, scale-free (speed is measured in face sizes per second)."""

    def __init__(self, section: Section) -> None:
        section.text("kind", "one_euro", ("one_euro",))
        self._min_cutoff = section.number("min_cutoff", low=1e-6)
        self._beta = section.number("beta", low=0)
        self._derivative_cutoff = section.number("derivative_cutoff", 1.0, 1e-6)

    def apply(self, face: _Found, t_ns: int) -> None:
        """Smooths the landmarks in place; the memory is the track's."""
        flat = face.landmarks.reshape(-1)
        if face.track.smoother is None:
            cutoffs, betas = np.full((2, flat.size), [[self._min_cutoff], [self._beta]], np.float32)
            face.track.smoother = _native.OneEuro(cutoffs, betas, self._derivative_cutoff)
        size = (face.box[2] - face.box[0] + face.box[3] - face.box[1]) / 2
        if size > 1e-6:
            face.track.smoother.apply(t_ns, flat, flat, None, 1.0 / size)


class _LandmarkStage:
    """The landmark network: outputs `points` (tensor pixels) and optionally `presence`, or heat maps `maps`."""

    def __init__(self, section: Section, load: Loader) -> None:
        self.loaded = load(section.text("network"))
        self.count = section.integer("count", low=4, high=100_000)
        self.kind = section.text("decode", among=("points", "heatmap"))
        self.min_presence = section.number("min_presence", 0.5, 0, 1)
        self.port, self.image = self.loaded.image_input()
        shape = self.port.shape[2:] if self.image.layout == "nchw" else self.port.shape[1:3]
        self.rows, self.columns = shape
        if self.kind == "points":
            self.dims = section.integer("dims", 3, 2, 3)
            self.image_depth = section.text("depth_unit", "crop", ("crop", "image")) == "image"
            self._expect("points", self.count * self.dims)
            if "presence" in self.loaded.network.outputs:
                self._expect("presence", 1)
        else:
            self.dims, self.image_depth = 2, False
            self.slope = section.number("slope", low=1e-6)
            shape = self.loaded.output("maps").shape
            if len(shape) != 4 or shape[1] != 3 * self.count:
                raise BundleError(
                    "manifest.field", f"Output maps has shape {shape}, expected (1, {3 * self.count}, H, W).", ""
                )

    def _expect(self, output: str, size: int) -> None:
        shape = self.loaded.output(output).shape
        if math.prod(shape) != size:
            raise BundleError("manifest.field", f"Output {output} has shape {shape}, expected {size} values.", "")

    def find(self, track: _Track, frame: Frame, runner: Runner, profiler: Profiler) -> _Found | None:
        """The face in the track's region, or None if the network sees none there."""
        with profiler.stage("prepare"):
            affine = track.region.affine(self.columns, self.rows, self.image.align)
            runner.prepare(self.port.name, frame.image, affine)
        outputs = runner.run(profiler)
        with profiler.stage("decode"):
            if self.kind == "points":
                presence = _sigmoid(float(outputs["presence"].reshape(-1)[0])) if "presence" in outputs else 1.0
                points = outputs["points"].reshape(self.count, self.dims)
            else:
                points, scores = np.zeros((self.count, 2), np.float32), np.zeros(self.count, np.float32)
                rows, columns = outputs["maps"].shape[2:]
                _native.decode_heatmap(
                    outputs["maps"], self.count, columns, rows, self.slope, self.columns, self.rows, points, scores
                )
                presence = float(scores.mean())
            if presence <= self.min_presence:
                return None
            mapped = np.empty(points.shape, np.float32)
            _native.points_map(points, affine, self._depth_scale(track.region, frame), mapped)
            try:
                box = _native.points_box(mapped)
            except InputError as error:
                raise ModelError(
                    "model.not_finite",
                    f"Network {self.loaded.network.name!r} gave landmarks beyond all bounds.",
                    "Try another engine or precision of this bundle.",
                ) from error
            landmarks = mapped if self.dims == 3 else np.pad(mapped, ((0, 0), (0, 1)))
            if not _within(box, frame):
                return None
            return _Found(track, landmarks, box, presence)

    def _depth_scale(self, region: Region, frame: Frame) -> float:
        """Frame pixels per tensor pixel of depth.

        With depth_unit "image" the x step of the crop is measured in image-normalised units, as MediaPipe 1.2.2 does;
        that equals the crop's own scale for upright faces or square frames.
        """
        along = region.width / self.columns
        if not self.image_depth:
            return along
        return along * math.hypot(math.cos(region.rotation), math.sin(region.rotation) * frame.width / frame.height)


class _CoefficientStage:
    """Coefficients from landmarks: a network whose input `points` takes some of them in frame pixels."""

    def __init__(self, section: Section, load: Loader, landmarks: int) -> None:
        self.loaded = load(section.text("network"))
        chosen = section.integers("landmarks")
        if not chosen or min(chosen) < 0 or max(chosen) >= landmarks:
            raise BundleError("manifest.field", f"{section.path}.landmarks: not all within 0..{landmarks - 1}.", "")
        # Offsets of x and y of each chosen landmark in the flat array.
        self._chosen = (np.array(chosen, np.intp)[:, None] * 3 + np.arange(2)).reshape(-1)
        self._layout = layout(section.text("layout"))
        # Which output goes where is settled once; converting by name each time took 33 us of a frame instead of 13.
        source = self._layout.mapping(ARKIT52)
        self._valid = source >= 0
        self._valid.setflags(write=False)
        self._slots, self._source = np.flatnonzero(self._valid), source[self._valid]
        points = self.loaded.network.inputs.get("points")
        if len(self.loaded.network.inputs) != 1 or points is None or points.shape != (1, len(chosen), 2):
            raise BundleError(
                "manifest.field",
                f"Network {self.loaded.network.name!r} needs one input, points (1, {len(chosen)}, 2).",
                "",
            )
        shape = self.loaded.output("scores").shape
        if math.prod(shape) != len(self._layout):
            raise BundleError(
                "manifest.field", f"Output scores has shape {shape}, {self._layout.name} has {len(self._layout)}.", ""
            )

    def values(self, landmarks: F32, runner: Runner, profiler: Profiler) -> F32:
        """The coefficients in the network's own layout."""
        with profiler.stage("prepare"):
            points = runner.buffer("points").reshape(-1)
            np.take(landmarks.reshape(-1), self._chosen, axis=0, out=points, mode="clip")
        return runner.run(profiler)["scores"].reshape(-1)

    def to_arkit(self, values: F32) -> tuple[F32, npt.NDArray[np.bool_]]:
        """Values (clamped to 0..1) and flags in ARKit order."""
        out = np.zeros(len(ARKIT52), np.float32)
        out[self._slots] = values[self._source]
        np.minimum(out, 1.0, out=out)
        np.maximum(out, 0.0, out=out)
        out.setflags(write=False)  # `values` and `raw` share it
        return out, self._valid


def _within(box: tuple[float, float, float, float], frame: Frame) -> bool:
    """Whether a box has any area inside the frame; a region that drifted out of it would be followed for ever."""
    x0, y0, x1, y1 = box
    return min(x1, frame.width) > max(x0, -1.0) and min(y1, frame.height) > max(y0, -1.0)


def _sigmoid(logit: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(-80.0, min(80.0, logit))))
