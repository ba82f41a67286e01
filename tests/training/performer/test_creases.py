"""Creases: each side folds by its own coefficients, and what age leaves is apart from what expression does."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from training.performer.assets import VERTICES, facekit
from training.performer.coefficients import INDEX, PAIRS
from training.performer.creases import LAYERS, creases

pytestmark = pytest.mark.shared

F32 = npt.NDArray[np.float32]


def depth(old: float = 0.0, **values: float) -> F32:
    weights = np.zeros(52, np.float32)
    for name, value in values.items():
        weights[INDEX[name]] = value
    return creases().depth(weights, 0.5, old, 0.0)


FOLDING = ["browDown", "browOuterUp", "noseSneer", "eyeSquint", "cheekSquint", "mouthSmile", "mouthUpperUp"]


@pytest.mark.parametrize("name", [*FOLDING, "mouthDimple", "mouthFrown"])
def test_one_side_folds_its_own_half_and_the_other_its_mirror_image(name: str) -> None:
    x = facekit().neutral[:, 0]
    left, right = depth(**{f"{name}Left": 1}), depth(**{f"{name}Right": 1})
    assert left[x > 0].max() > 0.4
    assert not left[x <= 0].any()
    assert not right[x >= 0].any()
    np.testing.assert_allclose(left.sum(0), right.sum(0), rtol=0.02)


def test_a_face_at_rest_has_only_what_age_left() -> None:
    assert not depth().any()
    old = depth(old=1.0)
    assert old.shape == (VERTICES, LAYERS)
    assert (old.max(0)[:4] > 0.2).all()
    assert 0 <= old.min() <= old.max() <= 1.3
    assert depth(old=1.0, browInnerUp=1.0).sum() > old.sum()


def test_what_does_not_fold_skin_adds_nothing() -> None:
    for name in ("jawOpen", "eyeLookUpLeft", "eyeBlinkLeft", "tongueOut"):
        assert not depth(**{name: 1.0}).any(), name


def test_a_squeezed_eye_bunches_more_than_its_parts() -> None:
    together = depth(eyeBlinkLeft=0.8, eyeSquintLeft=0.5)
    assert together.sum() > 1.2 * (depth(eyeBlinkLeft=0.8) + depth(eyeSquintLeft=0.5)).sum()
    assert not together[facekit().neutral[:, 0] <= 0].any()


def test_pairs_are_driven_alike() -> None:
    c = creases()
    for left, right in PAIRS.values():
        np.testing.assert_allclose(c.gain[left].sum(), c.gain[right].sum(), rtol=0.02, atol=1e-3)
