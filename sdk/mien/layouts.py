"""The only name tables: which coefficient stands where, and how one layout becomes another.

The tables themselves are data (data/layouts.json). Every layout names, for each of its slots, the ARKit coefficient
that it carries; that makes any layout convertible to any other. Left and right are the subject's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.errors import LayoutError


@dataclass(frozen=True)
class Layout:
    """An ordered set of coefficient names.

    Attributes:
        name: e.g. ``"arkit52"``.
        names: this layout's own spelling, in order.
        arkit: per slot the ARKit name it carries, or None.
    """

    name: str
    names: tuple[str, ...]
    arkit: tuple[str | None, ...]

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def _slots(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.names)}

    def index(self, name: str) -> int:
        """The slot of a name in this layout's spelling. Raises LayoutError if there is none."""
        try:
            return self._slots[name]
        except (KeyError, TypeError):
            raise LayoutError(
                "layout.name", f"{self.name} has no coefficient {name!r}.", f"It has: {', '.join(self.names)}."
            ) from None

    def mapping(self, other: Layout) -> npt.NDArray[np.intp]:
        """For each slot of `other` the slot here that carries the same ARKit coefficient, or -1."""
        return _mapping(self, other)

    def convert(
        self, values: npt.NDArray[np.float32], valid: npt.NDArray[np.bool_], other: Layout
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
        """Values and flags in the order of `other`; slots that this layout does not have are invalid."""
        source = self.mapping(other)
        known = source >= 0
        return np.where(known, values[source], 0).astype(np.float32), known & valid[source]


@cache
def _mapping(here: Layout, there: Layout) -> npt.NDArray[np.intp]:
    slots = {arkit: i for i, arkit in enumerate(here.arkit) if arkit is not None}
    found = np.array([-1 if name is None else slots.get(name, -1) for name in there.arkit], np.intp)
    found.setflags(write=False)
    return found


@cache
def _tables() -> dict[str, Any]:
    text = (resources.files("mien") / "data" / "layouts.json").read_text("utf-8")
    return {name: table for name, table in json.loads(text).items() if name != "source"}


def names() -> tuple[str, ...]:
    """The names of all layouts."""
    return tuple(_tables())


def layout(name: str) -> Layout:
    """The layout of that name. Raises LayoutError for an unknown one."""
    try:
        return _layout(name)
    except (KeyError, TypeError):
        raise LayoutError("layout.unknown", f"Unknown layout {name!r}.", f"Known: {', '.join(names())}.") from None


@cache
def _layout(name: str) -> Layout:
    table = _tables()[name]
    return Layout(name, tuple(table["names"]), tuple(table["arkit"]))


ARKIT52 = layout("arkit52")
