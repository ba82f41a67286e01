"""mien.sinks._draw: states become visible on a copy of the picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from mien.layouts import ARKIT52
from mien.sinks._draw import annotate
from mien.types import FaceState, HeadPose, no_face

PICTURE = np.full((480, 640, 3), 90, np.uint8)
VALUES = np.linspace(0, 1, 52, dtype=np.float32)
FACE = FaceState(
    0,
    3,
    ARKIT52,
    VALUES,
    VALUES,
    VALUES >= 0,
    0.9,
    box=(300.0, 200.0, 400.0, 320.0),
    landmarks=np.float32([[310, 210, 0], [390, 310, 0]]),
    head=HeadPose((0.0, 0.0, 0.0, 1.0), (0.0, 0.0, -0.5), 0.0),
)


def test_a_face_is_drawn_on_a_copy() -> None:
    drawn = annotate(PICTURE, [FACE])
    assert drawn.shape == PICTURE.shape
    assert (drawn[195:325, 295:405] != 90).any()
    assert (PICTURE == 90).all()


def test_no_face_leaves_the_picture_as_it_is() -> None:
    np.testing.assert_array_equal(annotate(PICTURE, [no_face(0, ARKIT52)]), PICTURE)
    np.testing.assert_array_equal(annotate(PICTURE, []), PICTURE)


def test_a_stale_face_has_another_colour() -> None:
    assert (annotate(PICTURE, [FACE]) != annotate(PICTURE, [replace(FACE, stale=True)])).any()


def test_the_gaze_is_drawn_from_the_eyes() -> None:
    looking = replace(FACE, gaze=np.float32([[1, 0, 0], [1, 0, 0]]), eyes=np.float32([[550, 60], [500, 60]]))
    plain, drawn = annotate(PICTURE, [FACE]), annotate(PICTURE, [looking])
    rows, columns = np.nonzero((plain != drawn).any(axis=2))
    assert rows.min() > 40
    assert rows.max() < 80
    assert 495 <= columns.min() < columns.max() <= 600


def test_what_a_face_expresses_is_drawn_at_the_right() -> None:
    expressive = replace(FACE, emotion={"happy": 0.9}, aus={"AU12": 0.5}, valence=0.3, arousal=-0.2)
    changed = (annotate(PICTURE, [FACE]) != annotate(PICTURE, [expressive])).any(axis=2)
    assert np.nonzero(changed)[1].min() > 400
    annotate(PICTURE[:20, :20], [expressive])


def test_a_small_picture_is_enlarged_so_that_text_is_readable() -> None:
    assert annotate(PICTURE[:60, :80], []).shape == (360, 480, 3)


@pytest.mark.parametrize("changes", [{"box": None}, {"landmarks": None}, {"head": None}, {"valid": VALUES < 0}])
def test_what_a_state_lacks_is_left_out(changes: dict[str, object]) -> None:
    annotate(PICTURE, [replace(FACE, **changes)])  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(1, 1), (5, 2000), (2000, 5)])
def test_pictures_of_any_shape_can_be_drawn_on(shape: tuple[int, int]) -> None:
    annotate(np.zeros((*shape, 3), np.uint8), [FACE, replace(FACE, id=4), replace(FACE, id=5)])


def test_a_face_outside_of_the_picture_does_no_harm() -> None:
    away = replace(FACE, box=(-5e5, -5e5, 5e5, 9e5), landmarks=np.float32([[-1e6, 1e6, 0], [1e6, 0, 0]]))
    annotate(PICTURE, [away])
