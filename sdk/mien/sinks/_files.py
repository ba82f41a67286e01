"""What sinks that write files share."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mien.errors import SinkError
from mien.sources.image import SUFFIXES


@contextmanager
def opening(address: str | os.PathLike[str]) -> Iterator[None]:
    """Turns the failure to open a file, or an address that is none, into a SinkError."""
    try:
        yield
    except (OSError, ValueError, TypeError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or error
        raise SinkError("sink.open", f"Cannot write {address!r:.200}: {why}.", "Check the folder.") from error


def check_writable(address: str | os.PathLike[str]) -> Path:
    """The path of a file that can be written later; what it holds now stays. Raises SinkError."""
    with opening(address):
        path = Path(address)
        there = path.exists()
        path.open("ab").close()
        if not there:
            path.unlink()
    return path


def check_distinct(outputs: Sequence[Path], inputs: Sequence[Path]) -> None:
    """Refuses outputs that would overwrite an input, a picture of an input folder, or one another. Raises SinkError."""
    for place, output in enumerate(outputs):
        for other in (*inputs, *outputs[:place]):
            with opening(output):
                inside = other.is_dir() and output.suffix.lower() in SUFFIXES and _same(output.parent, other)
                if inside or _same(output, other):
                    raise SinkError(
                        "sink.conflict",
                        f"Writing {str(output)!r} would destroy {str(other)!r}, which is used too.",
                        "Write to another file.",
                    )


def _same(one: Path, other: Path) -> bool:
    """Whether both name one file or folder; devices may be named twice."""
    if one.exists() and other.exists():
        return one.samefile(other) and (one.is_file() or one.is_dir())
    return one.resolve() == other.resolve()


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
