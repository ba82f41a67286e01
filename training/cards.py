"""Writes the cards of the default models and of the synthetic performer: docs/cards/*.md.

    python -m training.cards

Figures come from the manifests of the bundles in sdk/mien/models and, where there is one, from
training/results/NAME.json, which is metrics.json of `python -m training.evaluate`; the words come from
training/card_texts. A result that was measured on other weights than the bundle's is left out, and the card says so.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

import typer
from mien.bundle import Bundle

from training.command import run
from training.dataset import PER_PERSON, SIZE, VERSION
from training.errors import TrainingError
from training.paths import ROOT
from training.performer import labels
from training.performer.coefficients import COEFFICIENTS
from training.performer.expressions import MIXTURE
from training.performer.head import GAZE_PER_UNIT, IDENTITY_MODES
from training.performer.landmarks import COUNT, REGIONS
from training.performer.takes import TRAIN_TAKES, VALIDATION_TAKES

MODELS = ROOT / "sdk" / "mien" / "models"
RESULTS = ROOT / "training" / "results"
CARDS = ROOT / "docs" / "cards"
_TEXTS = Path(__file__).with_name("card_texts")
_NOTE = "<!-- written by `python -m training.cards`, do not edit -->\n"

_MEANING = {
    "image": "RGB, pixel / 255, the face's crop (a detector: the frame, letterboxed)",
    "neutral": "the user's neutral raw embedding; zeros: not known",
    "points": "landmarks, pixels of the input",
    "coefficients": "52 ARKit coefficients and 5 of the tongue, clamped to 0..1 at run time",
    "rotation": "head to crop camera axes, orthonormal",
    "gaze": "unit vectors of the left and the right eye, crop camera axes",
    "visibility": "logit for each region of the face",
    "presence": "logit: this is a face",
    "aus": "intensities of the action units, 0..1",
    "emotion": "probabilities of the eight emotions",
    "affect": "valence and arousal, -1..1",
    "embedding": "of the expression, unit length",
    "raw_embedding": "before the neutral one is taken off",
    "unknown": "probability that the expression is none of the emotions",
    "attention": "where in the crop the heads looked; sums to 1",
    "cls": "score of each cell, 0..1",
    "obj": "the same again",
    "box": "centre and size, in strides",
    "features": "what moves relative to the head, sensor by sensor (native/include/mien/imu.h)",
    "state": "zeros at first, then `next_state` of the step before",
    "next_state": "what the next step is given",
    "confidence": "of each region: the expected exp(-error / 0.1)",
    "cells": "warped portrait and portrait, 2 x 2 pixels as channels, and maps (sdk/mien/portrait/canvas.py), 0..1",
    "drive": "the 52 coefficients of the portrait, then those it shall have",
    "keep": "2 x 2 pixels as channels: how much of the warped portrait to keep, 0..1",
    "change": "2 x 2 pixels as channels: what is added to red, green and blue",
    "imu.coefficients": "the ARKit coefficients that move skin, clamped to 0..1 at run time",
}


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A Markdown table; numbers with three digits, nothing for None and NaN."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in rows]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def model_card(path: Path, result: Mapping[str, Any] | None) -> str:
    """The card of one bundle.

    Args:
        result: metrics.json of its evaluation, or None.

    Raises:
        BundleError: it is damaged. TrainingError: ``training.config``, there are no words for a bundle of this name.
    """
    with Bundle.open(path) as bundle:
        fields, blobs = bundle.manifest.root.fields, dict(bundle.manifest.blobs)
        sizes = {name: len(bundle.blob(name)) for name in bundle.names()}
    metrics = fields.get("metrics", {})
    measured = metrics.get("synthetic_held_out", {})
    # An export that adds targets leaves the members alone that were measured.
    stale = result is not None and not result.get("blobs", {"": ""}).items() <= blobs.items()
    evaluated = {} if result is None or stale else result
    parts = {
        "facts": _facts(path, fields, blobs, sizes),
        "tensors": "\n\n".join(_tensors(network, fields["task"]) for network in fields["networks"].values()),
        "training": _scalars({**metrics, **metrics.get("training", {})}, "setting"),
        "figures": _figures(measured, metrics),
        "asked": _asked(evaluated, stale),
        "each": _each(fields, measured, evaluated),
        "unrun": (_TEXTS / "unrun.txt").read_text("utf-8").strip(),
    }
    return _filled(fields["name"], parts)


def _filled(name: str, parts: Mapping[str, str]) -> str:
    text = _TEXTS / f"{name}.md"
    if not text.is_file():
        raise TrainingError("training.config", f"There are no words for a card of {name!r}.", f"Write {text.name}.")
    return _NOTE + Template(text.read_text("utf-8")).substitute(parts)


def _facts(path: Path, fields: Mapping[str, Any], blobs: Mapping[str, str], sizes: Mapping[str, int]) -> str:
    rows = [
        ("file", f"`{path.name}`, {path.stat().st_size / 1e6:.2f} MB"),
        ("task", fields["task"]),
        ("licence", f"{fields['licence']['spdx']}; {fields['licence'].get('source', '')}".removesuffix("; ")),
        ("training data", fields.get("training_data", "not told")),
        *((f"`{name}`", f"{sizes[name]} bytes, SHA-256 `{digest}`") for name, digest in sorted(blobs.items())),
    ]
    for network in fields["networks"].values():
        runs = ", ".join(f"{target['engine']} {target['precision']}" for target in network["targets"])
        rows.append(("targets", runs))
    return table(("", ""), rows)


def _tensors(network: Mapping[str, Any], task: str) -> str:
    rows = []
    for way in ("inputs", "outputs"):
        for name, port in network[way].items():
            meaning = _MEANING.get(f"{task}.{name}") or _MEANING.get(name) or _MEANING.get(name.rsplit("_", 1)[0], "")
            rows.append((way.removesuffix("s"), f"`{name}`", "x".join(map(str, port["shape"])), meaning))
    return table(("", "tensor", "shape", "meaning"), rows)


def _scalars(values: Mapping[str, Any], what: str) -> str:
    rows = [(name.replace("_", " "), value) for name, value in values.items() if isinstance(value, (int, float, str))]
    return table((what, "value"), rows) if rows else "Nothing is recorded."


def _figures(measured: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    flat = {name: value for name, value in measured.items() if isinstance(value, (int, float))}
    parity = {name: value for name, value in metrics.items() if name.startswith("parity")}
    return _scalars({**flat, **parity}, "figure")


def _asked(result: Mapping[str, Any], stale: bool) -> str:
    if stale:
        return "The kept evaluation was made with other weights than these, and is left out."
    if not result:
        return "No evaluation is kept beside this bundle; run `python -m training.evaluate`."
    rows = [
        (
            row["what"],
            f"{'at most' if row['most'] else 'at least'} {row['limit']:g}",
            row["value"],
            "met" if row["met"] else "**missed**",
        )
        for row in result.get("asked", [])
    ]
    return table(("figure", "asked", "measured", ""), rows) + _clear(result.get("renders", {}).get("clear"))


def _clear(figures: Mapping[str, Any] | None) -> str:
    """What the renders say when the easy ones are taken alone."""
    if figures is None:
        return ""
    return (
        f"\n\nOf these held-out renders {figures['pictures']} look towards the camera (within 30 degrees) with every"
        f" region to be seen. On them alone: mean r {figures['mean_r']:.3f}, mean absolute error {figures['mae']:.3f},"
        f" landmarks {figures['nme_eye_corners_percent']:.2f} %, head {figures['rotation_degrees']:.2f} degrees, gaze"
        f" {figures['gaze_degrees']:.1f} degrees."
    )


def _each(fields: Mapping[str, Any], measured: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    """A row for each coefficient and action unit, or for each size of a face."""
    if "recall" in measured:
        return table(("face of at least (pixels)", "recall"), measured["recall"].items())
    if fields["task"] == "imu" and result:
        return _skin(result["figures"])
    if fields["task"] == "reenact" and result:
        return _portraits(result["figures"])
    parts = []
    if "r" in measured or "renders" in result:
        parts.append(_coefficients(measured, result))
    if "au_r" in measured or "aus" in result.get("expression", {}):
        aus = result.get("expression", {}).get("aus", {})
        names = fields["expression"]["aus"]
        told = dict(zip(names, measured.get("au_r", [None] * len(names)), strict=True))
        rows = [(name, told[name], aus.get("icc", {}).get(name), aus.get("mae", {}).get(name)) for name in names]
        parts.append(table(("action unit", "r", "ICC(3,1)", "mean error"), rows))
    return "\n\n".join(parts) or "Nothing is recorded."


def _coefficients(measured: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    count = len(COEFFICIENTS)
    none = [None] * count
    renders, sweeps = result.get("renders", {}), result.get("sweeps", {})
    agreement = result.get("real", {}).get("agreement", {})
    # A sweep of MediaPipe knows 52; ours has a value for each of the 57.
    columns = {
        "r": renders.get("r", measured.get("r", none)),
        "mean error": renders.get("mae_each", none),
        "of a constant": renders.get("constant_mae_each", none),
        "bias": renders.get("bias_each", none),
        "sweep r": sweeps.get("r", none),
        "sweep range": sweeps.get("range", none),
        "agreement r": [agreement.get(name, {}).get("r") for name in COEFFICIENTS],
    }
    kept = {name: values for name, values in columns.items() if any(value is not None for value in values)}
    rows = [(name, *(_float(values[k]) for values in kept.values())) for k, name in enumerate(COEFFICIENTS)]
    return table(("coefficient", *kept), rows)


def _skin(figures: Mapping[str, Mapping[str, Any]]) -> str:
    """How each condition came out, then r of each coefficient with each layout."""
    rows = [(name, row["r"], row["r_all"], row["mae"]) for name, row in figures.items()]
    layouts = ("imu6", "imu12", "imu18")
    names = figures["imu12"]["r_each"]
    each = [
        (name, *(figures[layout]["r_each"][name] for layout in layouts), figures["imu12"]["mae_each"][name])
        for name in names
    ]
    return "\n\n".join(
        [
            table(("worn, or what happens", "r, moving", "r, all 43", "mean error"), rows),
            table(("coefficient", *(f"r, {layout}" for layout in layouts), "mean error, imu12"), each),
        ]
    )


def _portraits(figures: Mapping[str, Any]) -> str:
    """Pictures of each way to make them, then what the face model sees of each coefficient on ours."""
    ways = {name: row for name, row in figures.items() if isinstance(row, Mapping) and "psnr" in row}
    names = {"ours": "this bundle", "warp": "the mesh's warp alone", "source": "the portrait as it is"}
    before = f" (measured at {figures['keypoints_at']})" if "keypoints_at" in figures else ""
    names["keypoints"] = f"keypoints, 0.58 GMAC to our 0.39, same pairs and schedule{before}"
    rows = [
        (names[way], *(ways[f"{way} {kind}"][figure] for kind in ("same", "cross") for figure in ("psnr", "ssim")))
        for way in names
        if f"{way} same" in ways
    ]
    each = figures["transfer"]["r_each"].items()
    return "\n\n".join(
        [
            table(("", "same identity: PSNR", "SSIM", "cross identity: PSNR", "SSIM"), rows),
            _recognised(figures["identity"]),
            table(("coefficient seen on the output", "r with the driver"), each),
        ]
    )


def _recognised(figures: Mapping[str, float]) -> str:
    """Whom dlib's recogniser of photographs takes outputs for."""
    names = {
        "to_portrait": "distance of an output to its portrait",
        "truth_to_portrait": "of the true picture to the portrait",
        "to_driver": "of an output to the driver",
        "strangers": "of two strangers' portraits",
        "same_person": "outputs within 0.6 of their portrait, dlib's limit for one person",
        "truth_same_person": "true pictures within it",
        "nearer_to_portrait_than_to_driver": "outputs nearer to their portrait than to the driver",
        "first_of_all": "outputs whose nearest of all portraits is their own",
        "truth_first_of_all": "true pictures of which that is so",
    }
    return table(("dlib's face recognition", "cross identity"), ((word, figures[key]) for key, word in names.items()))


