"""What flows through mien: Frame, ImuWindow and AudioBlock in, FaceState out.

Sources make the inputs, tasks turn them into FaceState, filters and sinks take it on. Time is int64 nanoseconds of the
source's clock, everywhere.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mien import _native
from mien.errors import InputError
from mien.imu_window import ImuWindow as ImuWindow
from mien.layouts import Layout, layout

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]

_CHANNELS = {"rgb": 3, "bgr": 3, "rgba": 4, "bgra": 4, "gray8": 1, "nv12": 1, "nv21": 1, "yuyv": 2}
_PLANAR = ("nv12", "nv21")
MAX_SIDE = 32767
YUV_MATRICES, YUV_RANGES = ("bt601", "bt709"), ("limited", "full")
FORMATS = tuple(_CHANNELS)


def _is_integer(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _check_format(format: Any) -> None:
    if format not in FORMATS:
        raise InputError("image.format", f"Unknown pixel format {format!r}.", f"Known: {', '.join(FORMATS)}.")


def _check_size(width: Any, height: Any) -> tuple[int, int]:
    """Both as Python integers: arithmetic in numpy's 16 or 32 bits would wrap and let a short buffer pass."""
    if not all(_is_integer(side) and 1 <= side <= MAX_SIDE for side in (width, height)):
        raise InputError("image.shape", f"{width}x{height} is no possible size.", f"Give integers of 1..{MAX_SIDE}.")
    return int(width), int(height)


