"""Backgrounds: cheap, seeded, various."""

from __future__ import annotations

import time

import numpy as np
import pytest

from training.performer.backgrounds import background, fractal


@pytest.mark.parametrize(("height", "width"), [(320, 320), (97, 241), (33, 20)])
def test_any_size_gives_finite_colours_between_0_and_1(height: int, width: int) -> None:
    rng = np.random.default_rng(4)
    for _ in range(60):
        picture = background(rng, height, width)
        assert picture.shape == (height, width, 3)
        assert picture.dtype == np.float32
        assert np.isfinite(picture).all()
        assert picture.min() >= 0
        assert picture.max() <= 1


def test_the_same_seed_gives_the_same_bytes() -> None:
    first, second = (background(np.random.default_rng(9), 120, 160) for _ in range(2))
    assert first.tobytes() == second.tobytes()


def test_dark_and_bright_flat_and_busy_ones_all_occur() -> None:
    rng = np.random.default_rng(1)
    pictures = [background(rng, 64, 64) for _ in range(200)]
    means = [p.mean() for p in pictures]
    spreads = [p.std() for p in pictures]
    assert min(means) < 0.05
    assert max(means) > 0.6
    assert min(spreads) < 0.03
    assert max(spreads) > 0.25


def test_fractal_noise_uses_its_range() -> None:
    sheet = np.stack([fractal(np.random.default_rng(seed), 64, 64) for seed in range(20)])
    assert sheet.min() < 0.05
    assert sheet.max() > 0.95


def test_the_cost_is_printed() -> None:
    rng = np.random.default_rng(0)
    background(rng, 320, 320)
    start = time.perf_counter()
    for _ in range(30):
        background(rng, 320, 320)
    print(f"background 320 x 320: {(time.perf_counter() - start) / 30 * 1e3:.2f} ms")
