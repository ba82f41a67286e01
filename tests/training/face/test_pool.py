"""The pool: the same seed is the same bytes, what is drawn from follows the samples, old shards go."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest
from made_up import shard

from training.errors import TrainingError
from training.face.pool import HELD_OUT_SIDES, REUSE, SHARD, SIDE, START, WINDOW, Pool, wanted
from training.performer.coefficients import INDEX
from training.performer.labels import KINDS
from training.performer.renderer import Renderer

pytestmark = pytest.mark.shared


def test_new_people_come_with_the_samples_and_old_ones_go() -> None:
    assert wanted(0) == range(START)
    assert wanted(SHARD * REUSE - 1) == range(START)
    assert wanted(SHARD * REUSE) == range(START + 1)
    late = wanted(SHARD * REUSE * 1000)
    assert (late.start, len(late)) == (START + 1000 - WINDOW, WINDOW)


def test_the_same_seed_is_the_same_bytes(renderer: Renderer, tmp_path: Path) -> None:
    def made(name: str, seed: int, number: int = 0) -> bytes:
        there = Pool(tmp_path / name, seed)
        there.render(number, 2)
        return there.path(number).with_suffix(".npy").read_bytes()

    first = made("first", 1)
    assert first == made("again", 1)
    assert len({first, made("seed", 2), made("first", 1, 1)}) == 3


def test_a_shard_holds_people_with_exact_labels(renderer: Renderer, tmp_path: Path) -> None:
    there = Pool(tmp_path, 3, HELD_OUT_SIDES)
    there.render(0, 9)
    found = there.shard(0)
    assert found.picture(8).shape == (SIDE, SIDE, 3)
    assert np.array_equal(found.labels["person"], np.arange(9) // HELD_OUT_SIDES.per_person)
    assert {KINDS[k] for k in found.labels["kind"]} <= {"lone", "act"}
    identity = found.labels["identity"]
    assert (identity[:8] == identity[0]).all()
    assert not (identity[8] == identity[0]).all()
    open_jaw = found.labels["coefficients"][:, INDEX["jawOpen"]]
    chin = found.labels["shape"][:, 8, 1].astype(np.float32)  # of the same person, lower where the jaw is open
    if np.ptp(open_jaw[:8]) > 0.2:
        assert np.corrcoef(open_jaw[:8], chin[:8])[0, 1] < 0


def test_what_was_interrupted_is_not_a_shard(renderer: Renderer, tmp_path: Path) -> None:
    there = Pool(tmp_path, 1)
    seen = iter([True, True, False])
    there.render(0, 3, alive=lambda: next(seen))
    assert not there.has(0)
    assert not list(tmp_path.iterdir())


def test_retired_shards_leave_the_disk(tmp_path: Path) -> None:
    for number in range(3):
        shard(tmp_path, number, 2)
    there = Pool(tmp_path, 1)
    there.shard(0)
    there.retire(2)
    assert [there.has(number) for number in range(3)] == [False, False, True]
    assert {path.stem for path in tmp_path.iterdir()} == {"shard-00002"}


def test_a_damaged_shard_is_named(tmp_path: Path) -> None:
    shard(tmp_path, 0, 2)
    path = Pool(tmp_path, 1).path(0)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(TrainingError, match="shard-00000"):
        Pool(tmp_path, 1).shard(0)


def test_a_full_disk_leaves_no_half_shard(
    renderer: Renderer, tmp_path: Path, disk_of: Callable[[int], AbstractContextManager[None]]
) -> None:
    with disk_of(1000), pytest.raises(TrainingError) as caught:
        Pool(tmp_path, 1).render(0, 1)
    assert caught.value.code == "dataset.write"
    assert not list(tmp_path.iterdir())
