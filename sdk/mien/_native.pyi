"""The native core (native/include/mien/mien.h), without logic of its own.

Arrays are borrowed, never converted or copied: a wrong dtype, shape or order raises `mien.errors.MienError` made by
`mien.errors.from_native`. The GIL is released during every call. Pixel coordinates have their origin in the centre of
the first pixel.
"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

MAX_POINTS: int
"""Points that one detection can hold."""
DETECTION_COLUMNS: int
"""Floats of one detection row: score, box x0 y0 x1 y1, then x, y of up to MAX_POINTS points."""

_Format = Literal["rgb", "bgr", "rgba", "bgra", "gray8", "nv12", "nv21", "yuyv"]
_Mask = NDArray[np.uint8] | NDArray[np.bool_]

def version() -> str:
    """The version of the native core."""

def abi_version() -> int:
    """The version of the C interface."""

def simd_active() -> str:
    """The instruction set in use: scalar, neon, avx2 or avx512."""

def simd_available() -> list[str]:
    """The instruction sets of this processor and build, slowest first."""

def simd_select(name: str) -> None:
    """Uses another instruction set, for the whole process; results do not change by a bit."""

class Image:
    """A borrowed camera frame. Keeps `planes` alive; each is uint8, (rows, bytes) or (rows, pixels, channels)."""

    def __init__(
        self,
        format: _Format | str,
        width: int,
        height: int,
        planes: Sequence[NDArray[np.uint8]],
        yuv_matrix: Literal["bt601", "bt709"] | str = "bt601",
        yuv_range: Literal["limited", "full"] | str = "limited",
    ) -> None: ...
    @property
    def format(self) -> str: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...

class TensorSpec:
    """What a network wants: value = sample * scale + bias, for integers divided by quant_scale, plus quant_zero."""

    def __init__(
        self,
        width: int,
        height: int,
        dtype: Literal["float32", "float16", "uint8", "int8"] | str,
        layout: Literal["nchw", "nhwc"] | str,
        color: Literal["rgb", "bgr", "gray"] | str,
        border: Literal["replicate", "constant"] | str,
        scale: Sequence[float],
        bias: Sequence[float],
        quant_scale: float = 1.0,
        quant_zero: int = 0,
        sampling: Literal["fine", "8bit"] | str = "fine",
    ) -> None: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def dtype(self) -> str: ...
    @property
    def layout(self) -> str: ...
    @property
    def color(self) -> str: ...
    @property
    def border(self) -> str: ...
    @property
    def sampling(self) -> str: ...
    @property
    def scale(self) -> tuple[float, ...]: ...
    @property
    def bias(self) -> tuple[float, ...]: ...
    @property
    def quant_scale(self) -> float: ...
    @property
    def quant_zero(self) -> int: ...
    @property
    def shape(self) -> tuple[int, int, int, int]: ...

def image_to_tensor(image: Image, affine: NDArray[np.float64], spec: TensorSpec, out: NDArray[Any]) -> None:
    """Samples `image` at affine (2, 3) times (x, y, 1) of each tensor pixel into `out`, in one pass."""

def ssd_anchors(width: int, height: int, strides: Sequence[int], per_cell: Sequence[int]) -> NDArray[np.float32]:
    """Anchor centres (N, 2), 0..1 of the input: layers, rows, columns, copies."""

def decode_ssd(
    raw: NDArray[np.float32],
    logits: NDArray[np.float32],
    centers: NDArray[np.float32],
    points: int,
    width: int,
    height: int,
    clip: float,
    min_score: float,
    out: NDArray[np.float32],
) -> int:
    """BlazeFace heads raw (N, 4 + 2 points) and logits (N) to rows of `out`; returns how many were written."""

def decode_grid(
    cls: NDArray[np.float32],
    obj: NDArray[np.float32],
    box: NDArray[np.float32],
    point: NDArray[np.float32] | None,
    columns: int,
    rows: int,
    stride: int,
    points: int,
    min_score: float,
    out: NDArray[np.float32],
    count: int,
) -> int:
    """One YuNet level to rows of `out` behind the first `count`; returns the new count."""

def nms(out: NDArray[np.float32], count: int, points: int, iou: float, mode: Literal["hard", "weighted"] | str) -> int:
    """Non-maximum suppression in place, best first; returns how many remain."""

def detections_map(out: NDArray[np.float32], count: int, points: int, affine: NDArray[np.float64]) -> None:
    """Maps boxes (their hull) and points through an affine map, in place."""

def decode_heatmap(
    maps: NDArray[np.float32],
    points: int,
    columns: int,
    rows: int,
    slope: float,
    width: int,
    height: int,
    out_xy: NDArray[np.float32],
    out_score: NDArray[np.float32],
) -> None:
    """OpenSeeFace maps (3 points, rows, columns) to points (points, 2) in input pixels and their heats."""

def points_map(
    points: NDArray[np.float32], affine: NDArray[np.float64], depth_scale: float, out: NDArray[np.float32]
) -> None:
    """Maps points (N, 2) or (N, 3) through an affine map; z is multiplied by depth_scale. `out` may be `points`."""

def points_box(points: NDArray[np.float32]) -> tuple[float, float, float, float]:
    """The hull x0, y0, x1, y1 of points (N, 2) or (N, 3); refuses any coordinate that is not finite."""

def fit_similarity(
    src: NDArray[np.float32], dst: NDArray[np.float32], weights: NDArray[np.float32] | None = None
) -> NDArray[np.float64]:
    """The (2, 3) rotation, scale and translation of least weighted squared error (Umeyama 1991)."""

class Pose:
    """A rigid motion with scale: dst = scale * R(rotation) * src + translation."""

    @property
    def scale(self) -> float: ...
    @property
    def rotation(self) -> tuple[float, float, float, float]:
        """Unit quaternion x, y, z, w with w >= 0."""

    @property
    def translation(self) -> tuple[float, float, float]: ...
    @property
    def residual(self) -> float:
        """Weighted root mean square error of the fit."""

def fit_rigid(
    src: NDArray[np.float32],
    dst: NDArray[np.float32],
    weights: NDArray[np.float32] | None = None,
    fixed_scale: bool = False,
) -> Pose:
    """The motion of least weighted squared error between points (N, 3) (Horn 1987)."""

def pose_from_depth(
    landmarks: NDArray[np.float32],
    canonical: NDArray[np.float32],
    weights: NDArray[np.float32] | None,
    width: int,
    height: int,
    fov_y: float,
) -> Pose:
    """Head pose in centimetres from landmarks (N, 3) with relative depth; fov_y in radians."""

def pose_from_points(
    points: NDArray[np.float32],
    canonical: NDArray[np.float32],
    weights: NDArray[np.float32] | None,
    width: int,
    height: int,
    fov_y: float,
) -> Pose:
    """Head pose in centimetres from points (N, 2) alone; residual in pixels; fov_y in radians."""

class OneEuro:
    """One-Euro low-pass over an array of values; safe to share between threads."""

    def __init__(
        self,
        min_cutoff: NDArray[np.float32],
        beta: NDArray[np.float32],
        derivative_cutoff: float,
        settle: bool = False,
        catch_up: bool = False,
    ) -> None:
        """settle: the n-th sample of a value weighs at least 1 / n. catch_up: see mien.OneEuro."""

    @property
    def count(self) -> int: ...
    def reset(self) -> None: ...
    def apply(
        self,
        t_ns: int,
        values: NDArray[np.float32],
        out: NDArray[np.float32],
        valid: _Mask | None = None,
        value_scale: float = 1.0,
    ) -> None:
        """Filters one sample of all values; invalid ones pass unfiltered. `out` may be `values`."""

class Hold:
    """Keeps the last valid value of each slot for hold_ns; safe to share between threads."""

    def __init__(self, count: int, hold_ns: int) -> None: ...
    @property
    def count(self) -> int: ...
    def reset(self) -> None: ...
    def apply(
        self, t_ns: int, values: NDArray[np.float32], valid: _Mask, out: NDArray[np.float32], out_valid: _Mask
    ) -> None:
        """`out` and `out_valid` receive the values to use now."""

def constrain(
    values: NDArray[np.float32],
    valid: _Mask | None,
    low: float,
    high: float,
    lower: NDArray[np.int32],
    upper: NDArray[np.int32],
) -> None:
    """Clamps valid values to low..high, then each lower[i] to at most upper[i], in place."""

class Imu:
    """Motion sensors on the skin -> steps of features (native/include/mien/imu.h); safe to share between threads."""

    def __init__(self, places: NDArray[np.float32], rotations: NDArray[np.float32], rate: float) -> None: ...
    @property
    def sensors(self) -> int: ...
    @property
    def features(self) -> int:
        """Values per step."""

    def reset(self) -> None: ...
    def process(
        self,
        t_ns: NDArray[np.int64],
        acc: NDArray[np.float32],
        gyro: NDArray[np.float32],
        step_ns: NDArray[np.int64],
        features: NDArray[np.float32],
    ) -> int:
        """How many steps were written; where the buffers are too small, minus how many may be needed, and nothing was
        taken."""

    def calibration(self) -> dict[str, NDArray[Any]] | None: ...
    def calibrate(
        self,
        known: _Mask,
        bias: NDArray[np.float32],
        rotation: NDArray[np.float32],
        place: NDArray[np.float32],
    ) -> None: ...
    def refine(self, t_ns: NDArray[np.int64], acc: NDArray[np.float32], gyro: NDArray[np.float32]) -> int:
        """How many sensors a range of motion has corrected."""

    def check(self) -> tuple[int, NDArray[np.uint32]]:
        """The bits of wrong units, and of each sensor's faults."""

