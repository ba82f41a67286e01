"""The report's plots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from quantization.sensitivity import Layer

_FLOAT, _INT8 = "#4878a8", "#d08040"


def columns(path: Path, names: Sequence[str], figures: Mapping[str, Any], title: str) -> None:
    """Bars per column: r with the truth in float and int8, or where nobody knows it, r of int8 with float."""
    labelled = "r_float" in figures
    place = np.arange(len(names))
    figure = Figure((max(6, 0.23 * len(names) + 1.5), 3.6))
    axes = figure.subplots()
    if labelled:
        axes.bar(place - 0.2, np.nan_to_num(figures["r_float"]), 0.4, color=_FLOAT, label="float")
        axes.bar(place + 0.2, np.nan_to_num(figures["r_int8"]), 0.4, color=_INT8, label="int8")
        axes.set_ylabel("r with the truth")
        axes.legend(frameon=False)
    else:
        axes.bar(place, np.nan_to_num(figures["agreement_r"]), 0.7, color=_INT8)
        axes.set_ylabel("r of int8 with float")
    axes.set_xticks(place, names, rotation=90, fontsize=7)
    axes.set_title(title)
    _save(figure, path)


def scatter(path: Path, a: npt.NDArray[Any], b: npt.NDArray[Any], title: str) -> None:
    """int8 over float, a dot per value."""
    figure = Figure((4, 4))
    axes = figure.subplots()
    axes.plot(a, b, ".", markersize=1.5, alpha=0.3, color=_INT8)
    low, high = float(min(a.min(), b.min())), float(max(a.max(), b.max()))
    axes.plot([low, high], [low, high], color="#888", linewidth=0.8)
    axes.set_xlabel("float")
    axes.set_ylabel("int8")
    axes.set_title(title, fontsize=9)
    _save(figure, path)


def layers(path: Path, found: Sequence[Layer]) -> None:
    """Bars: a layer's error when it alone is int8."""
    figure = Figure((7, 0.22 * len(found) + 1))
    axes = figure.subplots()
    place = np.arange(len(found))[::-1]
    axes.barh(place, [layer.error for layer in found], color=_INT8)
    axes.set_yticks(place, [layer.weight or layer.node for layer in found], fontsize=7)
    axes.set_xlabel("difference from float, in standard deviations of the outputs")
    _save(figure, path)


def sizes(path: Path, megabytes: Mapping[str, float], milliseconds: Mapping[str, float]) -> None:
    """Bars of size and of time, target by target."""
    names = list(megabytes)
    figure = Figure((9, 0.3 * len(names) + 1.2))
    left, right = figure.subplots(1, 2, sharey=True)
    place = np.arange(len(names))[::-1]
    left.barh(place, list(megabytes.values()), color=_FLOAT)
    left.set_yticks(place, names, fontsize=8)
    left.set_xlabel("MB")
    right.barh(place, [milliseconds.get(name, 0) for name in names], color=_INT8)
    right.set_xlabel("ms for one run, one core; no bar: not run here")
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    FigureCanvasAgg(figure)
    figure.savefig(path, dpi=110)
