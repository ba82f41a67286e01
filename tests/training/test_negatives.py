"""Pictures of things that are not faces: seeded, of every kind, of any size."""

from __future__ import annotations

import numpy as np
import pytest

from training.errors import TrainingError
from training.negatives import KINDS, negative, sheet
from training.performer.backgrounds import background
from training.props.relief import Relief


@pytest.mark.parametrize("kind", KINDS)
def test_a_state_of_the_generator_gives_one_picture_and_another_state_another(kind):
    one, same, other = (negative(np.random.default_rng(seed), 72, 96, kind) for seed in (3, 3, 4))
    assert one.shape == (72, 96, 3)
    assert one.dtype == np.uint8
    np.testing.assert_array_equal(one, same)
    assert np.abs(one.astype(int) - other).mean() > 2


def test_without_a_kind_all_of_them_are_drawn():
    rng = np.random.default_rng(0)
    pictures = [negative(rng, 40, 64) for _ in range(20)]
    assert len({picture.tobytes() for picture in pictures}) == 20


@pytest.mark.parametrize(("height", "width"), [(16, 200), (33, 17), (144, 144)])
def test_any_size_will_do(height, width):
    for seed, kind in enumerate(KINDS):
        assert negative(np.random.default_rng(seed), height, width, kind).shape == (height, width, 3)


def test_an_unknown_kind_is_refused():
    with pytest.raises(TrainingError, match="no kind 'human'"):
        negative(np.random.default_rng(0), 32, 32, "human")


def test_a_sheet_has_a_row_for_each_kind():
    assert sheet(1, 2, side=24).shape == (24 * len(KINDS), 48, 3)


def test_what_is_nearer_hides_what_is_farther():
    stage = Relief((40, 40), (0.5, 0.5), 20)
    stage.ball((0, 0), (0.5, 0.5), (1, 0, 0), z=1)
    stage.ball((0, 0), (0.9, 0.9), (0, 1, 0), z=0, depth=0.5)
    middle = stage.colour.shape[0] // 2
    assert stage.colour[middle, middle].tolist() == [1, 0, 0]
    assert stage.colour[middle, middle + 28].tolist() == [0, 1, 0]
    assert not stage.solid[0, 0]


def test_paint_stays_on_what_stands_there():
    stage = Relief((40, 40), (0.5, 0.5), 10)
    stage.ball((0, 0), (1, 1), (0.5, 0.5, 0.5))
    stage.spot((0.9, 0), (0.8, 0.8), (0, 0, 1), soft=0)
    stage.line([(-1.5, 0.5), (1.5, 0.5)], 0.1, (1, 0, 0))
    assert (stage.colour[~stage.solid] == 0).all()
    assert (stage.colour[stage.solid][:, 2] == 1).any()


def test_a_thing_turned_upside_down_is_the_thing_upside_down():
    def drawn(roll: float) -> np.ndarray:
        stage = Relief((41, 41), (0.5, 0.5), 12, roll)
        stage.rod((0, 0), (0.8, 1.2), (0.3, 0.1), (1, 1, 1))
        return stage.solid

    upright, turned = drawn(0), drawn(np.pi)
    assert np.mean(upright[::-1, ::-1] != np.roll(turned, (-1, -1), (0, 1))) < 0.01


def test_a_thing_is_lit_and_lies_before_its_background():
    canvas = background(np.random.default_rng(1), 48, 48)
    before = canvas.copy()
    stage = Relief((48, 48), (0.5, 0.5), 12)
    stage.ball((0, 0), (1, 1), (0.5, 0.5, 0.5))
    stage.onto(canvas, np.random.default_rng(0))
    ball = canvas[14:34, 14:34].mean(2)
    assert ball.std() > 0.02
    assert np.isfinite(canvas).all()
    Relief((48, 48), (0.5, 0.5), 12).onto(before, np.random.default_rng(0))
    np.testing.assert_array_equal(before, background(np.random.default_rng(1), 48, 48))
