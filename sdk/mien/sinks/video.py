"""Annotated pictures: a video file, or a picture per frame where the name ends like one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mien._extras import need, quiet
from mien.errors import SinkError
from mien.sinks._draw import annotate
from mien.sinks._files import check_writable, opening
from mien.sinks.base import Sink
from mien.sources.image import SUFFIXES
from mien.types import FaceState, Frame, ImuWindow

_CODECS = {".mp4": "mp4v", ".m4v": "mp4v", ".mkv": "mp4v", ".mov": "mp4v", ".avi": "MJPG", ".webm": "VP80"}
_USUAL_FPS = 25.0


class VideoFile(Sink):
    """Writes what `annotate` draws, or the frames as they are. The video's rate is that of the first two frames' times.

    A picture name (``out.png``) is written for the first frame; later frames get ``out_0001.png`` ... A disk that was
    too full for a video is noticed when it is closed.
    """

    def __init__(self, address: str, annotated: bool = True) -> None:
        self._annotated = annotated
        with opening(address):
            self._path = Path(address)
        self._cv2 = need("cv2", "Writing pictures and videos")
        suffix = self._path.suffix.lower()
        if suffix not in _CODECS and suffix not in SUFFIXES:
            raise SinkError("sink.format", f"Cannot write {address!r}.", f"Known: {', '.join((*_CODECS, *SUFFIXES))}.")
        check_writable(address)
        self._writer: Any = None
        self._held: tuple[int, Any] | None = None
        self._count = 0
        self._size = (0, 0)
        self._closed = False

    def put(self, states: Sequence[FaceState], frame: Frame | ImuWindow | None = None) -> None:
        if not isinstance(frame, Frame):
            raise SinkError("sink.frame", "A video needs the frames as well as the states.", "Use put(states, frame).")
        if self._closed:
            raise SinkError("sink.write", f"{str(self._path)!r} is closed.", "Open another sink.")
        rgb = frame.to_rgb()
        picture = self._cv2.cvtColor(annotate(rgb, states) if self._annotated else rgb, self._cv2.COLOR_RGB2BGR)
        if self._path.suffix.lower() in SUFFIXES:
            self._picture(picture)
        elif self._writer is None and self._held is None:
            self._held = (frame.t_ns, picture)  # the rate is known only with the second frame
        else:
            if self._writer is None:
                self._start(frame.t_ns)
            self._write(picture)

    def _picture(self, picture: Any) -> None:
        name = self._path if not self._count else self._path.with_stem(f"{self._path.stem}_{self._count:04d}")
        self._count += 1
        ok, data = self._cv2.imencode(self._path.suffix, picture)
        if not ok:
            raise SinkError("sink.write", f"Cannot encode {str(name)!r}.", "Choose another format.")
        try:
            name.write_bytes(data.tobytes())
        except OSError as error:
            raise SinkError(
                "sink.write", f"Cannot write {str(name)!r}: {error.strerror}.", "Check the folder."
            ) from error

    def _start(self, t_ns: int | None) -> None:
        assert self._held is not None
        first_t, first = self._held
        fps = 1e9 / (t_ns - first_t) if t_ns is not None and t_ns > first_t else _USUAL_FPS
        self._size = (first.shape[1], first.shape[0])
        codec = self._cv2.VideoWriter_fourcc(*_CODECS[self._path.suffix.lower()])
        self._writer = self._cv2.VideoWriter(str(self._path), codec, fps, self._size)
        if not self._writer.isOpened():
            raise SinkError("sink.open", f"Cannot write {str(self._path)!r}.", "Try .mp4 or .avi.")
        self._write(first)
        self._held = None

    def _write(self, picture: Any) -> None:
        if (picture.shape[1], picture.shape[0]) != self._size:
            picture = self._cv2.resize(picture, self._size)
        with quiet(self._cv2):
            self._writer.write(picture)
        self._count += 1

    def close(self) -> None:
        self._closed = True
        if self._held is not None:
            self._start(None)
        if self._writer is not None:
            self._writer.release()
            self._writer = None
            self._check()

    def _check(self) -> None:
        """Raises SinkError if the file was not written to its end, of which OpenCV says nothing.

        FFmpeg writes nothing more after a failed write, and the number of frames comes last: without it the file
        cannot be opened (mp4), or states none (avi) or a negative one (mkv).
        """
        with quiet(self._cv2):
            capture = self._cv2.VideoCapture(str(self._path))
            stated = capture.get(self._cv2.CAP_PROP_FRAME_COUNT) if capture.isOpened() else 0
            capture.release()
        if stated < self._count / 2:
            raise SinkError("sink.write", f"{str(self._path)!r} is not complete.", "Is the disk full?")
