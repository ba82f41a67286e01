"""Mixed precision: the fewest costly layers in float that are accepted, found without trying every number."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from quantization.mixed import fewest_in_float
from quantization.sensitivity import Layer

LAYERS = [Layer(f"n{k}", f"w{k}", 1.0 - k / 100, 10) for k in range(21)]


def search(accept: Callable[[int], bool]) -> tuple[list[str], list[int]]:
    tried: list[int] = []

    def quantize(kept: Sequence[str]) -> int:
        tried.append(len(kept))
        return len(kept)

    model, kept = fewest_in_float(LAYERS, quantize, accept)
    assert model == len(kept)
    return kept, tried


@pytest.mark.parametrize("least", range(22))
def test_the_least_number_is_found_and_each_is_tried_once(least: int) -> None:
    kept, tried = search(lambda count: count >= least)
    assert kept == [f"n{k}" for k in range(least)]
    assert len(tried) == len(set(tried)) <= 11


def test_a_small_number_that_does_is_taken_where_larger_ones_do_not() -> None:
    kept, tried = search(lambda count: count == 1)
    assert (kept, tried) == (["n0"], [0, 1])


def test_where_none_does_all_stay_in_float() -> None:
    assert len(search(lambda count: False)[0]) == len(LAYERS)


def test_a_model_without_layers_is_quantized_as_it_is() -> None:
    assert fewest_in_float([], lambda kept: "model", lambda model: False) == ("model", [])
