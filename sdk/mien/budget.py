"""A budget of processor time for the whole process: mien then skips frames rather than take more than its share.

A bucket fills with the share of each second that is allowed and is emptied by what frames really cost. While it is
empty, frames are answered with the last state, marked stale, and counted as skipped in `Pipeline.report()`.
"""

from __future__ import annotations

import math
import time
from threading import Lock

from mien.errors import InputError

_BURST = 0.2  # seconds of allowance that may be saved up: a few frames in a row after a pause


class Budget:
    """See the module's text. Shared by all streams; thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._rate = math.inf  # seconds of processor time per second
        self._saved = 0.0
        self._last = 0.0

    def set(self, cpu_percent: float | None) -> None:
        """As `mien.set_budget`."""
        if cpu_percent is None:
            rate = math.inf
        elif isinstance(cpu_percent, (int, float)) and 0 < cpu_percent < math.inf:
            rate = cpu_percent / 100
        else:
            raise InputError(
                "budget.range", f"cpu_percent is {cpu_percent!r}.", "Give a number above 0 (100: one core), or None."
            )
        with self._lock:
            self._rate, self._saved, self._last = rate, 0.0, time.monotonic()

    @property
    def limited(self) -> bool:
        """Whether there is a limit."""
        return self._rate < math.inf

    def allows(self) -> bool:
        """Whether a frame may be computed now."""
        if not self.limited:
            return True
        with self._lock:
            now = time.monotonic()
            self._saved = min(self._saved + (now - self._last) * self._rate, _BURST * self._rate)
            self._last = now
            return self._saved >= 0

    def spend(self, seconds: float) -> None:
        """Takes what a frame has cost."""
        with self._lock:
            self._saved -= seconds


BUDGET = Budget()


def set_budget(*, cpu_percent: float | None) -> None:
    """Limits the processor time of all pipelines of this process together.

    Args:
        cpu_percent: of one core, so 100 is one core and 200 are two; None: no limit, as at the start.

    Frames beyond it are answered at once with the state of the frame before, marked `stale`; the rate adapts itself.

    Raises:
        InputError: the number makes no sense.
    """
    BUDGET.set(cpu_percent)
