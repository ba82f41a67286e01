"""Cards: those in docs/cards are of the bundles that ship; they name what is synthetic, missed, and left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from mien.bundle import Bundle

from export.manifests.expression import NEUTRAL, OWN
from export.manifests.face import OUTPUTS, network_section
from training import cards
from training.errors import TrainingError
from training.performer.coefficients import COEFFICIENTS
from training.performer.labels import ACTION_UNITS, EMOTIONS

MEASURED = {"mean_r": 0.912345, "r": [k / 100 for k in range(57)], "au_r": [0.5] * 17}


def with_target(network: dict[str, Any]) -> dict[str, Any]:
    """A network's section with a target."""
    tensors = {tensor: tensor for ports in network.values() for tensor in ports}
    target = {"engine": "onnxruntime", "precision": "fp32", "blob": "onnx/face.onnx", "tensors": tensors}
    return {**network, "targets": [target]}


def bundle(folder: Path, name: str = "expression", onnx: bytes = b"weights") -> Path:
    """A bundle with figures and no real network."""
    path = folder / f"{name}.mien"
    fields: dict[str, Any] = {
        "schema": 1,
        "name": name,
        "task": "expression",
        "licence": {"spdx": "Apache-2.0", "source": "here"},
        "training_data": "Renders.",
        "networks": {"face": with_target(network_section(144, OUTPUTS | OWN, NEUTRAL))},
        "expression": {"aus": list(ACTION_UNITS), "emotions": list(EMOTIONS)},
    }
    fields["metrics"] = {"synthetic_held_out": MEASURED, "steps": 123, "parity_with_torch": 1.25e-4}
    Bundle.write(path, fields, {"onnx/face.onnx": onnx})
    return path


def result(path: Path) -> dict[str, Any]:
    """An evaluation of it, as training.evaluate keeps it."""
    with Bundle.open(path) as opened:
        blobs = dict(opened.manifest.blobs)
    missed = {"what": "real: gross", "value": 3.5, "limit": 1.0, "most": True, "met": False}
    return {
        "blobs": blobs,
        "asked": [missed],
        "renders": {"r": [0.875] * 57, "mae_each": [0.04] * 57, "constant_mae_each": [0.1] * 57},
        "sweeps": {"r": [None] + [0.99] * 56, "range": [0.7] * 57},
        "real": {"agreement": {"jawOpen": {"r": 0.654, "difference": 0.0, "frames": 9}}},
        "expression": {"aus": {"icc": {"AU12": 0.777}, "mae": {"AU12": 0.05}}},
    }


def test_the_cards_in_docs_are_those_of_the_bundles_that_ship() -> None:
    made = cards.cards()
    there = {path.name: path.read_text("utf-8") for path in cards.CARDS.glob("*.md")}
    assert there == made, "run python -m training.cards"


def test_a_card_has_the_figures_of_its_bundle(tmp_path: Path) -> None:
    text = cards.model_card(bundle(tmp_path), None)
    for words in ("Apache-2.0; here", "0.912", "| steps | 123 |", "0.000125", "| AU12 | 0.5 |", "1x3x144x144"):
        assert words in text, words
    assert f"| {COEFFICIENTS[17]} | 0.17 |" in text
    assert "synthetic" in text and "No evaluation is kept" in text
    assert "never run on a phone" in text


def test_an_evaluation_of_the_same_weights_is_shown_with_what_it_missed(tmp_path: Path) -> None:
    path = bundle(tmp_path)
    text = cards.model_card(path, result(path))
    assert "| real: gross | at most 1 | 3.5 | **missed** |" in text
    assert "| jawOpen | 0.875 | 0.04 | 0.1 | 0.99 | 0.7 | 0.654 |" in text
    assert "| AU12 | 0.5 | 0.777 | 0.05 |" in text
    assert f"| {COEFFICIENTS[0]} | 0.875 | 0.04 | 0.1 |  | 0.7 |  |" in text  # what is not known is left empty


def test_an_evaluation_of_other_weights_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    old = result(bundle(tmp_path / "other", onnx=b"other weights"))
    text = cards.model_card(bundle(tmp_path), old)
    assert "made with other weights" in text
    assert "0.875" not in text and "**missed**" not in text


def test_a_detector_is_told_by_the_size_of_faces(tmp_path: Path) -> None:
    path = tmp_path / "detect.mien"
    fields = {
        "schema": 1, "name": "detect", "task": "detect", "licence": {"spdx": "Apache-2.0"},
        "networks": {"detector": with_target(network_section(144, OUTPUTS, {}))},
        "metrics": {"synthetic_held_out": {"recall": {"18": 0.61, "128": 0.99}, "precision": 0.97}},
    }  # fmt: skip
    Bundle.write(path, fields, {"onnx/face.onnx": b"x"})
    text = cards.model_card(path, None)
    assert "| 18 | 0.61 |" in text and "| precision | 0.97 |" in text


def test_every_bundle_of_a_folder_gets_a_card_and_the_performer_one(tmp_path: Path) -> None:
    path = bundle(tmp_path)
    (tmp_path / "expression.json").write_text(json.dumps(result(path)), "utf-8")
    made = cards.cards(tmp_path, tmp_path)
    assert set(made) == {"performer.md", "expression.md"}
    assert "**missed**" in made["expression.md"]
    assert all(text.startswith("<!-- written by") for text in made.values())
    (tmp_path / "expression.json").write_text("{", "utf-8")
    with pytest.raises(TrainingError) as caught:
        cards.cards(tmp_path, tmp_path)
    assert caught.value.code == "cards.result"


def test_a_bundle_without_words_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="words") as caught:
        cards.model_card(bundle(tmp_path, "strange"), None)
    assert caught.value.code == "training.config"


def test_the_performers_card_says_what_its_labels_are() -> None:
    text = cards.performer_card()
    for words in ("the label is what is left", "no human coder", "What it cannot show", "EMFACS"):
        assert words in text, words
    assert "$" not in text
