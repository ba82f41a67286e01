"""Figures of the evaluation, as PNG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from training.evaluation import metrics

Numbers = npt.NDArray[np.floating[Any]]

_OURS, _OTHER, _FAINT = "#1b7a4b", "#c2571a", "#b8b8b8"


def bars(path: Path, names: Sequence[str], r: Numbers, mae: Numbers, constant_mae: Numbers) -> None:
    """Per coefficient Pearson's r, and the mean absolute error beside that of a constant predictor."""
    figure = _figure(13, 0.19 * len(names) + 1)
    left, right = figure.subplots(1, 2, sharey=True)
    y = np.arange(len(names))
    left.barh(y, r, color=_OURS)
    left.axvline(0.6, color=_FAINT, linestyle="--")
    left.set(title="Pearson r (constant predictor: 0)", xlim=(min(0, float(np.min(r))), 1), yticks=y, yticklabels=names)
    left.set_ylim(len(names) - 0.4, -0.6)
    right.barh(y - 0.2, mae, 0.4, color=_OURS, label="bundle")
    right.barh(y + 0.2, constant_mae, 0.4, color=_FAINT, label="best constant")
    right.set(title="mean absolute error")
    right.legend()
    _save(figure, path)


def levels(path: Path, rows: Mapping[str, Mapping[str, float]], title: str) -> None:
    """One bar for each name, 0..1, in a colour for each of one or two rows."""
    names = list(next(iter(rows.values())))
    figure = _figure(7, 0.26 * len(names) + 1)
    axis = figure.subplots()
    y = np.arange(len(names))
    height = 0.8 / len(rows)
    for k, ((label, values), colour) in enumerate(zip(rows.items(), (_OURS, _OTHER), strict=False)):
        axis.barh(
            y + (k - (len(rows) - 1) / 2) * height, [values[name] for name in names], height, color=colour, label=label
        )
    axis.set(title=title, xlim=(min(0, *axis.get_xlim()), 1), yticks=y, yticklabels=names)
    axis.set_ylim(len(names) - 0.4, -0.6)
    axis.legend()
    _save(figure, path)


def sweeps(path: Path, names: Sequence[str], values: Numbers, curves: Mapping[str, Numbers]) -> None:
    """The mean answer of each swept coefficient; curves: name -> (K, steps, C)."""
    columns = 8
    rows = -(-len(names) // columns)
    figure = _figure(2.1 * columns, 1.6 * rows)
    axes = figure.subplots(rows, columns, sharex=True, sharey=True).ravel()
    for k, name in enumerate(names):
        axes[k].plot([0, 1], [0, 1], color=_FAINT, linewidth=0.8)
        for (label, curve), colour in zip(curves.items(), (_OURS, _OTHER), strict=False):
            if k < curve.shape[2]:
                axes[k].plot(values, curve[k, :, k], color=colour, label=label)
        axes[k].set_title(name, fontsize=8)
        axes[k].set_ylim(-0.05, 1.05)
    for axis in axes[len(names) :]:
        axis.axis("off")
    axes[0].legend(fontsize=7)
    _save(figure, path)


def matrix(path: Path, values: Numbers, rows: Sequence[str], columns: Sequence[str], down: str, across: str) -> None:
    """A table as colours, symmetric about 0 where it holds negative numbers."""
    size = 0.17 * len(rows) + 2
    figure = _figure(max(size, 5), max(size, 4))
    axis = figure.subplots()
    top = float(np.nanmax(np.abs(values))) or 1.0
    signed = bool(np.nanmin(values) < 0)
    drawn = axis.imshow(values, cmap="RdBu_r" if signed else "Greens", vmin=-top if signed else 0, vmax=top)
    small = 6 if len(rows) > 20 else 9
    axis.set_xticks(np.arange(len(columns)), columns, rotation=90, fontsize=small)
    axis.set_yticks(np.arange(len(rows)), rows, fontsize=small)
    axis.set(ylabel=down, xlabel=across)
    figure.colorbar(drawn, shrink=0.7)
    _save(figure, path)


def calibration(path: Path, pairs: Mapping[str, tuple[Numbers, Numbers]], title: str) -> None:
    """Reliability of each pair (guess, truth), thin, and of all together."""
    figure = _figure(5, 5)
    axis = figure.subplots()
    axis.plot([0, 1], [0, 1], color=_FAINT)
    for guess, truth in pairs.values():
        said, was, count = metrics.reliability(guess, truth)
        axis.plot(said[count >= 5], was[count >= 5], color=_OURS, alpha=0.2, linewidth=0.8)
    together = [np.concatenate([np.ravel(pair[k]) for pair in pairs.values()]) for k in (0, 1)]
    said, was, _ = metrics.reliability(together[0], together[1])
    axis.plot(said, was, color=_OURS, marker="o", label="all")
    axis.set(xlabel="said", ylabel="was", xlim=(0, 1), ylim=(0, 1), title=title)
    axis.legend()
    _save(figure, path)


def traces(path: Path, rows: Mapping[str, Mapping[str, Numbers]], across: str) -> None:
    """One row of curves (T,) for each name."""
    figure = _figure(9, 2.0 * len(rows) + 0.6)
    axes = np.atleast_1d(figure.subplots(len(rows), 1, sharex=True))
    for axis, (name, curves) in zip(axes, rows.items(), strict=True):
        for (label, curve), colour in zip(curves.items(), (_FAINT, _OURS, _OTHER), strict=False):
            axis.plot(curve, color=colour, label=label, linewidth=1.2)
        axis.set_title(name, fontsize=9)
    axes[0].legend(fontsize=8)
    axes[-1].set_xlabel(across)
    _save(figure, path)


def _figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), dpi=80, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, metadata={"Software": None})
