"""Raw pixels in a file, as cameras and codecs dump them: frames of NV12, YUYV, RGB ... one behind the other."""

from __future__ import annotations

from urllib.parse import parse_qsl

import numpy as np

from mien.errors import SourceError
from mien.sources.base import Source
from mien.sources.select import existing
from mien.types import FORMATS, MAX_SIDE, YUV_MATRICES, YUV_RANGES, Frame

_PREFIX = "raw:"


class Raw(Source):
    """``raw:FILE?format=nv12&width=1280&height=720[&fps=30][&stride=1280][&matrix=bt709][&range=full]``.

    Each frame is read into memory of its own. `stride` is that of every plane.

    Raises:
        SourceError: a setting is missing or impossible, or the file holds no whole frame. A rest that is no whole frame
            raises after all whole ones were read.
    """

    def __init__(self, address: str) -> None:
        if not isinstance(address, str):
            raise SourceError("source.setting", f"{address!r} is no address.", f"Write {_PREFIX}FILE?format=...")
        path, _, query = address.removeprefix(_PREFIX).partition("?")
        settings = dict(parse_qsl(query))
        usage = f"Write {_PREFIX}FILE?format={'|'.join(FORMATS)}&width=W&height=H"
        try:
            self._format = settings.pop("format")
            self._width, self._height = int(settings.pop("width")), int(settings.pop("height"))
            fps = float(settings.pop("fps", "30"))
            stride = int(settings.pop("stride", "0"))
        except (KeyError, ValueError) as error:
            raise SourceError("source.setting", f"{address!r}: bad or missing setting ({error}).", usage) from error
        self._matrix, self._range = settings.pop("matrix", "bt601"), settings.pop("range", "limited")
        if settings or self._format not in FORMATS:
            raise SourceError("source.setting", f"{address!r}: unknown setting or format {list(settings)}.", usage)
        if not (1 <= self._width <= MAX_SIDE and 1 <= self._height <= MAX_SIDE and 1e-6 <= fps < 1e6):
            raise SourceError("source.setting", f"{address!r}: impossible size or rate.", usage)
        if self._matrix not in YUV_MATRICES or self._range not in YUV_RANGES:
            raise SourceError("source.setting", f"{address!r}: unknown matrix or range.", usage)
        if self._width % 2 and self._format in ("nv12", "nv21", "yuyv"):
            raise SourceError("source.setting", f"{address!r}: {self._format} needs even sizes.", usage)
        if self._height % 2 and self._format in ("nv12", "nv21"):
            raise SourceError("source.setting", f"{address!r}: {self._format} needs even sizes.", usage)
        self._step_ns = 1e9 / fps
        planar = self._format in ("nv12", "nv21")
        packed_row = self._width * {"rgb": 3, "bgr": 3, "rgba": 4, "bgra": 4, "yuyv": 2}.get(self._format, 1)
        row = stride or packed_row
        if row < packed_row:
            raise SourceError("source.setting", f"{address!r}: a row has {packed_row} bytes, not {stride}.", usage)
        self._strides = [row] * (2 if planar else 1)
        self._bytes = row * self._height * 3 // 2 if planar else row * self._height
        self._address = address
        self._next = 0
        self._path = existing(path)
        self._length = self._path.stat().st_size // self._bytes
        if self._length == 0:
            raise SourceError("source.truncated", f"{path!r} is shorter than one frame of {self._bytes} bytes.", usage)

    @classmethod
    def accepts(cls, address: str) -> bool:
        return address.startswith(_PREFIX)

    def read(self) -> Frame | None:
        # Read, not mapped: a mapped file that shrinks kills the process.
        try:
            data = np.fromfile(self._path, np.uint8, self._bytes, offset=self._next * self._bytes)
        except OSError as error:
            raise SourceError(
                "source.read", f"{self._address!r} cannot be read ({error}).", "Open it again."
            ) from error
        if not data.size:
            return None
        if data.size < self._bytes:
            raise SourceError(
                "source.truncated",
                f"{self._address!r} ends with {data.size} bytes of a frame of {self._bytes}.",
                "Check size.",
            )
        frame = Frame.from_buffer(
            data,
            self._format,
            self._width,
            self._height,
            t_ns=round(self._next * self._step_ns),
            strides=self._strides,
            yuv_matrix=self._matrix,
            yuv_range=self._range,
        )
        self._next += 1
        return frame

    def length(self) -> int | None:
        return self._length
