"""Face detection as the manifest's `detect` section describes it, shared by the tasks that need boxes."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from mien import _native
from mien.backends.running import Running
from mien.errors import BundleError
from mien.manifest import Section
from mien.profiler import Profiler
from mien.tasks._loader import Loader
from mien.tasks._network import Runner
from mien.tasks._region import whole_frame
from mien.types import Frame

F32 = npt.NDArray[np.float32]

_ROW = 21  # floats of the native mien_detection: score, box, 8 points
_CAPACITY = 1024


class Detector:
    """Finds faces in whole frames: letterbox, network, decode, non-maximum suppression.

    Two decoders, by the `decode` field: ``"ssd"`` (boxes relative to an anchor grid, outputs `boxes` and `scores`) and
    ``"grid"`` (anchor-free levels, outputs `cls_S`, `obj_S`, `box_S`, `points_S` for each stride S).
    """

    def __init__(self, section: Section, load: Loader) -> None:
        self.loaded = load(section.text("network"))
        self.kind = section.text("decode", among=("ssd", "grid"))
        self.points = section.integer("points", low=0, high=8)
        self.min_score = section.number("min_score", 0.5, 0, 1)
        self.iou = section.number("iou", 0.3, 0, 1)
        self.nms = section.text("nms", "hard", ("hard", "weighted"))
        self.strides = section.integers("strides")
        if not self.strides or not 1 <= min(self.strides) <= max(self.strides) <= 1024:
            raise BundleError("manifest.field", f"{section.path}.strides: expected some of 1..1024.", "")
        self.port, self.image = self.loaded.network.image_input()
        native = Runner(self.loaded)._specs[self.port.name]
        self.columns, self.rows = native.width, native.height
        if self.kind == "ssd":
            self.clip = section.number("score_clip", 100.0, 0)
            per_cell = section.integers("per_cell", len(self.strides))
            if not 1 <= min(per_cell) <= max(per_cell) <= 64:
                raise BundleError("manifest.field", f"{section.path}.per_cell: expected 1..64 each.", "")
            self.anchors = _native.ssd_anchors(self.columns, self.rows, self.strides, per_cell)
            if self.loaded.network.output("boxes").shape[-2:] != (len(self.anchors), 4 + 2 * self.points):
                raise BundleError(
                    "manifest.field",
                    f"{section.path}: {len(self.anchors)} anchors with {self.points} points do not fit the output "
                    f"boxes {self.loaded.network.output('boxes').shape}.",
                    "",
                )
            if math.prod(self.loaded.network.output("scores").shape) != len(self.anchors):
                raise BundleError(
                    "manifest.field",
                    f"{section.path}: {len(self.anchors)} anchors do not fit the output scores "
                    f"{self.loaded.network.output('scores').shape}.",
                    "",
                )
        else:
            self._check_grid(self.loaded)

    @classmethod
    def of(cls, section: Section, load: Loader) -> Detector:
        """The detector of a section that describes one, or that names the bundle whose detector it is."""
        if "bundle" not in section:
            return cls(section, load)
        other = load.other(section.text("bundle"))
        return cls(other.bundle.manifest.root.section("detect"), other)

    def _check_grid(self, loaded: Running) -> None:
        for stride in self.strides:
            cells = (self.columns // stride) * (self.rows // stride)
            for part, width in (("cls", 1), ("obj", 1), ("box", 4), ("points", 2 * self.points)):
                shape = loaded.network.output(f"{part}_{stride}").shape
                if shape[-2:] != (cells, width):
                    raise BundleError(
                        "manifest.field",
                        f"Output {part}_{stride} has shape {shape}, expected (1, {cells}, {width}).",
                        "",
                    )

    def new_stream(self) -> DetectorStream:
        """Buffers for one stream."""
        return DetectorStream(Runner(self.loaded), np.zeros((_CAPACITY, _ROW), np.float32))

    def find(self, frame: Frame, stream: DetectorStream, profiler: Profiler) -> F32:
        """The faces of a frame, best first: rows of score, x0, y0, x1, y1, then x, y of each point, in frame pixels.

        A view that is valid until the next call with the same stream.
        """
        with profiler.stage("prepare"):
            region = whole_frame(frame.width, frame.height, self.columns, self.rows, self.image.align)
            affine = region.affine(self.columns, self.rows, self.image.align)
            stream.runner.prepare(self.port.name, frame.image, affine)
        outputs = stream.runner.run(profiler)
        with profiler.stage("decode"):
            found = stream.rows
            count = 0
            if self.kind == "ssd":
                count = _native.decode_ssd(
                    outputs["boxes"].reshape(-1, 4 + 2 * self.points),
                    outputs["scores"].reshape(-1),
                    self.anchors,
                    self.points,
                    self.columns,
                    self.rows,
                    self.clip,
                    self.min_score,
                    found,
                )
            else:
                for stride in self.strides:
                    count = _native.decode_grid(
                        outputs[f"cls_{stride}"].reshape(-1),
                        outputs[f"obj_{stride}"].reshape(-1),
                        outputs[f"box_{stride}"].reshape(-1, 4),
                        outputs[f"points_{stride}"].reshape(-1, 2 * self.points),
                        self.columns // stride,
                        self.rows // stride,
                        stride,
                        self.points,
                        self.min_score,
                        found,
                        count,
                    )
            count = _native.nms(found, count, self.points, self.iou, self.nms)
            _native.detections_map(found, count, self.points, affine)
        return found[:count, : 5 + 2 * self.points]


class DetectorStream:
    """What one stream of a detector owns."""

    def __init__(self, runner: Runner, rows: F32) -> None:
        self.runner = runner
        self.rows = rows
