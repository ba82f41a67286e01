"""Finds targets and methods: one file in a folder is one, by its name with dashes for underscores."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import TypeVar

from export.errors import ExportError

T = TypeVar("T")

# What the default bundles hold, and any bundle gets if nothing is said: float and int8 on CPUs.
DEFAULT = ("ort-cpu", "ort-cpu-int8", "openvino-cpu", "openvino-cpu-int8", "litert-cpu", "litert-int8")


def names(package: str) -> list[str]:
    """The names of all plug-ins of a package, sorted; nothing of them is imported."""
    path = importlib.import_module(package).__path__
    files = [module.name for module in pkgutil.iter_modules(path)]
    return sorted(name.replace("_", "-") for name in files if name != "base" and not name.startswith("_"))


def chosen(targets: str) -> tuple[list[str], bool]:
    """The targets that a command line names, and whether those that a model cannot have are to be left out.

    Args:
        targets: ``"default"``, ``"all"``, or names with commas.
    """
    if targets == "default":
        return list(DEFAULT), True
    if targets == "all":
        return names("export.targets"), True
    return [name.strip() for name in targets.split(",") if name.strip()], False


def find(package: str, name: str, base: type[T]) -> type[T]:
    """The class of that name.

    Raises:
        ExportError: ``export.unknown``, there is none.
    """
    if name not in names(package):
        raise ExportError(
            "export.unknown", f"There is no {base.__name__.lower()} {name!r}.", f"Known: {', '.join(names(package))}."
        )
    module = importlib.import_module(f"{package}.{name.replace('-', '_')}")
    found = [
        value
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, base) and value.__module__ == module.__name__
    ]
    if len(found) != 1:
        raise ExportError("export.unknown", f"{module.__name__} defines {len(found)} of them, expected one.", "")
    return found[0]
