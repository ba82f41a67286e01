"""mien.sources.frames: frames from memory and from .npy files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mien.errors import InputError, SourceError
from mien.sources.frames import Frames
from mien.types import Frame

STACK = np.arange(3 * 4 * 5 * 3, dtype=np.uint8).reshape(3, 4, 5, 3)


def read_all(given: Any, **options: float) -> list[Frame]:
    return list(iter(Frames(given, **options).read, None))


def saved(path: Path, array: np.ndarray) -> str:
    np.save(path, array)
    return str(path)


def test_arrays_get_times_at_the_given_rate() -> None:
    assert [frame.t_ns for frame in read_all(list(STACK), fps=50)] == [0, 20_000_000, 40_000_000]


def test_frames_come_as_they_are() -> None:
    given = [Frame.of(picture, t_ns=7 * i) for i, picture in enumerate(STACK)]
    assert read_all(iter(given)) == given


def test_the_length_is_known_where_the_iterable_knows_it() -> None:
    assert Frames(list(STACK)).length() == 3
    assert Frames(iter(STACK)).length() is None


@pytest.mark.parametrize("from_file", [True, False])
@pytest.mark.parametrize(
    ("array", "count", "format"),
    [
        (STACK, 3, "rgb"),
        (STACK[0], 1, "rgb"),
        (STACK[..., 0], 3, "gray8"),
        (STACK[0, ..., 0], 1, "gray8"),
        (np.zeros((2, 4, 5, 4), np.uint8), 2, "rgba"),
        (STACK[:0], 0, ""),
    ],
    ids=["stack", "picture", "gray stack", "gray picture", "rgba stack", "nothing"],
)
def test_an_array_is_one_picture_or_a_stack(
    array: np.ndarray, count: int, format: str, from_file: bool, tmp_path: Path
) -> None:
    array = np.ascontiguousarray(array)
    frames = read_all(saved(tmp_path / "a.npy", array) if from_file else array)
    assert [frame.format for frame in frames] == [format] * count
    for frame, picture in zip(frames, array.reshape(-1, *frames[0].planes[0].shape) if frames else (), strict=True):
        np.testing.assert_array_equal(frame.planes[0], picture)


@pytest.mark.parametrize("array", [np.uint8(3), np.zeros(9, np.uint8), np.zeros((1, 1, 4, 5, 3), np.uint8)])
def test_an_array_that_holds_no_pictures_is_refused_at_once(array: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(SourceError) as refused:
        Frames(saved(tmp_path / "a.npy", array))
    assert refused.value.code == "source.format"


@pytest.mark.parametrize("array", [STACK.astype(np.float32), np.zeros((2, 3, 4, 5), np.uint8)])
def test_pictures_of_the_wrong_kind_are_refused_when_read(array: np.ndarray) -> None:
    with pytest.raises(InputError):
        read_all(array)


@pytest.mark.parametrize("part", [0.1, 0.5, 0.99])
def test_a_truncated_file_is_refused(part: float, tmp_path: Path) -> None:
    path = Path(saved(tmp_path / "a.npy", STACK))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    with pytest.raises(SourceError) as refused:
        Frames(str(path))
    assert refused.value.code == "source.truncated"


def test_an_archive_under_a_false_name_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", STACK)
    (tmp_path / "a.npz").rename(tmp_path / "a.npy")
    with pytest.raises(SourceError) as refused:
        Frames(str(tmp_path / "a.npy"))
    assert refused.value.code == "source.format"


def test_objects_in_a_file_are_never_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([{"x": 1}], object), allow_pickle=True)
    with pytest.raises(SourceError):
        Frames(str(tmp_path / "a.npy"))


def test_nothing_in_the_place_of_a_picture_is_refused_by_its_number() -> None:
    source = Frames([STACK[0], None, STACK[1]])
    assert source.read() is not None
    with pytest.raises(SourceError, match="Item 1 is None") as refused:
        source.read()
    assert refused.value.code == "source.item"


@pytest.mark.parametrize("given", [5, None, 2.5, object()])
def test_what_holds_no_frames_is_refused(given: Any) -> None:
    with pytest.raises(SourceError) as refused:
        Frames(given)
    assert refused.value.code == "source.unknown"


def test_a_path_names_a_file_as_a_string_does(tmp_path: Path) -> None:
    saved(tmp_path / "a.npy", STACK)
    assert len(read_all(tmp_path / "a.npy")) == 3


@pytest.mark.parametrize("fps", [0, -1, float("nan"), float("inf"), 1e9, 1e-300, "30", None, True])
def test_an_impossible_rate_is_refused(fps: Any) -> None:
    with pytest.raises(SourceError) as refused:
        Frames([], fps)
    assert refused.value.code == "source.setting"
