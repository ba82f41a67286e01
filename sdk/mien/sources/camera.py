"""A camera that may be unplugged: reopened when it comes back, its last frame meanwhile repeated and marked stale."""

from __future__ import annotations

import logging
import time
from threading import Event
from typing import ClassVar

from mien._checks import within
from mien._extras import need, quiet
from mien.errors import SourceError
from mien.sources._capture import Capture
from mien.sources.base import Source
from mien.types import U8, Frame

log = logging.getLogger("mien")


class Camera(Source):
    """A camera read through OpenCV. Times are the host's monotonic clock when the frame arrived.

    Args:
        device: a number, or what OpenCV can open: ``"/dev/video0"``, an RTSP address.
        width, height, fps: asked of the device, 0..1e6; 0 leaves its default.
        retry_s: pause between attempts to reopen a lost device, 0..1e6; each attempt yields one stale frame.
        give_up_s: after so long without a picture `read` raises; infinite by default.

    Raises:
        SourceError: the device cannot be opened now, or a setting is out of range.
    """

    live: ClassVar[bool] = True

    def __init__(
        self,
        device: int | str = 0,
        *,
        width: int = 0,
        height: int = 0,
        fps: float = 0,
        retry_s: float = 0.5,
        give_up_s: float = float("inf"),
    ) -> None:
        text = str(device).removeprefix("camera:")
        self._device: int | str = int(text) if text.isdecimal() else text
        self._wanted = {"FRAME_WIDTH": width, "FRAME_HEIGHT": height, "FPS": fps}
        for name, value, most in (
            ("width", width, 1e6),
            ("height", height, 1e6),
            ("fps", fps, 1e6),
            ("retry_s", retry_s, 1e6),
            ("give_up_s", give_up_s, float("inf")),
        ):
            if not within(value, 0, most):
                raise SourceError("source.setting", f"{name} is {value!r}.", f"Give 0..{most:g}.")
        self._retry_s = retry_s
        self._give_up_s = give_up_s
        self._cv2 = need("cv2", "Reading cameras")
        self._closed = Event()
        self._last: U8 | None = None
        self._seen_ns = time.monotonic_ns()
        self.reconnects = 0
        self._capture = self._open()
        if self._capture is None:
            raise SourceError(
                "camera.absent",
                f"Camera {device!r} cannot be opened.",
                "Is it plugged in, free, and readable by you (group video)? `mien doctor` lists devices.",
            )

    @classmethod
    def accepts(cls, address: str) -> bool:
        return address.startswith(("camera:", "/dev/video", "rtsp://")) or address.isdecimal()

    def _open(self) -> Capture | None:
        try:
            with quiet(self._cv2):
                capture = self._cv2.VideoCapture(self._device)
        except self._cv2.error:  # a number beyond all devices
            return None
        if not capture.isOpened():
            capture.release()
            return None
        for name, value in self._wanted.items():
            if value:
                capture.set(getattr(self._cv2, f"CAP_PROP_{name}"), value)
        return Capture(capture)

    def read(self) -> Frame | None:
        while not self._closed.is_set():
            if self._capture is None:
                self._capture = self._open()
                if self._capture is not None:
                    self.reconnects += 1
                if self._closed.is_set():
                    break
            picture = self._capture.read() if self._capture is not None else None
            now = time.monotonic_ns()
            if picture is not None:
                self._last, self._seen_ns = picture, now
                return Frame.of(picture, "bgr", t_ns=now)
            if self._capture is not None:
                log.warning("camera %s gives no frames; trying to reopen it", self._device)
                self._capture.release()
                self._capture = None
            if now - self._seen_ns > self._give_up_s * 1e9:
                raise SourceError(
                    "camera.lost",
                    f"Camera {self._device!r} gave no frame for {self._give_up_s} s.",
                    "Plug it in again.",
                )
            self._closed.wait(self._retry_s)
            if self._last is not None and not self._closed.is_set():
                return Frame.of(self._last, "bgr", t_ns=time.monotonic_ns(), stale=True)
        self.close()  # a device that was opened again while `close` ran
        return None

    def close(self) -> None:
        self._closed.set()
        if (capture := self._capture) is not None:
            capture.release()
