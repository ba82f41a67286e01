"""Recorded takes are read by name, in true time, and never in part."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from mien.layouts import ARKIT52

from training.errors import TrainingError
from training.performer.coefficients import COEFFICIENTS, INDEX
from training.performer.takes import TRAIN_TAKES, VALIDATION_TAKES, read, takes

COLUMNS = [name[0].upper() + name[1:] for name in ARKIT52.names]


def write(folder: Path, lines: list[str]) -> Path:
    path = folder / "take.csv.gz"
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    return path


def take(folder: Path, cells: list[dict[str, str]], columns: list[str] = COLUMNS) -> Path:
    """Frames at a true 30 Hz (every second frame of a 60-base timecode); cells not given are 0."""
    lines = [",".join(["Timecode", "BlendShapeCount", *columns])]
    for frame, row in enumerate(cells):
        values = [row.get(name, "0") for name in columns]
        lines.append(",".join([f"10:59:59:{2 * frame:02d}.250", "61", *values]))
    return write(folder, lines)


def test_columns_are_found_by_their_names_not_their_places(tmp_path: Path) -> None:
    path = take(tmp_path, [{"JawRight": "0.25", "JawLeft": "0.75"}] * 3, COLUMNS[::-1])
    values = read(path).values
    assert values.shape[1] == len(COEFFICIENTS)
    assert values[0, INDEX["jawRight"]] == 0.25
    assert values[0, INDEX["jawLeft"]] == 0.75


def test_thirty_frames_a_second_become_sixty(tmp_path: Path) -> None:
    path = take(tmp_path, [{"JawOpen": "0"}, {"JawOpen": "0.5"}, {"JawOpen": "1"}])
    np.testing.assert_allclose(read(path).values[:, INDEX["jawOpen"]], [0, 0.25, 0.5, 0.75], atol=1e-5)


def test_values_outside_are_clipped(tmp_path: Path) -> None:
    values = read(take(tmp_path, [{"JawOpen": "1.059", "MouthClose": "-0.1"}] * 2)).values
    assert values.max() == 1
    assert values.min() == 0


def test_frames_without_a_face_are_bridged(tmp_path: Path) -> None:
    path = take(tmp_path, [{"JawOpen": "0"}, {"JawOpen": ""}, {"JawOpen": "nan"}, {"JawOpen": "0.6"}])
    np.testing.assert_allclose(read(path).values[:, INDEX["jawOpen"]], np.arange(6) / 10, atol=1e-5)


def test_a_frame_may_end_after_its_timecode(tmp_path: Path) -> None:
    path = take(tmp_path, [{"JawOpen": "0"}, {"JawOpen": "1"}])
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    assert len(read(write(tmp_path, [*lines[:2], "10:59:59:01.250,0", lines[2]])).values) == 2


@pytest.mark.parametrize(
    "spoil",
    [
        lambda lines: lines[:1],
        lambda lines: [lines[0].replace("JawLeft", "Jaw"), *lines[1:]],
        lambda lines: [lines[0], lines[2], lines[1]],
        lambda lines: [lines[0], lines[1], lines[2].replace("10:59", "1059")],
        lambda lines: [lines[0], lines[1], lines[2] + "x"],
        lambda lines: [lines[0], lines[1].replace("59:00.250", "59:nan"), lines[2]],
    ],
)
def test_a_damaged_take_is_refused_by_name(spoil, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    lines = gzip.decompress(take(tmp_path, [{}, {}]).read_bytes()).decode().splitlines()
    with pytest.raises(TrainingError, match=r"take\.csv\.gz") as caught:
        read(write(tmp_path, spoil(lines)))
    assert caught.value.code == "asset.damaged"


@pytest.mark.parametrize("keep", [0, 5, 300])
def test_a_truncated_file_is_refused(keep: int, tmp_path: Path) -> None:
    path = take(tmp_path, [{}] * 20)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(TrainingError) as caught:
        read(path)
    assert caught.value.code == "asset.damaged"


def test_a_missing_take_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIEN_SHARED", str(tmp_path))
    with pytest.raises(TrainingError, match="alex_rom_3") as caught:
        takes(TRAIN_TAKES)
    assert caught.value.code == "asset.missing"


def test_no_recording_is_in_both_splits() -> None:
    assert not set(TRAIN_TAKES) & set(VALIDATION_TAKES)


def test_the_recordings_last_as_long_as_they_did(shared: Path) -> None:
    seconds = {film.name: len(film.values) / 60 for film in takes(TRAIN_TAKES + VALIDATION_TAKES)}
    assert seconds == pytest.approx({"alex_rom_3": 134.4, "S07_001": 67.6, "apfel": 64.2, "facial": 63.8}, abs=0.1)
