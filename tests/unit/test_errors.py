"""mien.errors: one base class, stable codes, messages with advice."""

from __future__ import annotations

import pickle

import pytest
from mien import errors
from mien.errors import (
    BundleError,
    DeviceError,
    InputError,
    LayoutError,
    MienError,
    MissingExtraError,
    ModelError,
    SinkError,
    SourceError,
    TimestampError,
)

ALL = (BundleError, DeviceError, InputError, LayoutError, ModelError, SinkError, SourceError, TimestampError)

# Programs branch on these: a change of this table is a breaking change.
NATIVE_CODES = {
    1: "native.argument",
    2: "native.struct",
    3: "image.format",
    4: "image.shape",
    5: "image.stride",
    6: "native.capacity",
    7: "value.not_finite",
    8: "time.not_increasing",
    9: "geometry.degenerate",
    10: "native.memory",
    11: "native.unsupported",
}


@pytest.mark.parametrize("kind", ALL)
def test_every_error_is_a_mien_error_with_its_code_message_and_advice(kind: type[MienError]) -> None:
    error = kind("some.code", "It is so.", "Do that.")
    assert isinstance(error, MienError)
    assert (error.code, error.message, error.advice) == ("some.code", "It is so.", "Do that.")


def test_the_text_of_an_error_contains_code_message_and_advice() -> None:
    assert str(BundleError("some.code", "It is so.", "Do that.")) == "[some.code] It is so. Do that."


def test_an_error_without_advice_ends_with_its_message() -> None:
    assert str(MienError("some.code", "It is so.")) == "[some.code] It is so."


def test_errors_are_also_what_python_programs_expect_to_catch() -> None:
    assert issubclass(InputError, ValueError)
    assert issubclass(TimestampError, InputError)
    assert issubclass(LayoutError, LookupError)
    assert issubclass(MissingExtraError, ImportError)


def test_a_missing_extra_names_the_pip_command() -> None:
    error = MissingExtraError("video", "opencv-python-headless", "Reading cameras")
    assert error.code == "extra.missing"
    assert error.extra == "video"
    assert "opencv-python-headless" in str(error)
    assert "pip install 'mien[video]'" in str(error)


@pytest.mark.parametrize(
    "error", [BundleError("a.b", "x", "y"), MissingExtraError("video", "cv", "It")], ids=["plain", "extra"]
)
def test_an_error_survives_the_way_between_processes(error: MienError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)


@pytest.mark.parametrize(("status", "code"), NATIVE_CODES.items())
def test_each_status_of_the_native_core_has_a_stable_code(status: int, code: str) -> None:
    assert errors.from_native(status, "resize", "wrong").code == code


def test_an_unknown_native_status_is_still_a_mien_error() -> None:
    error = errors.from_native(999, "resize", "strange")
    assert error.code == "native.unknown"
    assert "resize: strange" in str(error)
