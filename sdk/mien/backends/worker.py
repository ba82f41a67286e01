"""Worker: a thread of mien's own, for a device that may hang and for engines that shall keep to some cores.

A thread inherits the cores and the priority of the one that starts it. So a session that is loaded and run in a worker
has its engine's own threads where the worker is, whatever engine that is, and the host's threads stay as they are.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from mien.errors import InputError

Made = TypeVar("Made")

_NICE = 10  # what `nice` adds by default


class Worker:
    """Does one job at a time; ends when nobody refers to it any more, or with the program.

    Args:
        name: of the thread. cores: it keeps to these; none: to all. low_priority: it gives way to other programs.
    """

    def __init__(self, name: str, cores: Sequence[int] = (), low_priority: bool = False) -> None:
        self._jobs: SimpleQueue[Any] = SimpleQueue()
        self._turn = threading.Lock()
        # The thread must not refer to this object: it would keep it, and what it works for, alive.
        threading.Thread(target=_serve, args=(self._jobs,), name=name, daemon=True).start()
        if cores or low_priority:
            self.call(lambda: _settle(cores, low_priority))

    def call(self, work: Callable[[], Made], seconds: float | None = None) -> Made:
        """What `work` returns, done in the thread.

        Raises:
            TimeoutError: it took longer than `seconds`; the thread may be lost. And whatever `work` raises.
        """
        answer: SimpleQueue[tuple[bool, Any]] = SimpleQueue()
        with self._turn:
            self._jobs.put((work, answer))
            try:
                good, said = answer.get(timeout=seconds)
            except Empty:
                raise TimeoutError from None
        if not good:
            raise said
        made: Made = said
        return made

    def __del__(self) -> None:
        self._jobs.put(None)


def _serve(jobs: SimpleQueue[Any]) -> None:
    while (job := jobs.get()) is not None:
        work, answer = job
        try:
            answer.put((True, work()))
        except BaseException as error:
            answer.put((False, error))
        del job, work, answer  # or they would live until the next one


def _settle(cores: Sequence[int], low_priority: bool) -> None:
    """Moves the calling thread. On Linux 0 means the thread, not the process."""
    if sys.platform == "linux":
        if cores:
            os.sched_setaffinity(0, cores)
        if low_priority:
            thread = threading.get_native_id()
            os.setpriority(os.PRIO_PROCESS, thread, min(os.getpriority(os.PRIO_PROCESS, thread) + _NICE, 19))


def check_cores(cores: Sequence[int] | None, low_priority: bool) -> tuple[int, ...]:
    """The cores, checked.

    Raises:
        InputError: one of them is not there, or this system cannot place threads.
    """
    if (cores is not None or low_priority) and sys.platform != "linux":
        what = "open.cores" if cores is not None else "open.low_priority"
        raise InputError(what, f"Threads cannot be placed on {sys.platform}.", "Leave it out; it works on Linux.")
    if cores is None:
        return ()
    here = os.sched_getaffinity(0) if sys.platform == "linux" else set()
    if not isinstance(cores, (list, tuple, range, set)) or not cores or not set(cores) <= here:
        raise InputError(
            "open.cores", f"cores is {cores!r}.", f"Give some of those that this process may use: {sorted(here)}."
        )
    return tuple(cores)
