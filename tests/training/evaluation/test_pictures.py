"""Likeness of pictures."""

from __future__ import annotations

import numpy as np
import pytest

from training.evaluation.pictures import psnr, ssim


def picture(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(40, 200, (64, 64, 3)).astype(np.uint8)


def test_equal_pictures_are_as_alike_as_can_be() -> None:
    assert psnr(picture(0), picture(0)) == 99
    assert ssim(picture(0), picture(0)) == pytest.approx(1)


def test_an_error_of_one_grey_level_is_48_decibels() -> None:
    assert psnr(picture(0), picture(0) + 1) == pytest.approx(48.13, abs=0.01)


def test_noise_has_no_structure() -> None:
    assert ssim(picture(0), picture(1)) < 0.1
