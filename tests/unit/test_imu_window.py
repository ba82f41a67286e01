"""Samples of sensors: what a window may be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from mien.errors import InputError, TimestampError
from mien.types import ImuWindow

GOOD: dict[str, Any] = {
    "t_ns": np.array([1, 2], np.int64),
    "acc": np.zeros((2, 3, 3), np.float32),
    "gyro": np.zeros((2, 3, 3), np.float32),
    "sensors": ("head", "chin", "brow"),
}


def test_it_keeps_what_it_is_given_without_a_copy() -> None:
    window = ImuWindow(**GOOD)
    assert window.acc is GOOD["acc"]
    assert window.t_ns is GOOD["t_ns"]
    assert not window.stale
    assert window.span_ns == (1, 2)


def test_double_precision_and_lists_become_what_the_core_takes() -> None:
    window = ImuWindow([1, 2], np.ones((2, 1, 3)), np.ones((2, 3, 1)).transpose(0, 2, 1), ["head"])  # type: ignore[arg-type]
    assert (window.t_ns.dtype, window.acc.dtype, window.gyro.dtype) == (np.int64, np.float32, np.float32)
    assert window.gyro.flags.c_contiguous
    assert window.sensors == ("head",)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"t_ns": np.array([0.1, 0.2])}, "imu.type"),
        ({"acc": np.zeros((2, 3, 3), np.int16)}, "imu.type"),
        ({"gyro": np.zeros((2, 3, 2), np.float32)}, "imu.shape"),
        ({"gyro": np.zeros((1, 3, 3), np.float32)}, "imu.shape"),
        ({"t_ns": np.zeros((2, 1), np.int64)}, "imu.shape"),
        ({"t_ns": np.zeros(0, np.int64), "acc": np.zeros((0, 3, 3)), "gyro": np.zeros((0, 3, 3))}, "imu.shape"),
        ({"sensors": ("head", "chin", "chin")}, "imu.sensor"),
    ],
)
def test_what_cannot_be_a_window_is_refused(change: dict[str, Any], code: str) -> None:
    with pytest.raises(InputError) as caught:
        ImuWindow(**{**GOOD, **change})
    assert caught.value.code == code


def test_times_that_stand_still_are_refused() -> None:
    with pytest.raises(TimestampError, match=r"\[imu.order\]"):
        ImuWindow(**{**GOOD, "t_ns": np.array([2, 2])})
