"""Mixed precision: as few layers as possible in float, so that the gate's limits hold on samples of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from quantization.sensitivity import Layer

Model = TypeVar("Model")


def fewest_in_float(
    layers: Sequence[Layer],
    quantize: Callable[[Sequence[str]], Model],
    accept: Callable[[Model], bool],
) -> tuple[Model, list[str]]:
    """The int8 model that keeps the fewest of the most costly layers in float and is still accepted.

    Tried are 0, 1, 2, 4, 8 … until one is accepted, then the numbers before it by bisection. More float is mostly, not
    always, better, so that small numbers deserve a trial of their own: the detector passes with none and with one of
    21 layers in float, and not with four.

    Args:
        layers: the most costly first.
        quantize: names of the nodes to keep in float -> the model.

    Returns:
        The model and what it keeps: every layer, if no smaller number is accepted.
    """
    nodes = [layer.node for layer in layers]
    low, high = 0, len(nodes)  # `high` is the least number known to do, or all
    best: tuple[Model, list[str]] | None = None
    count = 0
    while low < high:
        model = quantize(nodes[:count])
        if accept(model):
            best, high = (model, nodes[:count]), count
        else:
            low = count + 1
        count = (low + high) // 2 if best else min(max(2 * count, 1), high - 1)
    return best if best is not None and len(best[1]) == high else (quantize(nodes[:high]), nodes[:high])
