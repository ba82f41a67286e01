"""Fine-tuning: it begins with a bundle's own weights, learns what is labelled, and refuses politely."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import cv2
import mien
import numpy as np
import pytest
import torch
from mien.bundle import Bundle

from export.finetune import main, recipe
from export.manifests.expression import NEUTRAL, OWN
from export.manifests.face import OUTPUTS, face_section, network_section
from export.named import Named
from export.recipe import Recipe
from training import finetuning
from training.errors import TrainingError
from training.finetune import MIN_ROWS, finetune, measure, split
from training.labels_csv import EMOTION, MEASURED, Labels, read
from training.models.blocks import fold
from training.models.expression import ExpressionNetwork, Heads
from training.models.face import FEATURES, POINTS, FaceNetwork
from training.own_faces import Finder, OwnFace, pictures_in
from training.performer.coefficients import COEFFICIENTS
from training.performer.landmarks import CROP
from training.weights import load_folded, weights_of

from .conftest import made

SIDE = 120  # pixels of a user's picture


def network() -> ExpressionNetwork:
    """An untrained network that sees a face, always the same one, in every picture."""
    torch.manual_seed(3)
    face = FaceNetwork()
    angle = torch.linspace(0, 2 * torch.pi, 220)
    points = torch.stack([torch.cos(angle), torch.sin(angle)], 1) / CROP  # they ask for the crop that they lie in
    points[36], points[45] = torch.tensor([-0.4, -0.2]), torch.tensor([0.4, -0.2])  # level eyes
    with torch.no_grad():
        for layer in (face.maps, face.offsets):
            layer.weight.zero_()
        face.maps.bias.zero_()
        face.offsets.bias.copy_(points.flatten())
        face.pose.weight.zero_()
        face.pose.bias.copy_(torch.tensor([1.0, 0, 0, 0, 1, 0, *[3.0] * 9, 10.0]))
        for layer in face.modules():
            if isinstance(layer, torch.nn.BatchNorm2d):
                layer.running_mean.normal_(0, 0.02)  # so that folded biases are not all zero
            elif isinstance(layer, torch.nn.Conv2d) and layer.kernel_size == (3, 3):
                torch.nn.init.kaiming_normal_(layer.weight)  # so that what it sees does not fade from layer to layer
    whole = ExpressionNetwork(face, Heads(torch.zeros(9, 14, 14)))
    fold(whole.eval())
    return whole


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That network as a bundle without a detector: the whole picture is looked at."""
    path = tmp_path_factory.mktemp("bundle") / "expression.mien"
    outputs = OUTPUTS | OWN
    face = {name: value for name, value in face_section().items() if name not in ("crop_from_detection", "pose")}
    manifest: dict[str, Any] = {
        "schema": 1,
        "name": "expression",
        "task": "expression",
        "licence": {"spdx": "Apache-2.0"},
        "training_data": "Noise.",
        "networks": {"face": network_section(144, outputs, NEUTRAL)},
        "face": face,
        "expression": {},
    }
    inputs = {"image": torch.rand(1, 3, 144, 144), "neutral": torch.zeros(NEUTRAL["neutral"])}
    module = Named(network(), len(outputs))
    return made(
        path,
        Recipe("expression", module, inputs, list(outputs), manifest, network="face", image="image", tolerance=5e-3),
    )


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A CSV and its folder: 30 pictures of 10 people whose jaw opens, and whose AU12 rises, as it gets lighter."""
    folder = tmp_path_factory.mktemp("user")
    rng = np.random.default_rng(1)
    rows = [["image", "person", "jawOpen", "AU12", EMOTION]]
    for k in range(30):
        light = k % 10 / 9
        picture = np.clip(rng.normal(40 + 170 * light, 12, (SIDE, SIDE, 3)), 0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / f"{k}.png"), picture)
        rows.append(
            [f"{k}.png", f"p{k % 10}", f"{light:.2f}", f"{light:.2f}", "surprise" if light > 0.5 else "neutral"]
        )
    rows += [["gone.png", "p1", "0.5", "", ""], ["0.png", "p0", "", "", ""]]
    (folder / "broken.png").write_bytes(b"no picture")
    rows.append(["broken.png", "p2", "0.5", "", ""])
    write(folder / "labels.csv", rows)
    return folder / "labels.csv", folder


def write(path: Path, rows: list[list[str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return path


def labelled(**columns: list[float]) -> Labels:
    count = len(next(iter(columns.values())))
    values = np.array(list(columns.values()), np.float32).T
    names, people = tuple(f"{k}.png" for k in range(count)), np.arange(count)
    return Labels(names, people, tuple(columns), values, np.full(count, -1, np.int8), "")


def test_the_weights_of_a_bundle_are_those_it_was_made_of(bundle: Path) -> None:
    original = network()
    found = weights_of(bundle)
    assert found["face.coefficients.weight"].shape == (57, 256)
    loaded = load_folded(bundle)
    assert isinstance(loaded, ExpressionNetwork)
    for name, value in original.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[name], value, rtol=1e-3, atol=1e-4, msg=name)


def test_the_last_layers_answer_as_the_whole_bundle_does(bundle: Path, user: tuple[Path, Path]) -> None:
    loaded = load_folded(bundle)
    picture = user[1] / "7.png"
    with Finder(bundle) as finder:
        face = finder.find(picture)
    assert isinstance(face, OwnFace)
    seen = finetuning.look(loaded, [face], labelled(jawOpen=[0.5]), None)
    said = finetuning.answer_all(loaded, seen)
    image = torch.from_numpy(face.exact.transpose(2, 0, 1)[None]).float() / 255
    with torch.no_grad():
        whole = loaded(image, torch.zeros(1, 64))
    torch.testing.assert_close(said.measured, torch.cat([whole[1], whole[6], whole[8]], 1), rtol=1e-4, atol=1e-5)
    with mien.open(bundle, tracking=False) as pipeline:  # two passes: the second sees the crop of the first
        state = pipeline.process(mien.Images(str(picture)).read())
    # The face is the same in every crop, so the crop that `Finder` cuts lies just inside the one of the last pass.
    assert state.found and np.abs(state.raw - np.clip(said.measured[0, :52].numpy(), 0, 1)).max() < 0.02


def test_it_learns_what_is_labelled_and_leaves_the_rest(bundle: Path, user: tuple[Path, Path], tmp_path: Path) -> None:
    result = finetune(bundle, *user, steps=60)
    out = made(tmp_path / "mine.mien", recipe(bundle, result))
    assert (result.rows, result.held_out) == (24, 6)
    assert set(result.skipped) == {"gone.png", "broken.png", "0.png"}
    for name in ("jawOpen", "AU12"):
        before, after = result.scores[name]["before"], result.scores[name]["after"]
        assert after["mae"] < 0.5 * before["mae"] and after["r"] > 0.9
    with Bundle.open(out) as opened:
        assert opened.manifest.name == "expression-finetuned"
        told = opened.manifest.root.fields["metrics"]["finetuned"]
        assert told["base"] == dict(Bundle.open(bundle).manifest.blobs) and told["labels_sha256"]
    old, new = load_folded(bundle), load_folded(out)
    image = torch.rand(8, 3, 144, 144, generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        a, b = (net(image, torch.zeros(8, 64)) for net in (old, new))
    others = [k for k, name in enumerate(COEFFICIENTS) if name != "jawOpen"]
    assert float((a[1] - b[1])[:, others].abs().mean()) < 0.05
    torch.testing.assert_close(a[0], b[0], atol=0.01, rtol=0)  # landmarks


def test_the_command_prints_what_it_did_and_writes_a_proven_bundle(
    bundle: Path, user: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    csv_file, folder = user
    out = tmp_path / "mine.mien"
    main(csv_file, folder, str(bundle), out, "ort-cpu,openvino-cpu", 40, 1, tmp_path / "work")
    printed = capsys.readouterr().out
    assert "left out gone.png" in printed and "jawOpen" in printed
    with Bundle.open(out) as opened:
        targets = opened.manifest.networks["face"].targets
        proofs = opened.manifest.root.fields["metrics"]["export"]["targets"]
    assert [(target.engine, target.precision) for target in targets] == [("onnxruntime", "fp32"), ("openvino", "fp32")]
    assert all(proof["parity"] <= 1e-4 for proof in proofs.values())


def test_what_teaches_nothing_is_refused(bundle: Path, user: tuple[Path, Path], tmp_path: Path) -> None:
    loaded = load_folded(bundle)
    with Finder(bundle) as finder:
        faces = [finder.find(path) for path in pictures_in(user[1])[:20]]
    kept = [face for face in faces if isinstance(face, OwnFace)]
    assert len(kept) == 20
    exact = finetuning.look(loaded, kept, labelled(jawOpen=[0.0] * 20), None)
    said = finetuning.answer_all(loaded, exact).measured
    column = int(((said > 0) & (said < 1)).all(0).nonzero()[0])  # labels are 0..1
    names = [f"{k}.png" for k in range(20)]
    rows = [["image", MEASURED[column]]]
    rows += [[name, f"{value:.6f}"] for name, value in zip(names, said[:, column].tolist(), strict=True)]
    for name, path in zip(names, pictures_in(user[1])[:20], strict=True):
        (tmp_path / name).write_bytes(path.read_bytes())
    with pytest.raises(TrainingError) as caught:
        finetune(bundle, write(tmp_path / "l.csv", rows), tmp_path, steps=20)
    assert caught.value.code == "finetune.no_gain"


def test_too_few_labels_are_refused_with_what_was_left_out(bundle: Path, tmp_path: Path) -> None:
    rows = [["image", "jawOpen"], *([f"{k}.png", "0.5"] for k in range(MIN_ROWS))]
    with pytest.raises(TrainingError, match=r"0\.png: there is no such file") as caught:
        finetune(bundle, write(tmp_path / "l.csv", rows), tmp_path)
    assert caught.value.code == "labels.few"


def test_people_are_on_one_side_of_the_split() -> None:
    rng = np.random.default_rng(0)
    labels = labelled(jawOpen=rng.random(60).tolist())
    labels = Labels(labels.images, np.arange(60) % 12, labels.columns, labels.values, labels.emotion, "")
    held = split(labels, 1)
    assert 12 <= held.sum() <= 24
    assert not set(labels.people[held]) & set(labels.people[~held])
    alone = Labels(labels.images, np.zeros(60, np.intp), labels.columns, labels.values, labels.emotion, "")
    assert split(alone, 1).sum() == 12


def test_figures_are_of_what_is_labelled_only(bundle: Path) -> None:
    loaded = load_folded(bundle)
    nothing = torch.zeros
    truth = torch.full((4, len(MEASURED)), torch.nan)
    truth[:3, 2] = torch.tensor([0.1, 0.5, 0.9])
    seen = finetuning.Seen(
        nothing(4, FEATURES), nothing(4, 9), nothing(4, 48, 18, 18).half(), nothing(4, FEATURES + 2 * POINTS),
        nothing(4, 57), truth, torch.full((4,), -1),
    )  # fmt: skip
    scores = measure(loaded, seen)
    assert set(scores) == {MEASURED[2]}
    assert scores[MEASURED[2]]["n"] == 3


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("file,jawOpen\na,1\n", "labels.columns", "image"),
        ("image,jawOpenn\na,1\n", "labels.columns", r"jawOpen\?"),
        ("image,jawOpen,jawOpen\na,1,1\n", "labels.columns", "twice"),
        ("image,person\na,1\n", "labels.columns", "can be learnt"),
        ("image,jawOpen\n", "labels.few", "no rows"),
        ("image,jawOpen\na,1.5\n", "labels.values", "line 2: jawOpen is '1.5'"),
        ("image,jawOpen\na,nan\n", "labels.values", "line 2"),
        ("image,emotion\na,bored\n", "labels.values", "'bored'"),
        ("image,jawOpen\na\n", "labels.values", "line 2: 1 cells"),
        ("image,jawOpen\n,1\n", "labels.values", "no image"),
        ('image,jawOpen\n"a', "labels.missing", "CSV"),
    ],
)
def test_a_wrong_csv_is_told_what_is_wrong(tmp_path: Path, text: str, code: str, words: str) -> None:
    path = tmp_path / "l.csv"
    path.write_text(text, "utf-8")
    with pytest.raises(TrainingError, match=words) as caught:
        read(path)
    assert caught.value.code == code


def test_empty_cells_are_not_labelled(tmp_path: Path) -> None:
    path = tmp_path / "l.csv"
    path.write_text("image,person,jawOpen,valence,emotion\na,x,0.5,,Fear\nb,,,-1,\nc,x,,,\n\n", "utf-8-sig")
    labels = read(path)
    assert labels.images == ("a", "b", "c")
    np.testing.assert_array_equal(labels.values, np.array([[0.5, np.nan], [np.nan, -1], [np.nan, np.nan]], np.float32))
    assert labels.emotion.tolist() == [4, -1, -1]
    assert labels.people[0] == labels.people[2] != labels.people[1]
    with pytest.raises(TrainingError, match="valence"):
        read(path, COEFFICIENTS)


def test_other_bundles_have_no_weights_to_begin_with(blocks: Path) -> None:
    with pytest.raises(TrainingError) as caught:
        weights_of(blocks)
    assert caught.value.code == "training.weights"


@pytest.fixture(scope="module")
def blocks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import models  # of the unit tests

    return models.write_detect(tmp_path_factory.mktemp("blocks") / "detect.mien")
