"""What sinks that write files share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mien.errors import SinkError


@contextmanager
def writing(address: str) -> Iterator[None]:
    """Turns a failed write, or one after `close`, into a SinkError."""
    try:
        yield
    except BrokenPipeError:
        raise  # the reader of a pipe left, which ends a program quietly
    except (OSError, ValueError) as error:
        raise SinkError(
            "sink.write", f"Cannot write {address!r}: {error}.", "Is the disk full, or the sink closed?"
        ) from error
