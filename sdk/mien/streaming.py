"""Frames from a reader thread to the consumer through a bounded queue, with a drop policy and exact counts."""

from __future__ import annotations

import atexit
import logging
from collections import deque
from collections.abc import Generator
from threading import Condition, Thread
from typing import Generic, TypeVar

from mien.errors import InputError
from mien.sources.base import Source
from mien.types import Frame, ImuWindow

log = logging.getLogger("mien")

T = TypeVar("T")

POLICIES = ("oldest", "newest", "block")
_STOP_S = 0.08  # how long a stop waits for a reader that sits in its source
_EXIT_S = 1.0  # the same at the end of the program


class FrameQueue:
    """A bounded queue between one reader and one consumer.

    Args:
        drop: what gives way when the queue is full: ``"oldest"`` (freshest picture wins), ``"newest"`` (what came first
            is finished), ``"block"`` (nothing; the source waits).
        size: frames kept at most, 1 or more.

    Attributes:
        received: frames that the source delivered; delivered: frames handed to the consumer; dropped: frames discarded
            because of the policy. received = delivered + dropped + those still waiting.

    Raises:
        InputError: unknown policy or impossible size.
    """

    def __init__(self, drop: str, size: int) -> None:
        if drop not in POLICIES:
            raise InputError("stream.drop", f"Unknown drop policy {drop!r}.", f"Use one of {', '.join(POLICIES)}.")
        if not isinstance(size, int) or size < 1:
            raise InputError("stream.queue", f"A queue of {size!r} frames holds nothing.", "Give 1 or more.")
        self._drop = drop
        self._size = size
        self._frames: deque[Frame | ImuWindow] = deque()
        self._changed = Condition()
        self._ended = False
        self._error: BaseException | None = None
        self.received = self.delivered = self.dropped = 0

    def put(self, frame: Frame | ImuWindow) -> bool:
        """Adds a frame by the policy; False once the queue is closed."""
        with self._changed:
            if self._drop == "block":
                self._changed.wait_for(lambda: self._ended or len(self._frames) < self._size)
            if self._ended:
                return False
            self.received += 1
            if len(self._frames) >= self._size:
                self.dropped += 1
                if self._drop == "newest":
                    return True
                self._frames.popleft()
            self._frames.append(frame)
            self._changed.notify_all()
            return True

    def get(self) -> Frame | ImuWindow | None:
        """The next frame; None at the end. Raises what the reader raised, after the frames before it."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._frames) or self._ended)
            if self._frames:
                self.delivered += 1
                frame = self._frames.popleft()
                self._changed.notify_all()
                return frame
            if self._error is not None:
                error, self._error = self._error, None
                raise error
            return None

    def end(self, error: BaseException | None = None) -> None:
        """No more frames will come; those waiting can still be taken."""
        with self._changed:
            self._ended = True
            self._error = error
            self._changed.notify_all()

    def waiting(self) -> int:
        """How many frames wait."""
        with self._changed:
            return len(self._frames)


class _Reader:
    """The thread that reads one source into one queue."""

    def __init__(self, source: Source, queue: FrameQueue) -> None:
        self.source = source
        self.queue = queue
        self._thread = Thread(target=self._read, name="mien-reader", daemon=True)

    def start(self) -> None:
        """Begins, after an earlier reader of the same source has ended: two threads in one source lose frames."""
        for other in [reader for reader in _running if reader.source is self.source]:
            other._thread.join()
        _running.append(self)
        self._thread.start()

    def stop(self, wait_s: float = _STOP_S) -> bool:
        """Ends the queue and waits a moment for the thread; whether it has ended."""
        self.queue.end()
        self._thread.join(wait_s)
        return not self._thread.is_alive()

    def _read(self) -> None:
        try:
            while (frame := self.source.read()) is not None:
                if not self.queue.put(frame):
                    return
        except BaseException as error:
            self.queue.end(error)
        else:
            self.queue.end()
        finally:
            _running.remove(self)


_running: list[_Reader] = []


@atexit.register
def _stop_readers() -> None:
    """A thread that sits in OpenCV while the interpreter is torn down would abort the process."""
    for reader in tuple(_running):  # they remove themselves
        if not reader.stop(_EXIT_S):
            reader.source.close()
            reader.stop(_EXIT_S)


def frames(source: Source, queue: FrameQueue) -> Generator[Frame | ImuWindow]:
    """The frames of a source as they come through the queue; closing the iterator stops the reader."""
    reader = _Reader(source, queue)
    reader.start()
    try:
        while (frame := queue.get()) is not None:
            yield frame
    finally:
        if not reader.stop():
            log.info("the reader of %s still waits for its source; it ends with the next frame", source)


class Stream(Generic[T]):
    """An iterator over a source. Leaving the loop early: `close` it, or use it as a context manager.

    It also closes itself when it is dropped, so that a loop that is left by `break` frees the camera.
    """

    def __init__(self, items: Generator[T], source: Source, owned: bool) -> None:
        self._items = items
        self._source = source
        self._owned = owned

    def __iter__(self) -> Stream[T]:
        return self

    def __next__(self) -> T:
        return next(self._items)

    def close(self) -> None:
        """Stops the reader, and closes the source if the stream opened it. May be called again."""
        self._items.close()
        if self._owned:
            self._source.close()

    def __enter__(self) -> Stream[T]:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()
