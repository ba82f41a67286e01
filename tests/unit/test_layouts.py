"""mien.layouts: the name tables and the conversions between them."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mien.errors import LayoutError
from mien.layouts import ARKIT52, Layout, layout, names

PAIRS = list(itertools.permutations(names(), 2))


@pytest.fixture(scope="module")
def facts(shared: Path) -> dict[str, Any]:
    return json.loads((shared.parent / "facts" / "arkit52.json").read_text())


def test_arkit52_has_its_52_names() -> None:
    assert len(ARKIT52) == 52
    assert ARKIT52.arkit == ARKIT52.names


@pytest.mark.parametrize("name", names())
def test_names_are_unique_within_a_layout(name: str) -> None:
    table = layout(name)
    assert len(set(table.names)) == len(table.names) == len(table.arkit)


@pytest.mark.parametrize("name", names())
def test_each_slot_carries_a_known_arkit_coefficient_at_most_once(name: str) -> None:
    carried = [slot for slot in layout(name).arkit if slot is not None]
    assert len(set(carried)) == len(carried)
    assert set(carried) <= set(ARKIT52.names)


@pytest.mark.parametrize(("here", "there"), PAIRS)
def test_a_conversion_there_and_back_keeps_what_both_share(here: str, there: str) -> None:
    one, other = layout(here), layout(there)
    values = np.linspace(0.1, 0.9, len(one), dtype=np.float32)
    valid = np.ones(len(one), np.bool_)
    values_there, valid_there = one.convert(values, valid, other)
    values_back, valid_back = other.convert(values_there, valid_there, one)
    shared = [slot is not None and slot in other.arkit for slot in one.arkit]
    assert valid_back.tolist() == shared
    np.testing.assert_array_equal(values_back[shared], values[shared])
    assert not values_back[np.logical_not(shared)].any()


def test_conversion_keeps_the_flag_of_each_coefficient() -> None:
    valid = np.ones(52, np.bool_)
    valid[ARKIT52.index("jawOpen")] = False
    values, flags = ARKIT52.convert(np.ones(52, np.float32), valid, layout("mediapipe52"))
    assert not flags[layout("mediapipe52").index("jawOpen")]
    assert values.dtype == np.float32
    assert flags.dtype == np.bool_


def test_a_coefficient_that_the_other_layout_lacks_comes_out_invalid() -> None:
    mediapipe = layout("mediapipe52")
    _, valid = mediapipe.convert(np.ones(52, np.float32), np.ones(52, np.bool_), ARKIT52)
    assert not valid[ARKIT52.index("tongueOut")]
    assert valid.sum() == 51


def test_the_order_is_apples(facts: dict[str, Any]) -> None:
    assert list(ARKIT52.names) == facts["apple_order"]


def test_every_table_of_the_published_facts_is_reproduced(facts: dict[str, Any]) -> None:
    published = [value for value in facts.values() if isinstance(value, list) and len(value) in (52, 61)]
    assert published
    known = [list(layout(name).names) for name in names()]
    for table in published:
        assert table in known


def test_an_unknown_layout_is_refused_with_the_known_ones() -> None:
    with pytest.raises(LayoutError, match="arkit52") as refused:
        layout("arkit53")
    assert refused.value.code == "layout.unknown"


def test_an_unknown_coefficient_is_refused_with_the_known_ones() -> None:
    with pytest.raises(LayoutError, match="jawOpen") as refused:
        ARKIT52.index("jawOpened")
    assert refused.value.code == "layout.name"


def test_a_layout_of_ones_own_converts_as_the_shipped_ones_do() -> None:
    mine = Layout("mine", ("mouth", "ears"), ("jawOpen", None))
    values, valid = ARKIT52.convert(np.arange(52, dtype=np.float32), np.ones(52, np.bool_), mine)
    assert values.tolist() == [ARKIT52.index("jawOpen"), 0]
    assert valid.tolist() == [True, False]


@pytest.mark.parametrize("name", [None, 5, [], {}])
def test_what_is_no_name_is_refused_as_an_unknown_one(name: Any) -> None:
    with pytest.raises(LayoutError) as refused:
        layout(name)
    assert refused.value.code == "layout.unknown"
    with pytest.raises(LayoutError) as refused:
        ARKIT52.index(name)
    assert refused.value.code == "layout.name"
