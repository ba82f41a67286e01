"""Pictures: one file, or a folder of them in name order. Each is a picture of its own."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np

from mien._checks import as_path
from mien._extras import need, quiet
from mien.errors import SourceError
from mien.sources.base import Source
from mien.types import Frame

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
_STEP_NS = 1_000_000_000


class Images(Source):
    """Reads pictures with OpenCV as BGR; alpha is dropped, gray gets three equal channels. Times are 0 s, 1 s ..."""

    independent: ClassVar[bool] = True

    def __init__(self, address: str) -> None:
        path = as_path(address, SourceError, "source.missing")
        if not path.exists():
            raise SourceError("source.missing", f"There is no picture {address!r}.", "Check the path.")
        files = [path]
        if path.is_dir():
            try:
                files = sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES and p.is_file())
            except OSError as error:
                raise SourceError(
                    "source.missing", f"Cannot list the folder {address!r}: {error.strerror}.", "Is it yours to read?"
                ) from error
        if not files:
            raise SourceError("source.empty", f"The folder {address!r} holds no pictures.", f"Known: {SUFFIXES}.")
        self._cv2 = need("cv2", "Reading pictures")
        self._files = files
        self._next = 0

    @classmethod
    def accepts(cls, address: str) -> bool:
        if Path(address).suffix.lower() in SUFFIXES:
            return True
        try:
            return Path(address).is_dir()
        except OSError:  # longer than any path
            return False

    def read(self) -> Frame | None:
        if self._next >= len(self._files):
            return None
        path = self._files[self._next]
        # imdecode of the bytes: imread would print to stderr for a missing file and cannot open every file name.
        try:
            data = np.fromfile(path, np.uint8)
            with quiet(self._cv2):
                picture = self._cv2.imdecode(data, self._cv2.IMREAD_COLOR) if data.size else None
        except (OSError, self._cv2.error) as error:
            raise SourceError(
                "source.truncated", f"{str(path)!r} cannot be read ({error}).", "Copy it again."
            ) from error
        if picture is None:
            raise SourceError("source.truncated", f"{str(path)!r} is not a readable picture.", "Copy it again.")
        frame = Frame.of(picture, "bgr", t_ns=self._next * _STEP_NS)
        self._next += 1
        return frame

    def length(self) -> int | None:
        return len(self._files)
