"""The cache of compiled networks: minutes of compilation once, not at every start.

An entry's name is a digest of all that it depends on: the model, the engine's version, the device and its driver, the
settings. An entry holds its own checksum, is written under another name and renamed when whole, and is thrown away
when it is damaged or the engine refuses it. Processes that compile the same thing at the same time wait for the first
one. When the folder has grown beyond its limit, what was used longest ago goes.

`MIEN_CACHE` names another folder (default: ~/.cache/mien), `MIEN_CACHE_MB` another limit (default 512; 0: no cache).
"""

from __future__ import annotations

import hashlib
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

if sys.platform != "win32":
    import fcntl

Loaded = TypeVar("Loaded")

log = logging.getLogger("mien")

_MAGIC = b"mien-cache-1\n"
_HEAD = len(_MAGIC) + 32


def folder() -> Path:
    """Where compiled networks are kept; it need not exist."""
    named = os.environ.get("MIEN_CACHE")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "mien"


def limit() -> int:
    """The most that the folder may hold, in bytes."""
    try:
        return int(float(os.environ.get("MIEN_CACHE_MB", "512")) * 1e6)
    except ValueError:
        return 512_000_000


def key(*parts: bytes | memoryview | str) -> str:
    """A name for what depends on these parts and nothing else."""
    whole = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        whole.update(len(data).to_bytes(8, "little"))
        whole.update(data)
    return whole.hexdigest()


def cached(
    name: str, load: Callable[[bytes], Loaded], compile_: Callable[[], Loaded], dump: Callable[[Loaded], bytes]
) -> Loaded:
    """What the entry `name` holds; compiled, and kept for the next time, if there is none or it is no good.

    A folder that cannot be written, or a limit of 0, costs the cache and nothing else.

    Args:
        load: makes the network of an entry's bytes; any exception means that the entry is no good.
        compile_: makes it anew; its exceptions are the caller's. dump: its bytes for the entry.
    """
    where = folder() / f"{name}.bin"
    if not limit():
        return compile_()
    with _alone(where):
        found = _read(where)
        if found is not None:
            try:
                loaded = load(found)
            except Exception as error:  # whatever an engine says to another version's bytes
                _discard(where, f"the engine refuses it ({str(error).strip().splitlines()[-1][:200] or error!r})")
            else:
                with suppress(OSError):
                    os.utime(where)
                return loaded
        made = compile_()
        try:
            _write(where, dump(made))
        except Exception as error:
            log.warning("The compiled network is not kept for the next start: %s", error)
        return made


def _read(where: Path) -> bytes | None:
    try:
        data = where.read_bytes()
    except OSError:
        return None
    body = data[_HEAD:]
    if data[: len(_MAGIC)] != _MAGIC or hashlib.sha256(body).digest() != data[len(_MAGIC) : _HEAD]:
        _discard(where, "its checksum is wrong")
        return None
    return body


def _discard(where: Path, reason: str) -> None:
    log.warning("The cache entry %s is thrown away: %s.", where.name, reason)
    with suppress(OSError):
        where.unlink()


def _write(where: Path, body: bytes) -> None:
    part = where.with_name(f".{os.getpid()}-{where.name}")
    try:
        part.write_bytes(_MAGIC + hashlib.sha256(body).digest() + body)
        part.replace(where)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    _shrink(where)


def _shrink(newest: Path) -> None:
    """Removes what was used longest ago, but not the newest, until the rest is within the limit."""
    entries = []
    for path in newest.parent.glob("*.bin"):
        with suppress(OSError):
            about = path.stat()
            entries.append((about.st_mtime, about.st_size, path))
    total = sum(size for _, size, _ in entries)
    for _, size, path in sorted(entries):
        if total <= limit():
            return
        if path != newest:
            with suppress(OSError):
                path.unlink()
                path.with_suffix(".lock").unlink(missing_ok=True)
            total -= size


@contextmanager
def _alone(where: Path) -> Iterator[None]:
    """Keeps other processes from the same entry meanwhile, where the system has locks; without them both compile."""
    try:
        where.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = where.with_suffix(".lock").open("wb")
    except OSError:
        yield  # a folder that cannot be written: nothing is kept, nobody waits
        return
    with lock:
        if sys.platform != "win32":
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
