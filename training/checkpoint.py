"""Checkpoint: what training ends at: weights, and how they came about. `python -m export` makes bundles of them.

The files that a stopped run goes on from (`loop.Trainer`) are read here too: they hold the same averaged weights.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from training.errors import TrainingError
from training.models.blocks import fold


def write(path: Path, network: nn.Module, metrics: Mapping[str, Any]) -> None:
    """Writes the network's weights and how it was made; what was there before stays whole until they are written.

    Args:
        metrics: sizes, settings and scores, as JSON can hold them; export puts them into the bundle's manifest.

    Raises:
        TrainingError: ``training.write``, the disk is full or the folder cannot be written.
    """
    state = {name: value.detach().cpu() for name, value in network.state_dict().items()}
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save({"average": state, "metrics": json.dumps(dict(metrics))}, part)
        part.replace(path)
    except (OSError, RuntimeError) as error:  # torch's writer raises the second for a full disk
        raise TrainingError("training.write", f"{path} could not be written ({error}).", "Free some space.") from error


def load(network: nn.Module, path: Path) -> None:
    """Gives a network the averaged weights of a checkpoint, as they were trained or folded; folded ones fold it.

    Raises:
        TrainingError: ``training.checkpoint``, the file is missing, damaged, or of another network.
    """
    state = _read(path)["average"]
    folded = fold(copy.deepcopy(network).eval())
    try:
        if state.keys() == folded.state_dict().keys():
            fold(network.eval())
        network.load_state_dict(state)
    except Exception as error:  # torch raises half a dozen kinds
        raise _refusal(path, error) from error


def metrics_of(path: Path) -> dict[str, Any]:
    """What a checkpoint says of how its weights were made; nothing for one that a stopped run goes on from.

    Raises:
        TrainingError: ``training.checkpoint``, the file is missing or damaged.
    """
    try:
        found: dict[str, Any] = json.loads(_read(path).get("metrics", "{}"))
    except ValueError as error:
        raise _refusal(path, error) from error
    return found


def _read(path: Path) -> Mapping[str, Any]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(state["average"], Mapping):
            raise TypeError("its average is not a mapping of weights")
    except Exception as error:  # torch raises half a dozen kinds
        raise _refusal(path, error) from error
    found: Mapping[str, Any] = state
    return found


def _refusal(path: Path, error: Exception) -> TrainingError:
    first, *_ = str(error).splitlines() or [type(error).__name__]  # torch lists hundreds of names
    return TrainingError(
        "training.checkpoint", f"{path} does not hold this network's weights ({first}).", "Give its checkpoint."
    )
