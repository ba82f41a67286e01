"""Fields over the skin: within their ranges, in their places, the same every time."""

from __future__ import annotations

from dataclasses import fields as columns

import numpy as np
import pytest

from training.performer.assets import VERTICES, facekit
from training.performer.fields import Fields, fields

pytestmark = pytest.mark.shared


def test_every_field_is_finite_and_has_a_row_per_vertex() -> None:
    for column in columns(Fields):
        values = getattr(fields(), column.name)
        assert VERTICES in values.shape[:2]
        assert np.isfinite(values).all(), column.name


@pytest.mark.parametrize("name", ["beard", "cheek", "nose", "under_eye", "ear"])
def test_masks_lie_between_none_and_all(name: str) -> None:
    mask = getattr(fields(), name)
    assert mask.min() >= 0
    assert 0.7 < mask.max() <= 1


def test_folds_are_darker_than_the_open_face() -> None:
    cavity = fields().cavity
    assert 0.35 <= cavity.min() < 0.8
    assert cavity.max() == 1


def test_brows_lips_and_lids_lie_on_their_landmarks() -> None:
    f, points = fields(), facekit().landmarks
    assert np.abs(f.brow[points[17:27], 1]).max() < 0.05
    assert f.brow[points[[21, 22]], 0] == pytest.approx(0, abs=1e-3)  # inner ends
    assert f.brow[points[[17, 26]], 0] == pytest.approx(1, abs=1e-3)
    assert np.abs(f.lip[points[48:60]]).max() < 0.05
    assert (f.lip[points[61:64]] > 0.1).all()
    assert f.lip[points[[8, 33]]].max() < -0.5
    assert f.lid[points[36:48]].max() < 0.05
    assert f.rim[points[36:48], 0].max() < 1e-3
    assert (f.rim[points[[19, 24]], 1] == 1).all()  # brows lie above the eyes, noses below
    assert (f.rim[points[[31, 35]], 1] == -1).all()


def test_they_are_the_same_every_time() -> None:
    again = fields.__wrapped__()
    for column in columns(Fields):
        assert np.array_equal(getattr(again, column.name), getattr(fields(), column.name)), column.name