def _float(value: Any) -> float | None:
    return None if value is None else float(value)


def performer_card() -> str:
    """The data card of the synthetic performer."""
    shares = sum(MIXTURE.values())
    parts = {
        "mixture": table(("kind", "share"), ((name, f"{value / shares:.0%}") for name, value in MIXTURE.items())),
        "modes": str(IDENTITY_MODES),
        "coefficients": str(len(COEFFICIENTS)),
        "landmarks": str(COUNT),
        "regions": ", ".join(REGIONS),
        "size": str(SIZE),
        "per_person": str(PER_PERSON),
        "version": str(VERSION),
        "gaze": f"{math.degrees(GAZE_PER_UNIT):.0f}",
        "takes": ", ".join(TRAIN_TAKES),
        "other_takes": ", ".join(VALIDATION_TAKES),
        "aus": ", ".join(labels.ACTION_UNITS),
        "emotions": ", ".join(labels.EMOTIONS),
    }
    return _filled("performer", parts)


def cards(models: Path = MODELS, results: Path = RESULTS) -> dict[str, str]:
    """The cards by file name: one for each bundle, and the performer's.

    Raises:
        TrainingError: ``cards.result``, a kept evaluation is damaged; as `model_card`.
    """
    made = {"performer.md": performer_card()}
    for path in sorted(models.glob("*.mien")):
        kept = results / f"{path.stem}.json"
        try:
            result = json.loads(kept.read_text("utf-8")) if kept.is_file() else None
        except (OSError, ValueError) as error:
            raise TrainingError("cards.result", f"{kept} cannot be read ({error}).", "Evaluate again.") from error
        made[f"{path.stem}.md"] = model_card(path, result)
    return made


def main() -> None:
    """Writes docs/cards."""
    CARDS.mkdir(parents=True, exist_ok=True)
    for name, text in cards().items():
        (CARDS / name).write_text(text, "utf-8")
        typer.echo(f"docs/cards/{name}")


if __name__ == "__main__":
    run(main)
