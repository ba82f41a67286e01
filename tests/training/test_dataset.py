"""Data sets: the same seed is the same bytes, what is there is kept, what is damaged is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from shutil import copy
from typing import Any

import numpy as np
import pytest

from training import dataset
from training.dataset import Dataset, ensure, load, render, render_shard
from training.errors import TrainingError
from training.performer.renderer import Renderer

pytestmark = pytest.mark.shared

PICTURES, SEED = 24, 5  # of the fixture `faces_folder`
LABELS = "shard-0000.npz"
PIXELS = "shard-0000.npy"


@pytest.fixture
def copied(faces_folder: Path, tmp_path: Path) -> Path:
    """A copy of the rendered shard, to be damaged."""
    for name in (LABELS, PIXELS):
        copy(faces_folder / name, tmp_path / name)
    return tmp_path


def test_a_shard_has_pictures_with_labels(pictures: Dataset) -> None:
    assert len(pictures) == PICTURES
    some = pictures.pictures(np.array([0, 5]))
    assert some.shape == (2, dataset.SIZE, dataset.SIZE, 3)
    assert some.dtype == np.uint8
    assert pictures.points.shape == (PICTURES, 220, 2)
    assert 0 <= pictures.coefficients.min() <= pictures.coefficients.max() <= 1
    np.testing.assert_allclose(np.linalg.det(pictures.rotation), 1, atol=1e-4)
    assert np.array_equal(pictures.person, np.arange(PICTURES) // dataset.PER_PERSON)
    same = pictures.identity.reshape(-1, dataset.PER_PERSON, pictures.identity.shape[1])
    assert (same == same[:, :1]).all()
    assert not np.array_equal(same[0], same[1])
    with pytest.raises(AttributeError):
        _ = pictures.nothing


def test_the_same_seed_gives_the_same_digest_and_others_do_not(renderer: Renderer, tmp_path: Path) -> None:
    def digest(name: str, seed: int, split: str = "train") -> str:
        return render_shard(tmp_path / name, 0, seed, split, 2)

    for name in ("first", "again", "seed", "split"):
        (tmp_path / name).mkdir()
    first = digest("first", 1)
    assert first == digest("again", 1)
    assert len({first, digest("seed", 2), digest("split", 1, "validation")}) == 3


def test_what_is_there_is_not_rendered_again(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in copied.iterdir()}

    def forbidden(*arguments: Any) -> None:
        raise AssertionError("rendered")

    monkeypatch.setattr(dataset, "_render", forbidden)
    ((shard, digest),) = render(copied, PICTURES, SEED, workers=1)
    assert {name: (copied / name).stat().st_mtime_ns for name in before} == before
    about = json.loads((copied / "dataset.json").read_text("utf-8"))
    assert (shard, about["sha256"], about["seed"]) == (0, [digest], SEED)
    assert len(ensure(copied, PICTURES, SEED, "train")) == PICTURES


def test_a_half_shard_is_rendered_again(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = render_shard(copied, 0, SEED, "train", PICTURES)
    stored = (np.load(copied / PIXELS), dict(np.load(copied / LABELS)))
    (copied / LABELS).unlink()
    monkeypatch.setattr(dataset, "_render", lambda *arguments: stored)
    assert render_shard(copied, 0, SEED, "train", PICTURES) == whole
    assert sorted(path.name for path in copied.iterdir()) == [PIXELS, LABELS]


def test_a_folder_of_another_seed_or_split_is_refused(copied: Path) -> None:
    list(render(copied, PICTURES, SEED, workers=1))
    for seed, split in ((SEED + 1, "train"), (SEED, "validation")):
        with pytest.raises(TrainingError, match=f"seed {SEED}, train") as caught:
            ensure(copied, PICTURES, seed, split)
        assert caught.value.code == "dataset.other"


@pytest.mark.parametrize("name", [LABELS, PIXELS])
@pytest.mark.parametrize("keep", [0, 1000])
def test_a_damaged_shard_is_named(copied: Path, name: str, keep: int) -> None:
    (copied / name).write_bytes((copied / name).read_bytes()[:keep])
    with pytest.raises(TrainingError, match=name) as caught:
        load(copied)
    assert caught.value.code == "dataset.damaged"


def test_labels_that_do_not_fit_the_pictures_are_refused(copied: Path) -> None:
    with np.load(copied / LABELS) as stored:
        labels = dict(stored)
    np.save(copied / PIXELS, np.zeros((3, 4, 4, 3), np.uint8))
    with pytest.raises(TrainingError, match="3 pictures, 24 labels"):
        load(copied)
    del labels["gaze"]
    np.savez(copied / LABELS, allow_pickle=True, **labels)
    for reads in (lambda: load(copied), lambda: render_shard(copied, 0, SEED, "train")):
        with pytest.raises(TrainingError, match="gaze") as caught:
            reads()
        assert caught.value.code == "dataset.damaged"


def test_a_damaged_description_is_refused(copied: Path) -> None:
    for text in ("{", "[]", '{"seed": 1}'):
        (copied / "dataset.json").write_text(text, "utf-8")
        with pytest.raises(TrainingError) as caught:
            ensure(copied, PICTURES, SEED, "train")
        assert caught.value.code == "dataset.damaged"


def test_too_few_pictures_are_refused(copied: Path, tmp_path: Path) -> None:
    for folder, count in ((tmp_path / "empty", None), (copied, dataset.SHARD + 1)):
        with pytest.raises(TrainingError, match=r"python -m training\.dataset") as caught:
            load(folder, count)
        assert caught.value.code == "dataset.missing"


def test_a_full_disk_leaves_no_half_file(
    tmp_path: Path, disk_of: Callable[[int], AbstractContextManager[None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = (np.zeros((40, 64, 64, 3), np.uint8), {"person": np.arange(40)})
    monkeypatch.setattr(dataset, "_render", lambda *arguments: content)
    with disk_of(100_000), pytest.raises(TrainingError, match="Free some space") as caught:
        render_shard(tmp_path, 0, SEED, "train", 40)
    assert caught.value.code == "dataset.write"
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_split_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError) as caught:
        dataset.main(tmp_path, split="test")
    assert caught.value.code == "training.config"
