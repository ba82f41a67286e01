"""Frames from memory: any iterable of arrays or Frames, or a .npy file of them."""

from __future__ import annotations

from collections.abc import Iterable, Sized
from pathlib import Path
from typing import Any

import numpy as np

from mien._checks import within
from mien.errors import SourceError
from mien.sources.base import Source
from mien.sources.select import existing
from mien.types import Frame, ImuWindow

_END: Any = object()


class Frames(Source):
    """Wraps an iterable of Frame, ImuWindow or uint8 arrays ((H, W, 3) RGB ...); arrays get times at `fps`.

    One array, or a string or path that names a .npy file, holds (T, H, W, 3|4), (H, W, 3|4) or (H, W) uint8.
    """

    def __init__(self, address: str | Path | Iterable[Any], fps: float = 30.0) -> None:
        if not within(fps, 1e-6, 1e6):
            raise SourceError("source.setting", f"{fps!r} frames per second are impossible.", "Give 1e-6..1e6.")
        self._length: int | None = None
        if isinstance(address, (str, Path)):
            try:
                stack = np.load(existing(str(address)), mmap_mode="r", allow_pickle=False)
            except (ValueError, OSError, EOFError) as error:
                raise SourceError("source.truncated", f"{address!r} is no complete .npy file ({error}).", "") from error
            if not isinstance(stack, np.ndarray):
                stack.close()
                raise SourceError("source.format", f"{address!r} is an archive, not one array.", "Save with np.save.")
            address = stack
        if isinstance(address, np.ndarray):
            if not 2 <= address.ndim <= 4:
                raise SourceError(
                    "source.format", f"An array of shape {address.shape} holds no pictures.", "Give (T, H, W, 3)."
                )
            if address.ndim == 2 or (address.ndim == 3 and address.shape[-1] in (1, 3, 4)):
                address = address[None]
        if not isinstance(address, Iterable):
            raise SourceError(
                "source.unknown", f"{address!r:.200} holds no frames.", "Give a list or another iterable of pictures."
            )
        if isinstance(address, Sized):
            self._length = len(address)
        self._items = iter(address)
        self._step_ns = 1e9 / fps
        self._count = 0

    @classmethod
    def accepts(cls, address: str) -> bool:
        return address.lower().endswith(".npy")

    def read(self) -> Frame | ImuWindow | None:
        item = next(self._items, _END)
        if item is _END:
            return None
        if item is None:
            raise SourceError("source.item", f"Item {self._count} is None, not a picture.", "Leave it out.")
        t_ns = round(self._count * self._step_ns)
        self._count += 1
        return item if isinstance(item, (Frame, ImuWindow)) else Frame.of(item, t_ns=t_ns)

    def length(self) -> int | None:
        return self._length
