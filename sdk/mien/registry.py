"""Finds implementations: one file in a folder is one plug-in, and so is an entry point of another package.

`backends/litert.py` is found as ("backends", "litert") because it lies there; nothing is listed anywhere. Modules are
imported only when asked for, so an optional engine that is not installed costs nothing. Files that begin with an
underscore are not plug-ins, nor are base.py, select.py and what they are made of. Other packages register classes under
the entry-point group `mien.<folder>`.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from typing import TypeVar

from mien.errors import MienError

T = TypeVar("T")

_SHARED = {"base", "select", "running", "cache", "worker"}


def names(folder: str) -> list[str]:
    """The names of all plug-ins of a folder of this package, sorted; nothing of them is imported."""
    package = importlib.import_module(f"mien.{folder}")
    files = {module.name for module in pkgutil.iter_modules(package.__path__)}
    here = {name for name in files - _SHARED if not name.startswith("_")}
    return sorted(here | {point.name for point in metadata.entry_points(group=f"mien.{folder}")})


def find(folder: str, name: str, base: type[T]) -> type[T]:
    """The class of that name.

    Raises:
        MienError: no such plug-in (the message lists those that exist), it fails to import, or is no such class.
    """
    known = names(folder)
    if name not in known:
        raise MienError(
            f"{folder}.unknown", f"There is no {base.__name__.lower()} {name!r}.", f"Known: {', '.join(known)}."
        )
    for point in metadata.entry_points(group=f"mien.{folder}"):
        if point.name == name:
            with _loading(folder, name):
                found = point.load()
            if not inspect.isclass(found) or not issubclass(found, base):
                raise MienError(
                    f"{folder}.malformed", f"{point.value} is no {base.__name__}.", f"See mien.{folder}.base."
                )
            return found
    with _loading(folder, name):
        module = importlib.import_module(f"mien.{folder}.{name}")
    classes = [
        value
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, base) and value.__module__ == module.__name__
    ]
    public = [c for c in classes if not c.__name__.startswith("_") and not inspect.isabstract(c)]
    if len(public) != 1:
        raise MienError(
            f"{folder}.malformed",
            f"{module.__name__} defines {len(public)} public {base.__name__} classes, expected one.",
            "Prefix helpers with an underscore.",
        )
    return public[0]


@contextmanager
def _loading(folder: str, name: str) -> Iterator[None]:
    try:
        yield
    except MienError:
        raise
    except Exception as error:
        raise MienError(
            f"{folder}.broken", f"The plug-in {name!r} fails to import ({error!r}).", "Repair or uninstall it."
        ) from error


def every(folder: str, base: type[T]) -> list[type[T]]:
    """All classes of a folder, in name order."""
    return [find(folder, name, base) for name in names(folder)]
