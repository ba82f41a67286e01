"""How the head under the sensors moves."""

from __future__ import annotations

import numpy as np
import pytest

from training.performer.head_motion import SHOCK, head_motion

CLOCK = np.arange(0, 30, 0.01)


def rates(seed: int, **how: object) -> np.ndarray:
    motion = head_motion(np.random.default_rng(seed), 30, **how)  # type: ignore[arg-type]
    return np.degrees(np.abs(np.gradient(motion.angles.at(CLOCK), 0.01, axis=0))).max(1)


@pytest.mark.parametrize("seed", range(3))
def test_it_begins_with_somebody_who_tries_to_sit_still(seed: int) -> None:
    found = rates(seed, liveliness=1.0)
    assert found[:200].max() < 3
    assert 30 < found[300:].max() < 250


@pytest.mark.parametrize("seed", range(3))
def test_a_violent_head_turns_by_two_hundred_degrees_a_second_and_is_hit(seed: int) -> None:
    assert 160 < rates(seed, liveliness=0.3, violent=True).max() < 280
    motion = head_motion(np.random.default_rng(seed), 30, violent=True)
    peaks = np.linalg.norm(motion.shocks[:, 1:], axis=1)
    assert len(peaks) >= 8
    np.testing.assert_allclose(peaks, SHOCK)
    fine = np.arange(0, 30, 0.001)
    assert np.linalg.norm(motion.acceleration(fine), axis=1).max() > 0.9 * SHOCK


def test_frames_are_rotations_with_y_up() -> None:
    motion = head_motion(np.random.default_rng(1), 10)
    frames = motion.frame(np.arange(0, 10, 0.5))
    np.testing.assert_allclose(np.linalg.det(frames), 1)
    assert (frames[:, 1, 1] > 0.5).all()
