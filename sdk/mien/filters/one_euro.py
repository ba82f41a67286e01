"""One-Euro low-pass on coefficients, with its own strength for each group of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from mien import _native
from mien._checks import within
from mien.errors import InputError
from mien.filters.base import Filter
from mien.types import FaceState


class OneEuro(Filter):
    """Casiez et al. 2012, with the true time between frames.

    Args:
        min_cutoff: Hz, the cutoff at rest: lower is smoother.
        beta: Hz per (unit / s): higher follows fast motion closer.
        derivative_cutoff: Hz.
        groups: coefficient-name prefix -> (min_cutoff, beta) that differ from the above, e.g. ``{"eye": (4.0, 1.0)}``;
            the longest matching prefix counts.
        settle: a value's n-th sample weighs at least 1 / n, which is not in the paper. A young filter then is the mean
            of what it has seen, instead of clinging to the noise of its first sample.
        catch_up: the speed is that from the filtered value to the new one, where the paper takes that between raw
            values, and counts by its square: beta is in Hz per (unit / s)^2. A value that stays away from the filtered
            one pulls it until it is there, while noise, which goes to and fro, pulls little.

    Raises:
        InputError: a frequency is not in 1e-6..1e6 or beta not in 0..1e6.
    """

    def __init__(
        self,
        min_cutoff: float = 1.5,
        beta: float = 0.5,
        derivative_cutoff: float = 1.0,
        groups: Mapping[str, tuple[float, float]] | None = None,
        settle: bool = False,
        catch_up: bool = False,
    ) -> None:
        try:
            pairs = {str(prefix): (cutoff, speed) for prefix, (cutoff, speed) in dict(groups or {}).items()}
        except (TypeError, ValueError) as error:
            raise InputError(
                "filter.setting", f"groups is {groups!r:.200}.", 'Give prefixes and pairs: {"eye": (4.0, 1.0)}.'
            ) from error
        self._settings = (min_cutoff, beta, derivative_cutoff, pairs, settle, catch_up)
        for cutoff, speed in ((min_cutoff, beta), (derivative_cutoff, 0), *pairs.values()):
            if not within(cutoff, 1e-6, 1e6) or not within(speed, 0, 1e6):
                raise InputError(
                    "filter.setting",
                    f"One-Euro with a cutoff of {cutoff!r} Hz and beta {speed!r} is impossible.",
                    "Give 1e-6..1e6 and 0..1e6.",
                )
        self._names: tuple[str, ...] = ()
        self._filter: _native.OneEuro | None = None

    def fresh(self) -> OneEuro:
        return OneEuro(*self._settings)

    def apply(self, state: FaceState) -> FaceState:
        if self._filter is None or self._names != state.layout.names:
            self._names = state.layout.names
            self._filter = self._build()
        values = np.empty_like(state.values)
        self._filter.apply(state.t_ns, state.values, values, state.valid, 1.0)
        return replace(state, values=values)

    def _build(self) -> _native.OneEuro:
        min_cutoff, beta, derivative_cutoff, groups, settle, catch_up = self._settings
        rows = []
        for name in self._names:
            matches = sorted((p for p in groups if name.startswith(p)), key=len)
            rows.append(groups[matches[-1]] if matches else (min_cutoff, beta))
        table = np.array(rows, np.float32)
        return _native.OneEuro(table[:, 0].copy(), table[:, 1].copy(), derivative_cutoff, settle, catch_up)
