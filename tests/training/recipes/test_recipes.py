"""The recipes from rendered pictures to checkpoints, two steps each."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
import torch
from mien.locate import locate

from training import checkpoint
from training.errors import TrainingError
from training.expressing import places
from training.models.expression import ExpressionNetwork, Heads
from training.models.face import FaceNetwork
from training.recipes import expression, face
from training.train import Options
from training.weights import load_face

pytestmark = pytest.mark.shared

PICTURES = 24


def options(folder: Path, name: str) -> Options:
    return Options(
        out=folder / name,
        data=folder / "data",
        pictures=PICTURES,
        steps=2,
        batch=PICTURES,
        seed=1,
        threads=0,
        result=folder / f"{name}.pt",
        start=None,
    )


@pytest.fixture
def rendered(faces_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which nothing is left to render: the same pictures to learn from and to be measured on."""
    for recipe in (face, expression):
        monkeypatch.setattr(recipe, "HELD_OUT", PICTURES)
    for name in ("faces", "held_out"):
        copytree(faces_folder, tmp_path / "data" / name)
    return tmp_path


def test_a_face_network_and_an_expression_network_on_top_of_it(rendered: Path) -> None:
    face.train(options(rendered, "face"))
    expression.train(options(rendered, "expression"))
    for name, network in (("face", FaceNetwork()), ("expression", ExpressionNetwork(FaceNetwork(), Heads(places())))):
        log = [json.loads(line) for line in (rendered / name / "log.jsonl").read_text("utf-8").splitlines()]
        assert log[-1]["step"] == 2
        assert np.isfinite(log[-1]["loss"])
        checkpoint.load(network, rendered / f"{name}.pt")
        metrics = checkpoint.metrics_of(rendered / f"{name}.pt")
        assert metrics["pictures"] == PICTURES
        assert metrics["synthetic_held_out"]


def test_a_bundle_will_do_as_the_face_network_and_keeps_its_answers(rendered: Path) -> None:
    start = locate("face")
    expression.train(replace(options(rendered, "expression"), start=start))
    both = ExpressionNetwork(FaceNetwork(), Heads(places()))
    checkpoint.load(both, rendered / "expression.pt")
    picture = torch.rand(2, 3, 144, 144, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        answers = both.eval().face(picture), load_face(start)(picture)
    for own, began in zip(*answers, strict=True):
        torch.testing.assert_close(own, began)


def test_the_expression_recipe_asks_for_a_face_network(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"training\.train face") as caught:
        expression.train(options(tmp_path, "expression"))
    assert caught.value.code == "training.config"