def mesh_rasterise(
    points: NDArray[np.float32],
    triangles: NDArray[np.int32],
    attributes: NDArray[np.float32],
    planes: NDArray[np.float32],
    owner: NDArray[np.int32],
    scratch: NDArray[np.float32],
) -> None:
    """Draws triangles (T, 3) of points (V, 3) with a depth buffer into planes (A, H, W) and owner (H, W); scratch:
    (4, H, W)."""

def flow_extend(flow: NDArray[np.float32], owner: NDArray[np.int32], scratch: NDArray[np.float32]) -> None:
    """Fills a backward flow (2, H, W) where owner is negative, in place."""

def flow_warp(source: NDArray[np.uint8], flow: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """Samples a picture (h, w, 3) at a flow (2, H, W) into planes (3, H, W), 0..1."""

def flow_compose(
    source: NDArray[np.uint8],
    scale: float,
    x0: float,
    y0: float,
    flow: NDArray[np.float32],
    keep: NDArray[np.float32],
    change: NDArray[np.float32],
    feather: NDArray[np.float32],
    out: NDArray[np.uint8],
) -> None:
    """Blends a refined crop into a picture at its own resolution (native/include/mien/reenact.h)."""

class Region:
    """Centre, size and rotation (radians, clockwise on screen), in frame pixels with integers at pixel centres."""

    def __init__(self, cx: float, cy: float, width: float, height: float, rotation: float = 0.0) -> None: ...
    @property
    def cx(self) -> float: ...
    @property
    def cy(self) -> float: ...
    @property
    def width(self) -> float: ...
    @property
    def height(self) -> float: ...
    @property
    def rotation(self) -> float: ...
    def affine(self, columns: int, rows: int, align: str) -> NDArray[np.float64]:
        """Maps tensor pixel indices to frame pixel indices (2, 3). align: ``"center"`` or ``"corner"``, as in a
        manifest."""

    def toward(self, other: Region, slack: float) -> Region:
        """`other`, but for the last `slack` of the way: what moves less than that leaves the region as it is. slack: of
        the centre in widths of this region, of the size as a ratio minus 1, of the rotation in radians."""

    def on_grid(self, grid: float) -> Region:
        """The nearest region whose numbers are whole multiples of a step, so that rounding elsewhere does not show.
        grid: the step, of the width and in radians, rounded down to a power of two. 0: as it is."""

    def to_camera(self) -> NDArray[np.float64]:
        """The rotation (3, 3) from the crop's camera axes to the frame's: x right, y up, z towards the viewer."""

class Crop:
    """How a box becomes the region that a landmark network wants."""

    def __init__(
        self,
        scale: tuple[float, float],
        square: bool = False,
        upright: tuple[int, int] | None = None,
        turned_hull: bool = False,
        shift: float = 0.0,
        slack: float = 0.0,
        grid: float = 0.0,
    ) -> None:
        """scale: factors on width and height. square: the longer side is used for both. upright: two points, subject's
        right and left (the left of an unmirrored picture first), whose line is made horizontal; None leaves the region
        unrotated. turned_hull: the box is taken anew around all points in the upright frame, so that a head that rolls
        keeps its place and size in the crop. shift: of the centre, in box heights, downwards. slack: of a face that is
        followed, see `Region.toward`. grid: see `Region.on_grid`."""

    @staticmethod
    def parse(json: str, path: str, points: int) -> Crop:
        """Reads it from a manifest's section; `points` is how many there are to turn by. Raises BundleError."""

    def region(self, box: Sequence[float], points: NDArray[np.float32]) -> Region:
        """The region around a box x0, y0, x1, y1, turned by points (N, 2) or (N, 3). Raises ModelError."""

    def next(self, region: Region, box: Sequence[float], points: NDArray[np.float32]) -> Region:
        """The region for the frame after one in which `region` showed this. Raises ModelError."""

class Identities:
    """Gives boxes ids: greedy matching by overlap with the boxes last seen, over absences of up to a second."""

    def __init__(self) -> None: ...
    def forget(self) -> None:
        """Forgets all faces; ids start again at 0."""

    def assign(self, boxes: Sequence[Sequence[float]], t_ns: int) -> list[int]:
        """One id per box x0, y0, x1, y1, in order; the same id for a box that overlaps a recently seen one."""

def overlap(a: Sequence[float], b: Sequence[float]) -> float:
    """Intersection over union of two boxes x0, y0, x1, y1, 0..1."""

def whole_frame(width: int, height: int, columns: int, rows: int, align: str) -> Region:
    """The smallest region of the tensor's aspect ratio that holds the whole frame, centred (a letterbox)."""

_Bundle = tuple[str, str, dict[str, memoryview]]

def neighbour(bundle: _Bundle) -> str | None:
    """The name of the bundle that the detector is in, where that is another one. Raises BundleError."""

class TrackerModel:
    """What a bundle says of following faces; shared by all streams. Bundles are as `Bundle.native` gives them."""

    def __init__(self, bundle: _Bundle, beside: _Bundle | None = None) -> None:
        """Reads the sections `detect`, `face` and `expression`. Raises BundleError."""

    @property
    def networks(self) -> list[tuple[str, bool]]:
        """The networks that streams will want, and whether each is in the bundle beside."""

    @property
    def detects(self) -> bool:
        """Whether there is a detector; where nobody is followed, it is what a stream wants first."""

    @property
    def landmarks(self) -> int: ...

class Tracker:
    """One stream of frames. It never runs a network, but says which it wants run; safe to share between threads."""

    def __init__(
        self, model: TrackerModel, max_faces: int = 1, tracking: bool = True, smoothing: bool = True
    ) -> None: ...
    def begin(self, image: Image, t_ns: int) -> None:
        """Takes a frame. What was wanted for the one before is given up."""

    def wants(self) -> int | None:
        """The number of the network that is to be run now, its inputs being ready; None: the faces are known. Raises
        ModelError."""

    def inputs(self, network: int) -> dict[str, NDArray[Any]]:
        """The memory of a network's inputs: name -> array, the same for as long as the tracker lives."""

    def answer(self, outputs: dict[str, NDArray[np.float32]]) -> None:
        """Takes what the wanted network gave, name -> array. Raises ModelError; the frame is then given up."""

    def faces(self) -> list[dict[str, Any]]:
        """For each face the fields of its FaceState, but t_ns, layout and stale; `head` as a tuple of fields."""
