"""Fine-tunes the network of a finished bundle with a user's own labels; `python -m export.finetune` is the command.

Nothing but the bundle, the pictures and the CSV (see labels_csv.py) is needed. A fifth of the pictures, of people of
their own where the CSV names them, is held out. They choose when to stop, and the figures before and after are theirs,
so the figures after are a little too kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.table import Table

from training import finetuning
from training.errors import TrainingError
from training.finetuning import Network, Seen, answer_all, look
from training.labels_csv import EMOTION, MEASURED, Labels, read
from training.measures import correlations
from training.models.expression import ExpressionNetwork
from training.own_faces import OwnFace, find_all
from training.performer.coefficients import COEFFICIENTS
from training.weights import load_folded

MIN_ROWS = 20  # labelled pictures with a face
MIN_EACH = 8  # labels of each column among them
_HELD_OUT = 0.2
_SHOWN = 10  # pictures without a face that are listed


@dataclass(frozen=True, eq=False)
class Result:
    """What fine-tuning did.

    Attributes:
        network: the folded network with its new weights, in eval mode.
        scores: column -> before, after: figures on the held-out pictures; see `measure`.
        rows, held_out: pictures that were learnt from, and that were not. step: the one that was best.
        skipped: picture -> why it was left out.
        how: SHA-256 of the labels, the steps and the seed that were asked for.
    """

    network: Network
    scores: dict[str, dict[str, dict[str, float]]]
    rows: int
    held_out: int
    step: int
    skipped: dict[str, str]
    how: dict[str, Any]


def finetune(bundle: Path, csv: Path, images: Path, *, steps: int = 400, seed: int = 1) -> Result:
    """Reads, finds the faces, and trains.

    Raises:
        TrainingError: ``labels.*`` and ``training.weights`` as the readers say; ``labels.few``, too few pictures with
            labels and a face; ``finetune.no_gain``, the held-out pictures were told best before.
        BundleError: the bundle is damaged.
    """
    network = load_folded(bundle)
    labels = read(csv, (*MEASURED, EMOTION) if isinstance(network, ExpressionNetwork) else COEFFICIENTS)
    faces, labels, skipped = _faces(bundle, images, labels)
    held = split(labels, seed)
    train, test = np.flatnonzero(~held), np.flatnonzero(held)
    _check(labels.rows(train), labels.rows(test), skipped)
    told = look(network, [faces[k] for k in train], labels.rows(train), seed)
    unseen = look(network, [faces[k] for k in test], labels.rows(test), None)
    before = measure(network, unseen)
    step = finetuning.fit(network, labels, told, unseen, steps, seed)
    if step == 0:
        raise TrainingError(
            "finetune.no_gain",
            f"{len(train)} pictures taught it nothing that helps with the {len(test)} held-out ones.",
            "Label more pictures, or more alike ones: other light, other people, stronger expressions.",
        )
    after = measure(network, unseen)
    scores = {name: {"before": before[name], "after": after[name]} for name in before}
    how = {"labels_sha256": labels.digest, "steps": steps, "seed": seed}
    return Result(network.eval(), scores, len(train), len(test), step, skipped, how)


def _faces(bundle: Path, images: Path, labels: Labels) -> tuple[list[OwnFace], Labels, dict[str, str]]:
    """The faces of the pictures that have one and a label, their labels, and why the others were left out."""
    told = np.isfinite(labels.values).any(1) | (labels.emotion >= 0)
    skipped = {labels.images[k]: "nothing is labelled" for k in np.flatnonzero(~told)}
    labels = labels.rows(np.flatnonzero(told))
    faces, kept = [], []
    for row, found in find_all(bundle, [images / name for name in labels.images]):
        if isinstance(found, OwnFace):
            faces.append(found)
            kept.append(row)
        else:
            skipped[labels.images[row]] = found
    return faces, labels.rows(np.array(kept, np.intp)), skipped


def split(labels: Labels, seed: int) -> npt.NDArray[np.bool_]:
    """Which pictures are held out, bool (N,): about a fifth, whole people where that leaves enough to learn from."""
    rng, count = np.random.default_rng(seed), len(labels)
    for groups in (labels.people, np.arange(count)):
        held = np.zeros(count, np.bool_)
        for who in rng.permutation(np.unique(groups)):
            mine = groups == who
            if held.sum() < _HELD_OUT * count and held.sum() + mine.sum() <= 2 * _HELD_OUT * count:
                held |= mine
        if held.any():
            break
    return held


def _check(train: Labels, test: Labels, skipped: Mapping[str, str]) -> None:
    """Refuses what is too little to learn from or to judge by."""
    left_out = "; ".join(f"{name}: {why}" for name, why in list(skipped.items())[:_SHOWN])
    tail = f" {len(skipped)} pictures were left out ({left_out})." if skipped else ""
    count = len(train) + len(test)
    if count < MIN_ROWS:
        raise TrainingError(
            "labels.few", f"{count} pictures have labels and a face.{tail}", f"Give {MIN_ROWS} or more."
        )
    counts = {
        name: (int(np.isfinite(train.values[:, k]).sum()), int(np.isfinite(test.values[:, k]).sum()))
        for k, name in enumerate(train.columns)
    }
    counts[EMOTION] = int((train.emotion >= 0).sum()), int((test.emotion >= 0).sum())
    poor = [f"{name} {sum(n)}" for name, n in counts.items() if sum(n) and (n[0] < MIN_EACH or n[1] < 2)]
    if poor or not any(map(sum, counts.values())):
        raise TrainingError(
            "labels.few",
            f"Too few labels: {', '.join(poor) or 'none at all'}.{tail}",
            f"Give {MIN_EACH} or more to learn from and 2 held out of each column (of several people), or drop it.",
        )


def measure(network: Network, seen: Seen) -> dict[str, dict[str, float]]:
    """Of each labelled column n, Pearson's r (0 where nothing moves) and mean absolute error; of emotions accuracy."""
    said = answer_all(network, seen)
    guess, truth = said.measured.numpy(), seen.truth.numpy()
    scores: dict[str, dict[str, float]] = {}
    for k, name in enumerate(MEASURED[: guess.shape[1]]):
        there = np.isfinite(truth[:, k])
        if there.any():
            low = -1.0 if name in ("valence", "arousal") else 0.0
            a, b = np.clip(guess[there, k : k + 1], low, 1), truth[there, k : k + 1]
            r, mae = float(correlations(a, b)[0]), float(np.abs(a - b).mean())
            scores[name] = {"n": int(there.sum()), "r": r, "mae": mae}
    meant = seen.emotion >= 0
    if said.emotion is not None and bool(meant.any()):
        right = said.emotion[meant].argmax(1) == seen.emotion[meant]
        scores[EMOTION] = {"n": int(meant.sum()), "accuracy": float(right.float().mean())}
    return scores


def table(result: Result) -> Table:
    """Before and after on the held-out pictures."""
    grid = Table("held out", "labels", "r before", "r after", "error before", "error after")
    for name, row in result.scores.items():
        old, new = row["before"], row["after"]
        if "accuracy" in old:
            grid.add_row(name, f"{old['n']:.0f}", f"{old['accuracy']:.0%} right", f"{new['accuracy']:.0%} right")
        else:
            cells = (old["r"], new["r"], old["mae"], new["mae"])
            grid.add_row(name, f"{old['n']:.0f}", *(f"{value:.3f}" for value in cells))
    return grid
