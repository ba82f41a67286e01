"""Calibration sets: every column's extremes are in, the rest is drawn, and too little is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantization.calibration import choose, cover
from quantization.errors import QuantizationError
from quantization.samples import Run, Samples


@given(st.integers(1, 60), st.integers(0, 10))
def test_as_many_different_rows_as_asked_for_are_chosen(count: int, seed: int) -> None:
    values = {"a": np.random.default_rng(seed).random((50, 3), np.float32)}
    rows = cover(values, count, seed)
    assert len(rows) == len(set(rows.tolist())) == min(count, 50)
    assert (np.diff(rows) > 0).all()
    np.testing.assert_array_equal(rows, cover(values, count, seed))


def test_the_extremes_of_every_column_are_in() -> None:
    rng = np.random.default_rng(1)
    values = {"a": rng.random((500, 8)).astype(np.float32), "b": rng.random((500, 2, 2)).astype(np.float32)}
    table = np.concatenate([values["a"], values["b"].reshape(500, -1)], 1)
    rows = set(cover(values, 60, 0).tolist())
    assert set(table.argmax(0).tolist()) | set(table.argmin(0).tolist()) <= rows


def test_a_rare_expression_is_not_left_out() -> None:
    values = np.zeros((1000, 2), np.float32)
    values[:, 0] = np.random.default_rng(0).random(1000)
    values[777, 1] = 1
    assert 777 in cover({"a": values}, 50, 3)


def test_too_few_samples_are_refused(run: Run, pictures: Samples) -> None:
    with pytest.raises(QuantizationError) as caught:
        choose(run, pictures.rows(np.arange(63)), ["face"], 50, 0)
    assert caught.value.code == "calibration.small"
    assert "63" in caught.value.message


def test_samples_that_are_not_finite_are_refused(run: Run, pictures: Samples) -> None:
    images = pictures.feeds["image"].copy()
    images[3, 0, 0, 0] = np.nan
    with pytest.raises(QuantizationError) as caught:
        choose(run, Samples({"image": images}), ["face"], 50, 0)
    assert caught.value.code == "calibration.values"


def test_arrays_of_different_length_are_no_samples() -> None:
    with pytest.raises(QuantizationError) as caught:
        Samples({"image": np.zeros((3, 2), np.float32)}, {"face": np.zeros((4, 2), np.float32)})
    assert caught.value.code == "calibration.shape"
