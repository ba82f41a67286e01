"""Checks of arguments that several parts share."""

from __future__ import annotations

import os
from numbers import Real
from pathlib import Path
from typing import Any

from mien.errors import MienError


def within(value: Any, low: float, high: float) -> bool:
    """Whether `value` is a real number (numpy's too, but no bool and no NaN) in low..high."""
    return isinstance(value, Real) and not isinstance(value, bool) and low <= float(value) <= high


def as_path(value: str | os.PathLike[str], kind: type[MienError], code: str) -> Path:
    """The path that `value` names. Raises `kind` with `code` for what cannot be one."""
    try:
        path = Path(value)
        path.lstat()
    except FileNotFoundError:
        return path
    except (TypeError, ValueError, OSError) as error:
        raise kind(code, f"{value!r:.200} is not a usable path ({error!s:.200}).", "Give a str or a Path.") from error
    return path
