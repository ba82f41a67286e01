"""mien.pipeline: filters work per face behind the task, and never touch what the model said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mien
import models
import numpy as np
import pytest
from mien.filters.base import Filter
from mien.types import FaceState
from models import MS, blocks

FRAME_MS = 33 * MS


class Count(Filter):
    """Writes how many states this copy has seen into every value."""

    def __init__(self) -> None:
        self.seen = 0

    def fresh(self) -> Count:
        return Count()

    def apply(self, state: FaceState) -> FaceState:
        from dataclasses import replace

        self.seen += 1
        return replace(state, values=np.full_like(state.values, self.seen))


def test_without_filters_values_are_what_the_model_says(blocks_bundle: Path) -> None:
    with mien.open(blocks_bundle) as face:
        for step in range(5):
            state = face.process(blocks((step, 1), t_ns=step * FRAME_MS))
            np.testing.assert_array_equal(state.values, state.raw)


def test_each_face_has_filters_of_its_own(blocks_bundle: Path) -> None:
    with mien.open(blocks_bundle, max_faces=2, filters=[Count()]) as face:
        for step in range(20):
            cells = [(1, 1)] if step < 10 else [(1, 1), (6, 6)]
            states = face.process_all(blocks(*cells, t_ns=step * FRAME_MS))
    counts = {state.id: int(state.values[0]) for state in states}
    assert counts[0] == 20
    assert 1 < counts[1] <= 10


def test_filters_leave_raw_untouched(blocks_bundle: Path) -> None:
    plain, filtered = mien.open(blocks_bundle), mien.open(blocks_bundle, filters=[Count()])
    for step in range(6):
        frame = blocks((step, 1), t_ns=step * FRAME_MS)
        said, state = plain.process(frame), filtered.process(frame)
        np.testing.assert_array_equal(state.raw, said.values)
        assert not np.array_equal(state.values, state.raw)


def test_pictures_of_their_own_share_no_filter(blocks_bundle: Path) -> None:
    with mien.open(blocks_bundle, tracking=False, filters=[Count()]) as face:
        assert [face.process(blocks((1, 1), t_ns=t))["jawOpen"] for t in range(3)] == [1, 1, 1]


def test_the_face_that_stays_keeps_its_filter_while_others_pass(
    blocks_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mien.pipeline._REMEMBERED", 3)
    with mien.open(blocks_bundle, max_faces=2, filters=[Count()]) as face:
        for step in range(60):
            passer = (1 + step // 10 % 6, 6)
            states = face.process_all(blocks((1, 1), passer, t_ns=step * 100 * MS))
    stayed = min(states, key=lambda state: state.box[1])
    assert stayed.values[0] >= 55


def test_filters_come_in_the_given_order(blocks_bundle: Path) -> None:
    with mien.open(blocks_bundle, filters=[Count(), mien.Constraints()]) as face:
        states = [face.process(blocks((1, 1), t_ns=t)) for t in range(3)]
    assert [state["jawOpen"] for state in states] == [1, 1, 1]
    with mien.open(blocks_bundle, filters=[mien.Constraints(), Count()]) as face:
        states = [face.process(blocks((1, 1), t_ns=t)) for t in range(3)]
    assert [state["jawOpen"] for state in states] == [1, 2, 3]


def test_the_filters_given_stay_unused_themselves(blocks_bundle: Path) -> None:
    mine = Count()
    with mien.open(blocks_bundle, filters=[mine]) as face:
        face.process(blocks((1, 1)))
    assert mine.seen == 0


def test_reset_gives_fresh_filters(blocks_bundle: Path) -> None:
    with mien.open(blocks_bundle, filters=[Count()]) as face:
        face.process(blocks((1, 1), t_ns=0))
        face.reset()
        assert face.process(blocks((1, 1), t_ns=0))["jawOpen"] == 1


def test_hold_bridges_a_gap_and_marks_it_stale(blocks_bundle: Path) -> None:
    with mien.open(blocks_bundle, filters=[mien.Hold(0.3)]) as face:
        seen = face.process(blocks((1, 1), t_ns=0))
        bridged = face.process(blocks(t_ns=200 * MS))
        over = face.process(blocks(t_ns=400 * MS))
    assert not bridged.found
    assert bridged["jawOpen"] == seen["jawOpen"]
    assert bridged.stale
    assert not over.valid.any()
    assert not over.stale


def test_filters_are_kept_for_a_limited_number_of_faces(blocks_bundle: Path) -> None:
    with mien.open(blocks_bundle, filters=[Count()]) as face:
        for step in range(200):
            cells = [(step % 8, step // 8 % 8)] if step % 2 else []
            face.process(blocks(*cells, t_ns=step * 1000 * MS))
        assert len(face._chains) <= 64


def test_filter_time_is_in_the_report(blocks_bundle: Path) -> None:
    with mien.open(blocks_bundle, filters=[mien.OneEuro()]) as face:
        face.process(blocks((1, 1)))
        assert face.report().stages["filter"]["count"] == 1


@pytest.fixture
def smoothed(tmp_path: Path) -> Path:
    """A face that drifts to the right, and its coefficients with it; the bundle brings a filter on them."""
    manifest = models.face_manifest()
    manifest["face"]["coefficient_filter"] = {"min_cutoff": 0.2, "beta": 0, "groups": {"jaw": [1000, 0]}}
    points = np.float32(models.CROSS) + np.float32([0.5, 0])
    return models.write_face(tmp_path / "a.mien", manifest, landmarks=models.landmark_network(points.tolist(), 10))


def drift(path: Path, **options: Any) -> list[FaceState]:
    with mien.open(path, **options) as face:
        return [face.process(blocks((2, 3), t_ns=step * FRAME_MS)) for step in range(10)]


def test_the_filter_of_the_bundle_works_by_groups_and_leaves_raw_untouched(smoothed: Path) -> None:
    states = drift(smoothed)
    for state in states[1:]:
        assert state["eyeBlinkLeft"] < float(state.raw[0])
        assert state["jawOpen"] == pytest.approx(float(state.raw[0]), abs=1e-3)
    assert [float(s.raw[0]) for s in states] == [float(s.raw[0]) for s in drift(smoothed, filters=[])]


@pytest.mark.parametrize("options", [{"filters": []}, {"smoothing": False}, {"tracking": False}])
def test_the_filter_of_the_bundle_can_be_turned_off(options: dict[str, Any], smoothed: Path) -> None:
    for state in drift(smoothed, **options):
        np.testing.assert_array_equal(state.values, state.raw)


def test_filters_of_the_caller_take_the_place_of_the_bundle_s(smoothed: Path) -> None:
    states = drift(smoothed, filters=[Count()])
    assert [int(state.values[0]) for state in states] == list(range(1, 11))