def check_time(t_ns: Any) -> int:
    """Returns `t_ns` as int. Raises InputError unless it is an integer number of nanoseconds within int64."""
    if isinstance(t_ns, (bool, np.bool_)) or not isinstance(t_ns, (int, np.integer)):
        raise InputError(
            "time.type",
            f"A timestamp is an integer number of nanoseconds, not {t_ns!r}.",
            "Convert seconds with int(seconds * 1e9).",
        )
    if not -(2**63) <= int(t_ns) < 2**63:
        raise InputError("time.range", f"The timestamp {t_ns} does not fit in 64 bits.", "Give nanoseconds.")
    return int(t_ns)


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture, borrowed: the pixel memory stays the caller's and is never copied.

    Attributes:
        planes: uint8 arrays; one (H, W, C) or (H, W) array for packed formats, two for NV12/NV21:
            Y (H, W) and interleaved chroma (H/2, W/2, 2). Rows may be padded (any positive row stride).
        format: one of `FORMATS`.
        width, height: pixels, 1..32767; even for NV12/NV21, width even for YUYV.
        t_ns: int64 nanoseconds of the source's clock.
        stale: True when the source could not deliver a new picture and repeats its last one.
        yuv_matrix: ``"bt601"`` or ``"bt709"``; yuv_range: ``"limited"`` or ``"full"``; YUV formats only.

    Raises:
        InputError: wrong dtype, shape, stride, parity or format.
    """

    planes: tuple[U8, ...]
    format: str
    width: int
    height: int
    t_ns: int
    stale: bool = False
    yuv_matrix: str = "bt601"
    yuv_range: str = "limited"
    image: _native.Image = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check_format(self.format)
        if self.yuv_matrix not in YUV_MATRICES or self.yuv_range not in YUV_RANGES:
            known = ", ".join(YUV_MATRICES + YUV_RANGES)
            raise InputError(
                "image.format", f"Unknown YUV {self.yuv_matrix!r}, {self.yuv_range!r}.", f"Known: {known}."
            )
        if not isinstance(self.planes, (tuple, list)):
            raise InputError(
                "image.type", f"Planes are a tuple of arrays, not {self.planes!r}.", "Use Frame.of(array)."
            )
        width, height = _check_size(self.width, self.height)
        object.__setattr__(self, "planes", tuple(self.planes))
        object.__setattr__(self, "width", width)
        object.__setattr__(self, "height", height)
        object.__setattr__(self, "stale", bool(self.stale))
        for plane in self.planes:
            if not isinstance(plane, np.ndarray) or plane.dtype != np.uint8:
                kind = plane.dtype if isinstance(plane, np.ndarray) else type(plane).__name__
                raise InputError(
                    "image.dtype",
                    f"Pixels are uint8 arrays, not {kind}.",
                    "Scale to 0..255 and convert with .astype(np.uint8).",
                )
        object.__setattr__(self, "t_ns", check_time(self.t_ns))
        native = _native.Image(self.format, self.width, self.height, list(self.planes), self.yuv_matrix, self.yuv_range)
        object.__setattr__(self, "image", native)

    @classmethod
    def of(cls, pixels: U8, format: str | None = None, *, t_ns: int | None = None, stale: bool = False) -> Frame:
        """A frame around one packed array.

        Args:
            pixels: uint8 (H, W, 3|4|1) or (H, W); views with padded rows are fine.
            format: default ``"rgb"`` for 3 channels, ``"rgba"`` for 4, ``"gray8"`` for 1.
            t_ns: default: the host's monotonic clock now.

        Raises:
            InputError: not an array of such a shape and dtype.
        """
        if not isinstance(pixels, np.ndarray):
            raise InputError(
                "image.type", f"A frame is a numpy array, not {type(pixels).__name__}.", "Convert with np.asarray()."
            )
        if pixels.ndim not in (2, 3):
            raise InputError(
                "image.shape",
                f"A picture has shape (H, W, C) or (H, W), not {pixels.shape}.",
                "Pass one frame at a time.",
            )
        channels = 1 if pixels.ndim == 2 else pixels.shape[2]
        if format is None:
            try:
                format = {3: "rgb", 4: "rgba", 1: "gray8"}[channels]
            except KeyError:
                raise InputError(
                    "image.shape",
                    f"A picture has 1, 3 or 4 channels, not {channels} (shape {pixels.shape}).",
                    "Is it channels-first? Transpose to (H, W, C).",
                ) from None
        _check_format(format)
        if _CHANNELS[format] != channels or format in _PLANAR:
            raise InputError(
                "image.shape",
                f"{format} is not one array of {channels} channels (shape {pixels.shape}).",
                "Use Frame.from_buffer for planar formats.",
            )
        now = time.monotonic_ns() if t_ns is None else t_ns
        return cls((pixels,), format, pixels.shape[1], pixels.shape[0], now, stale)

    @classmethod
    def from_buffer(
        cls,
        buffer: Any,
        format: str,
        width: int,
        height: int,
        *,
        t_ns: int | None = None,
        strides: Sequence[int] | None = None,
        yuv_matrix: str = "bt601",
        yuv_range: str = "limited",
    ) -> Frame:
        """A frame around a camera buffer (anything with the buffer protocol), planes one behind the other.

        Args:
            buffer: the bytes; borrowed.
            strides: bytes per row of each plane; default: no padding.

        Raises:
            InputError: the buffer is too short for format, size and strides, or these are impossible.
        """
        _check_format(format)
        width, height = _check_size(width, height)
        planar = format in _PLANAR
        if (planar and (width % 2 or height % 2)) or (format == "yuyv" and width % 2):
            raise InputError("image.shape", f"{format} needs even sizes, not {width}x{height}.", "Crop by one pixel.")
        row = width * _CHANNELS[format]
        geometry = [(height, row)] + ([(height // 2, width)] if planar else [])
        steps: Any = [columns for _, columns in geometry] if strides is None else strides
        if not isinstance(steps, Sequence) or len(steps) != len(geometry) or not all(map(_is_integer, steps)):
            raise InputError(
                "image.stride", f"{format} has {len(geometry)} plane(s), got the strides {strides!r}.", "Give one each."
            )
        steps = [int(step) for step in steps]
        try:
            data = np.frombuffer(buffer, np.uint8)
        except (TypeError, ValueError, BufferError) as error:
            raise InputError(
                "image.type", f"Pixels cannot be read in place from {type(buffer).__name__} ({error}).", "Give bytes."
            ) from error
        planes, offset = [], 0
        for (rows, columns), step in zip(geometry, steps, strict=True):
            if step < columns:
                raise InputError(
                    "image.stride",
                    f"A row of {format} {width}x{height} has {columns} bytes; stride {step} makes rows overlap.",
                    "Give the bytes from one row to the next.",
                )
            last = offset + (rows - 1) * step + columns
            if last > data.size:
                raise InputError(
                    "image.truncated",
                    f"{format} {width}x{height} with strides {steps} needs {last} bytes, the buffer has {data.size}.",
                    "Check size and format of the camera.",
                )
            planes.append(np.lib.stride_tricks.as_strided(data[offset:], (rows, columns), (step, 1), writeable=False))
            offset += rows * step
        shaped = [planes[0].reshape(height, width, -1) if _CHANNELS[format] > 1 and steps[0] == row else planes[0]]
        now = time.monotonic_ns() if t_ns is None else t_ns
        return cls((*shaped, *planes[1:]), format, width, height, now, False, yuv_matrix, yuv_range)

    @property
    def span_ns(self) -> tuple[int, int]:
        """Its first and last moment, which are one and the same."""
        return self.t_ns, self.t_ns

    def to_rgb(self) -> U8:
        """The whole picture as a new (H, W, 3) uint8 RGB array (for drawing and saving, not for the hot path)."""
        spec = _native.TensorSpec(
            self.width, self.height, "uint8", "nhwc", "rgb", "replicate", [1.0] * 3, [0.0] * 3, 1.0, 0
        )
        out = np.empty((self.height, self.width, 3), np.uint8)
        _native.image_to_tensor(self.image, np.eye(2, 3), spec, out)
        return out


@dataclass(frozen=True, eq=False)
class AudioBlock:
    """Mono audio: samples (N,) float32 in -1..1 at `rate` Hz; t_ns is the time of the first sample."""

    t_ns: int
    samples: F32
    rate: int


@dataclass(frozen=True)
class HeadPose:
    """Where the head is, seen from the camera.

    Attributes:
        rotation: unit quaternion x, y, z, w (w >= 0) from head to camera axes: x right, y up, z towards the viewer.
        translation: metres in camera space; a face in front of the camera has negative z.
        residual: root mean square of the fit, in the fit's units (pixels for 2-D points, centimetres with depth).
    """

    rotation: tuple[float, float, float, float]
    translation: tuple[float, float, float]
    residual: float

    def matrix(self) -> npt.NDArray[np.float64]:
        """The 4x4 transform from head to camera, metres."""
        x, y, z, w = self.rotation
        out = np.eye(4)
        out[:3, :3] = [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
        out[:3, 3] = self.translation
        return out


@dataclass(frozen=True, eq=False)
class FaceState:
    """What is known of one face at one moment. What was not measured is None or `valid` False, never a silent 0.

    Attributes:
        t_ns: the frame's time.
        id: stable while the face is tracked; -1 when no face was found.
        layout: names of `values`.
        values: float32 (K,), 0..1, filtered by the filters that the user configured.
        raw: the same before any filter.
        valid: bool (K,); False where the model does not give this coefficient, its region of the face is hidden (values
            and raw then hold the model's guess), or no face was found.
        confidence: 0..1, the model's own score that a face is there; 0 when none was found.
        extras: coefficients that no layout has (directions of the tongue), name -> 0..1, unfiltered; NaN where hidden.
        visibility: region of the face -> 0..1, the model's score that it can be seen.
        box: x0, y0, x1, y1 in frame pixels (the landmarks' hull).
        landmarks: float32 (N, 3) in frame pixels, depth in the same unit (smaller is nearer; 0 where not measured).
        head: head pose. gaze: (2, 3) unit vectors (left, right eye), camera axes.
        eyes: float32 (2, 2), where the gaze begins, in frame pixels.
        aus, emotion: name -> 0..1. valence, arousal: -1..1. embedding: float32 (64,), unit length.
        raw_embedding: float32 (64,), before the user's neutral one is taken off; see `mean_embedding`.
        unknown: 0..1, that the expression is none of `emotion`. attention: float32 (14, 14), where the model looked in
            its crop; sums to 1.
        stale: the source repeated an old frame, or a hold filter bridges a gap.
    """

    t_ns: int
    id: int
    layout: Layout
    values: F32
    raw: F32
    valid: Bool
    confidence: float
    box: tuple[float, float, float, float] | None = None
    landmarks: F32 | None = None
    head: HeadPose | None = None
    gaze: F32 | None = None
    aus: dict[str, float] | None = None
    emotion: dict[str, float] | None = None
    valence: float | None = None
    arousal: float | None = None
    embedding: F32 | None = None
    stale: bool = False
    extras: dict[str, float] | None = None
    visibility: dict[str, float] | None = None
    eyes: F32 | None = None
    raw_embedding: F32 | None = None
    unknown: float | None = None
    attention: F32 | None = None

    @property
    def found(self) -> bool:
        """Whether a face was found."""
        return self.id >= 0

    def __getitem__(self, name: str) -> float:
        """The value of one coefficient or extra; NaN if it is not valid. Raises LayoutError for an unknown name."""
        if self.extras and name in self.extras:
            return self.extras[name]
        index = self.layout.index(name)
        return float(self.values[index]) if self.valid[index] else float("nan")

    def to(self, target: str | Layout) -> FaceState:
        """The same state with its coefficients renamed and reordered to another layout."""
        other = target if isinstance(target, Layout) else layout(target)
        values, valid = self.layout.convert(self.values, self.valid, other)
        raw, _ = self.layout.convert(self.raw, self.valid, other)
        return replace(self, layout=other, values=values, raw=raw, valid=valid)

    def to_dict(self, landmarks: bool = False) -> dict[str, Any]:
        """A JSON-ready dictionary; invalid coefficients are null. `landmarks` adds the points."""
        out: dict[str, Any] = {
            "t_ns": self.t_ns,
            "id": self.id,
            "found": self.found,
            "confidence": round(float(self.confidence), 6),
            "stale": self.stale,
            "layout": self.layout.name,
            "values": {
                name: round(float(value), 6) if ok else None
                for name, value, ok in zip(self.layout.names, self.values, self.valid, strict=True)
            },
            "valid": {name: bool(ok) for name, ok in zip(self.layout.names, self.valid, strict=True)},
            "box": None if self.box is None else [round(float(v), 3) for v in self.box],
            "head": None
            if self.head is None
            else {
                "rotation_xyzw": [round(v, 6) for v in self.head.rotation],
                "translation_m": [round(v, 6) for v in self.head.translation],
                "residual": round(self.head.residual, 6),
            },
            **{name: _plain(getattr(self, name)) for name in _MEASURED},
        }
        if landmarks:
            out["landmarks"] = None if self.landmarks is None else np.round(self.landmarks, 3).tolist()
        return out


# What goes into a dictionary as it is, when it was measured.
_MEASURED: tuple[str, ...] = ("gaze", "eyes", "extras", "visibility", "aus", "emotion", "valence", "arousal", "unknown")
_MEASURED += ("embedding", "raw_embedding", "attention")


def _plain(value: Any) -> Any:
    """Numbers, arrays and dictionaries of numbers for JSON: 6 decimals, NaN as null."""
    if value is None:
        return None
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, np.ndarray):
        return np.round(value.astype(np.float64), 6).tolist()
    return None if value != value else round(float(value), 6)


def no_face(t_ns: int, names: Layout, stale: bool = False) -> FaceState:
    """The state of a frame in which no face was found: nothing valid, confidence 0, id -1."""
    zeros, invalid = np.zeros(len(names), np.float32), np.zeros(len(names), np.bool_)
    zeros.setflags(write=False)
    invalid.setflags(write=False)
    return FaceState(t_ns, -1, names, zeros, zeros, invalid, 0.0, stale=stale)
