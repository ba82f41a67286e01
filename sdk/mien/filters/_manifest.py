"""The filter that a bundle wants on its coefficients, as its manifest describes it."""

from __future__ import annotations

from mien.errors import BundleError, InputError
from mien.filters.one_euro import OneEuro
from mien.manifest import Section


def coefficient_filter(section: Section) -> OneEuro:
    """Reads the section `coefficient_filter`. Raises BundleError."""
    groups = section.section("groups") if "groups" in section else Section({}, "")
    pairs = {prefix: groups.numbers(prefix, 2) for prefix in groups.fields}
    try:
        return OneEuro(
            section.number("min_cutoff"),
            section.number("beta"),
            section.number("derivative_cutoff", 1.0),
            {prefix: (cutoff, beta) for prefix, (cutoff, beta) in pairs.items()},
            section.flag("settle", False),
            section.flag("catch_up", False),
        )
    except InputError as error:
        raise BundleError("manifest.field", f"{section.path}: {error.message}", error.advice) from error
