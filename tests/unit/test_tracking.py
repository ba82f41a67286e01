"""mien.tracking: ids that stay with a face."""

from __future__ import annotations

import pytest
from mien.tracking import Identities, overlap

SECOND = 1_000_000_000


def box(x: float, y: float = 0, side: float = 10) -> tuple[float, ...]:
    return (x, y, x + side, y + side)


def test_ids_begin_at_zero_and_are_unique() -> None:
    assert Identities().assign([box(0), box(50), box(100)], 0) == [0, 1, 2]


def test_a_face_keeps_its_id_while_it_moves() -> None:
    identities = Identities()
    seen = [identities.assign([box(step)], step) for step in range(0, 100, 4)]
    assert seen == [[0]] * 25


def test_ids_follow_the_faces_not_the_order() -> None:
    identities = Identities()
    identities.assign([box(0), box(50)], 0)
    assert identities.assign([box(51), box(1)], 1) == [1, 0]


def test_the_better_overlap_wins_where_two_boxes_claim_one_id() -> None:
    identities = Identities()
    identities.assign([box(0)], 0)
    assert identities.assign([box(4), box(1)], 1) == [1, 0]


def test_a_face_that_comes_back_to_its_place_within_a_second_keeps_its_id() -> None:
    identities = Identities()
    identities.assign([box(0)], 0)
    identities.assign([], SECOND // 2)
    assert identities.assign([box(0)], SECOND) == [0]


def test_a_face_that_comes_back_later_is_a_new_one() -> None:
    identities = Identities()
    identities.assign([box(0)], 0)
    identities.assign([], 1)
    assert identities.assign([box(0)], SECOND + 1) == [1]


def test_a_face_elsewhere_is_a_new_one() -> None:
    identities = Identities()
    identities.assign([box(0)], 0)
    assert identities.assign([box(9)], 1) == [1]


def test_an_id_is_never_given_twice_in_one_frame() -> None:
    identities = Identities()
    identities.assign([box(0)], 0)
    assert sorted(identities.assign([box(0), box(0), box(1)], 1)) == [0, 1, 2]


def test_after_forgetting_ids_begin_at_zero_again() -> None:
    identities = Identities()
    identities.assign([box(0), box(50)], 0)
    identities.forget()
    assert identities.assign([box(50)], 1) == [0]


@pytest.mark.parametrize(
    ("other", "expected"), [(box(0), 1.0), (box(10), 0.0), (box(5), 1 / 3), (box(0, side=0), 0.0), (box(-20), 0.0)]
)
def test_overlap_is_intersection_over_union(other: tuple[float, ...], expected: float) -> None:
    assert overlap(box(0), other) == pytest.approx(expected)
    assert overlap(other, box(0)) == pytest.approx(expected)


def test_a_face_of_the_frame_before_keeps_its_id_however_slow_the_stream() -> None:
    identities = Identities()
    assert [identities.assign([box(0)], k * 60 * SECOND) for k in range(3)] == [[0], [0], [0]]
