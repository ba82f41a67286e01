"""Where the landmarks of a face are: the landmark network, and the bundle's own filter on what it gives."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mien import _native
from mien.errors import BundleError
from mien.manifest import Section
from mien.profiler import Profiler
from mien.tasks._loader import Loader
from mien.tasks._network import Runner
from mien.tasks._region import Box, Region, hull
from mien.types import Frame

F32 = npt.NDArray[np.float32]


@dataclass
class Track:
    """One face being followed."""

    region: Region
    smoother: _native.OneEuro | None = None


@dataclass
class Found:
    """A face in the current frame.

    Attributes:
        landmarks: (N, 3) in frame pixels. box: their hull. presence: 0..1.
        seen_in: the crop that the network saw. outputs: all that it gave, by logical name.
        values: the coefficients as their network gives them, once they are known.
    """

    track: Track
    landmarks: F32
    box: Box
    presence: float
    seen_in: Region
    outputs: Mapping[str, F32]
    values: F32 | None = None


class Smoother:
    """The bundle's own filter on landmarks: One-Euro, scale-free (speed is measured in face sizes per second)."""

    def __init__(self, section: Section) -> None:
        section.text("kind", "one_euro", ("one_euro",))
        self._min_cutoff = section.number("min_cutoff", low=1e-6, high=1e6)
        self._beta = section.number("beta", low=0, high=1e6)
        self._derivative_cutoff = section.number("derivative_cutoff", 1.0, 1e-6, 1e6)

    def apply(self, face: Found, t_ns: int) -> None:
        """Smooths the landmarks in place; the memory is the track's."""
        flat = face.landmarks.reshape(-1)
        if face.track.smoother is None:
            cutoffs, betas = np.full((2, flat.size), [[self._min_cutoff], [self._beta]], np.float32)
            face.track.smoother = _native.OneEuro(cutoffs, betas, self._derivative_cutoff)
        size = (face.box[2] - face.box[0] + face.box[3] - face.box[1]) / 2
        if size > 1e-6:
            face.track.smoother.apply(t_ns, flat, flat, None, 1.0 / size)


class LandmarkStage:
    """The landmark network: outputs `points` (tensor pixels) and optionally `presence`, or heat maps `maps`."""

    def __init__(self, section: Section, load: Loader) -> None:
        self.loaded = load(section.text("network"))
        self.count = section.integer("count", low=4, high=100_000)
        self.kind = section.text("decode", among=("points", "heatmap"))
        self.min_presence = section.number("min_presence", 0.5, 0, 1)
        self.port, self.image = self.loaded.network.image_input()
        shape = self.port.shape[2:] if self.image.layout == "nchw" else self.port.shape[1:3]
        self.rows, self.columns = shape
        if self.kind == "points":
            self.dims = section.integer("dims", 3, 2, 3)
            self.image_depth = section.text("depth_unit", "crop", ("crop", "image")) == "image"
            self.expect("points", self.count * self.dims)
            if "presence" in self.loaded.network.outputs:
                self.expect("presence", 1)
        else:
            self.dims, self.image_depth = 2, False
            self.slope = section.number("slope", low=1e-6)
            shape = self.loaded.network.output("maps").shape
            if len(shape) != 4 or shape[1] != 3 * self.count:
                raise BundleError(
                    "manifest.field", f"Output maps has shape {shape}, expected (1, {3 * self.count}, H, W).", ""
                )

    def expect(self, output: str, size: int) -> None:
        """Refuses a network whose `output` does not hold `size` values. Raises BundleError."""
        shape = self.loaded.network.output(output).shape
        if math.prod(shape) != size:
            raise BundleError("manifest.field", f"Output {output} has shape {shape}, expected {size} values.", "")

    def find(self, track: Track, frame: Frame, runner: Runner, profiler: Profiler) -> Found | None:
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
            box = hull(mapped)
            if not _within(box, frame):
                return None
            landmarks = mapped
            if self.dims == 2:
                landmarks = np.zeros((self.count, 3), np.float32)
                landmarks[:, :2] = mapped
            return Found(track, landmarks, box, presence, track.region, outputs)

    def _depth_scale(self, region: Region, frame: Frame) -> float:
        """Frame pixels per tensor pixel of depth.

        With depth_unit "image" the x step of the crop is measured in image-normalised units, as MediaPipe 1.2.2 does;
        that equals the crop's own scale for upright faces or square frames.
        """
        along = region.width / self.columns
        if not self.image_depth:
            return along
        return along * math.hypot(math.cos(region.rotation), math.sin(region.rotation) * frame.width / frame.height)


def _within(box: Box, frame: Frame) -> bool:
    """Whether a box has any area inside the frame; a region that drifted out of it would be followed for ever."""
    x0, y0, x1, y1 = box
    return min(x1, frame.width) > max(x0, -1.0) and min(y1, frame.height) > max(y0, -1.0)


def _sigmoid(logit: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(-80.0, min(80.0, logit))))
