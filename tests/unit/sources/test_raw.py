"""mien.sources.raw: dumps of cameras, frame by frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mien.errors import SourceError
from mien.sources.raw import Raw
from mien.types import FORMATS, Frame

WIDTH, HEIGHT = 8, 6
PIXEL_BITS = {"rgb": 24, "bgr": 24, "rgba": 32, "bgra": 32, "gray8": 8, "yuyv": 16, "nv12": 12, "nv21": 12}


def dump(path: Path, size: int) -> np.ndarray:
    data = np.random.default_rng(1).integers(0, 256, size, np.uint8)
    path.write_bytes(data.tobytes())
    return data


def address(path: Path, settings: str) -> str:
    return f"raw:{path}?{settings}"


@pytest.mark.parametrize("format", FORMATS)
def test_frames_of_every_format_come_one_behind_the_other(format: str, tmp_path: Path) -> None:
    size = WIDTH * HEIGHT * PIXEL_BITS[format] // 8
    data = dump(tmp_path / "a.raw", 3 * size)
    source = Raw(address(tmp_path / "a.raw", f"format={format}&width={WIDTH}&height={HEIGHT}&fps=25"))
    assert source.length() in (None, 3)
    frames = list(iter(source.read, None))
    assert [frame.t_ns for frame in frames] == [0, 40_000_000, 80_000_000]
    for number, frame in enumerate(frames):
        expected = Frame.from_buffer(data[number * size : (number + 1) * size], format, WIDTH, HEIGHT, t_ns=0)
        np.testing.assert_array_equal(frame.to_rgb(), expected.to_rgb())


@pytest.mark.parametrize("format", ["nv12", "rgb"])
def test_padded_rows_are_skipped(format: str, tmp_path: Path) -> None:
    stride, rows = 40, HEIGHT * 3 // 2 if format == "nv12" else HEIGHT
    data = dump(tmp_path / "a.raw", 2 * stride * rows)
    source = Raw(address(tmp_path / "a.raw", f"format={format}&width={WIDTH}&height={HEIGHT}&stride={stride}"))
    source.read()
    second = source.read()
    assert second is not None
    strides = [stride] * (2 if format == "nv12" else 1)
    expected = Frame.from_buffer(data[stride * rows :], format, WIDTH, HEIGHT, strides=strides)
    np.testing.assert_array_equal(second.to_rgb(), expected.to_rgb())
    assert source.read() is None


def test_matrix_and_range_are_those_of_the_address(tmp_path: Path) -> None:
    dump(tmp_path / "a.raw", 72)
    frame = Raw(address(tmp_path / "a.raw", "format=nv12&width=8&height=6&matrix=bt709&range=full")).read()
    assert frame is not None
    assert (frame.yuv_matrix, frame.yuv_range) == ("bt709", "full")


def test_a_rest_that_is_no_whole_frame_is_an_error_after_the_whole_ones(tmp_path: Path) -> None:
    dump(tmp_path / "a.raw", 48 * 2 + 5)
    source = Raw(address(tmp_path / "a.raw", "format=gray8&width=8&height=6"))
    assert source.read() is not None
    assert source.read() is not None
    with pytest.raises(SourceError, match="5 bytes") as refused:
        source.read()
    assert refused.value.code == "source.truncated"


@pytest.mark.parametrize(
    "settings",
    [
        "",
        "format=gray8",
        "format=gray8&width=8",
        "format=p010&width=8&height=6",
        "format=gray8&width=x&height=6",
        "format=gray8&width=8.0&height=6",
        "format=gray8&width=0&height=6",
        "format=gray8&width=-8&height=-6",
        "format=gray8&width=40000&height=1",
        "format=gray8&width=8&height=6&fps=0",
        "format=gray8&width=8&height=6&fps=-5",
        "format=gray8&width=8&height=6&fps=nan",
        "format=gray8&width=8&height=6&fps=inf",
        "format=gray8&width=8&height=6&fps=1e12",
        "format=gray8&width=8&height=6&stride=7",
        "format=gray8&width=8&height=6&stride=-8",
        "format=gray8&width=8&height=6&colour=green",
        "format=nv12&width=7&height=6",
        "format=yuyv&width=7&height=6",
        "format=nv12&width=8&height=6&matrix=bt2020",
        "format=nv12&width=8&height=6&range=tv",
    ],
)
def test_an_impossible_setting_is_refused_at_once_with_the_usage(settings: str, tmp_path: Path) -> None:
    dump(tmp_path / "a.raw", 10_000)
    with pytest.raises(SourceError, match="width=W") as refused:
        Raw(address(tmp_path / "a.raw", settings))
    assert refused.value.code == "source.setting"


@pytest.mark.parametrize(
    ("size", "code"), [(None, "source.missing"), (0, "source.truncated"), (47, "source.truncated")]
)
def test_a_file_without_a_whole_frame_is_refused(size: int | None, code: str, tmp_path: Path) -> None:
    if size is not None:
        dump(tmp_path / "a.raw", size)
    with pytest.raises(SourceError) as refused:
        Raw(address(tmp_path / "a.raw", "format=gray8&width=8&height=6"))
    assert refused.value.code == code


def test_a_file_that_shrinks_while_it_is_read_is_an_error_not_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "a.raw"
    dump(path, 4 * WIDTH * HEIGHT)
    source = Raw(address(path, f"format=gray8&width={WIDTH}&height={HEIGHT}"))
    first = source.read()
    assert first is not None
    path.write_bytes(path.read_bytes()[: WIDTH * HEIGHT + 5])
    first.to_rgb()
    with pytest.raises(SourceError) as refused:
        source.read()
    assert refused.value.code == "source.truncated"
