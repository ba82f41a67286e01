"""Every error that mien raises: one base class, few subclasses, a stable code each.

A message says what was expected, what came, and what to do. `code` never changes between releases, so programs may
branch on it.
"""

from __future__ import annotations


class MienError(Exception):
    """Base of all errors of this library.

    Attributes:
        code: stable identifier, e.g. ``"bundle.truncated"``.
        advice: what the caller can do about it; may be empty.
    """

    def __init__(self, code: str, message: str, advice: str = "") -> None:
        super().__init__(code, message, advice)
        self.code = code
        self.message = message
        self.advice = advice

    def __str__(self) -> str:
        text = f"[{self.code}] {self.message}"
        return f"{text} {self.advice}" if self.advice else text


class InputError(MienError, ValueError):
    """A frame, array or argument that cannot be what it claims to be."""


class TimestampError(InputError):
    """Time went back or stood still within one stream."""


class LayoutError(MienError, LookupError):
    """An unknown coefficient layout or name."""


class BundleError(MienError):
    """A .mien file that is damaged, unsafe, unsigned where trust is asked for, or inconsistent."""


class DeviceError(MienError):
    """A device or engine that is unknown, absent, or refuses the model."""


class ModelError(MienError):
    """A network whose inputs or outputs are not those that its manifest promises, or that failed while running."""


class SourceError(MienError):
    """A source that cannot be opened or read."""


class SinkError(MienError):
    """A sink that cannot be opened or written."""


class MissingExtraError(MienError, ImportError):
    """An optional dependency is not installed; the message names the pip command."""

    def __init__(self, extra: str, package: str, purpose: str) -> None:
        super().__init__(
            "extra.missing",
            f"{purpose} needs the package {package!r}, which is not installed.",
            f"Run: pip install 'mien[{extra}]'",
        )
        self.extra = extra


# The statuses of native/include/mien/mien.h.
_NATIVE: dict[int, tuple[type[MienError], str]] = {
    1: (InputError, "native.argument"),
    2: (InputError, "native.struct"),
    3: (InputError, "image.format"),
    4: (InputError, "image.shape"),
    5: (InputError, "image.stride"),
    6: (InputError, "native.capacity"),
    7: (InputError, "value.not_finite"),
    8: (TimestampError, "time.not_increasing"),
    9: (InputError, "geometry.degenerate"),
    10: (MienError, "native.memory"),
    11: (DeviceError, "native.unsupported"),
    16: (InputError, "imu.units"),
}


def from_native(status: int, function: str, text: str) -> MienError:
    """The error for a status of the native core, called by the bindings."""
    kind, code = _NATIVE.get(status, (MienError, "native.unknown"))
    return kind(code, f"{function}: {text}.")


def from_refusal(status: int, text: str, unread: bool) -> MienError:
    """The error for something that the native reader of bundles or the tracker refuses, called by the bindings.

    Args:
        unread: whether it is a field of the manifest that means nothing.
    """
    if status == 14:
        return BundleError("manifest.unknown" if unread else "manifest.field", f"{text}.", "See docs/bundle.md.")
    if status == 15:
        return ModelError("model.not_finite", f"{text}.", "Try another engine or precision of this bundle.")
    kind, code = _NATIVE.get(status, (MienError, "native.unknown"))
    return kind(code, f"{text}.")
