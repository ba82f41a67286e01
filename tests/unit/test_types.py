"""mien.types: Frame borrows every camera layout without a copy; wrong pictures are refused with what came."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mien.errors import InputError
from mien.types import FORMATS, Frame, check_time

BYTES_PER_PIXEL = {"rgb": 3, "bgr": 3, "rgba": 4, "bgra": 4, "gray8": 1, "yuyv": 2}


def packed(width: int, height: int, channels: int) -> np.ndarray:
    return np.zeros((height, width, channels), np.uint8)


@pytest.mark.parametrize(("channels", "expected"), [(1, "gray8"), (3, "rgb"), (4, "rgba")])
def test_an_array_gets_the_format_of_its_channels(channels: int, expected: str) -> None:
    frame = Frame.of(packed(6, 4, channels), t_ns=5)
    assert (frame.format, frame.width, frame.height, frame.t_ns) == (expected, 6, 4, 5)


def test_a_flat_array_is_gray() -> None:
    assert Frame.of(np.zeros((4, 6), np.uint8)).format == "gray8"


def test_an_array_without_a_time_gets_a_later_one_each_time() -> None:
    picture = packed(2, 2, 3)
    times = [Frame.of(picture).t_ns for _ in range(100)]
    assert times == sorted(set(times))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_the_pixels_of_an_array_are_shared_not_copied(channels: int) -> None:
    pixels = packed(6, 4, channels)
    assert np.shares_memory(Frame.of(pixels).planes[0], pixels)


def test_a_view_into_a_larger_picture_is_read_in_place() -> None:
    whole = packed(20, 20, 3)
    view = whole[3:9, 5:13]
    frame = Frame.of(view)
    whole[3, 5] = (9, 8, 7)
    assert (frame.width, frame.height) == (8, 6)
    assert frame.to_rgb()[0, 0].tolist() == [9, 8, 7]


@pytest.mark.parametrize("width", [1, 32767])
def test_pictures_of_one_pixel_and_of_the_largest_width_are_frames(width: int) -> None:
    frame = Frame.of(np.full((1, width, 3), 7, np.uint8))
    assert frame.to_rgb().shape == (1, width, 3)
    assert (frame.to_rgb() == 7).all()


@pytest.mark.parametrize("format", ["bgr", "bgra", "rgba", "rgb"])
def test_channels_are_read_in_the_order_of_the_format(format: str) -> None:
    pixels = packed(2, 2, len(format))
    for channel, value in (("r", 10), ("g", 20), ("b", 30)):
        pixels[..., format.index(channel)] = value
    assert Frame.of(pixels, format).to_rgb()[1, 1].tolist() == [10, 20, 30]


@given(
    format=st.sampled_from(FORMATS),
    half_width=st.integers(1, 40),
    half_height=st.integers(1, 20),
    padding=st.integers(0, 33),
    seed=st.integers(0, 1000),
)
def test_padded_rows_give_the_same_picture_as_tight_ones(
    format: str, half_width: int, half_height: int, padding: int, seed: int
) -> None:
    width, height = 2 * half_width, 2 * half_height
    random = np.random.default_rng(seed)
    planar = format in ("nv12", "nv21")
    row = width * (1 if planar else BYTES_PER_PIXEL[format])
    rows = height * 3 // 2 if planar else height
    tight = random.integers(0, 256, (rows, row), np.uint8)
    loose = random.integers(0, 256, (rows, row + padding), np.uint8)
    loose[:, :row] = tight
    strides = [row + padding] * (2 if planar else 1)
    padded = Frame.from_buffer(loose.tobytes(), format, width, height, t_ns=0, strides=strides)
    plain = Frame.from_buffer(tight.tobytes(), format, width, height, t_ns=0)
    np.testing.assert_array_equal(padded.to_rgb(), plain.to_rgb())


@pytest.mark.parametrize("format", FORMATS)
def test_a_camera_buffer_is_borrowed(format: str) -> None:
    size = 4 * 4 * 3 // 2 if format in ("nv12", "nv21") else 16 * BYTES_PER_PIXEL[format]
    buffer = np.zeros(size, np.uint8)
    frame = Frame.from_buffer(buffer, format, 4, 4)
    assert all(np.shares_memory(plane, buffer) for plane in frame.planes)
    before = frame.to_rgb()
    buffer[:] = 255
    assert (frame.to_rgb() != before).any()


@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview, np.array])
def test_anything_with_the_buffer_protocol_is_a_buffer(wrap: Callable[[Any], Any]) -> None:
    raw = np.arange(12, dtype=np.uint8)
    frame = Frame.from_buffer(wrap(raw), "rgb", 2, 2)
    assert frame.to_rgb().reshape(-1).tolist() == list(range(12))


def test_the_yuv_range_changes_what_black_is() -> None:
    buffer = bytes([16] * 4 + [128] * 2)
    limited = Frame.from_buffer(buffer, "nv12", 2, 2, yuv_range="limited").to_rgb()
    full = Frame.from_buffer(buffer, "nv12", 2, 2, yuv_range="full").to_rgb()
    assert (limited[0, 0, 0], full[0, 0, 0]) == (0, 16)


def test_nv21_has_its_chroma_the_other_way_round() -> None:
    luma, one, other = [100] * 4, [90, 200], [200, 90]
    nv12 = Frame.from_buffer(bytes(luma + one), "nv12", 2, 2).to_rgb()
    nv21 = Frame.from_buffer(bytes(luma + other), "nv21", 2, 2).to_rgb()
    np.testing.assert_array_equal(nv12, nv21)


def test_frames_are_compared_by_identity() -> None:
    pixels = packed(2, 2, 3)
    frame, other = Frame.of(pixels, t_ns=0), Frame.of(pixels, t_ns=0)
    assert frame == frame
    assert frame != other
    assert frame in {frame}


PICTURE = np.zeros((4, 6, 3), np.uint8)
REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "a list": (lambda: Frame.of([[1, 2], [3, 4]]), "image.type"),  # type: ignore[arg-type]
    "nothing": (lambda: Frame.of(None), "image.type"),  # type: ignore[arg-type]
    "a float picture": (lambda: Frame.of(PICTURE.astype(np.float32)), "image.dtype"),
    "a float picture with NaN": (lambda: Frame.of(np.full((4, 6, 3), np.nan)), "image.dtype"),
    "a 16-bit picture": (lambda: Frame.of(PICTURE.astype(np.uint16)), "image.dtype"),
    "a mask": (lambda: Frame.of(PICTURE.astype(np.bool_)), "image.dtype"),
    "a batch": (lambda: Frame.of(PICTURE[None]), "image.shape"),
    "a row": (lambda: Frame.of(PICTURE[0, :, 0]), "image.shape"),
    "channels first": (lambda: Frame.of(np.zeros((3, 4, 6), np.uint8)), "image.shape"),
    "two channels": (lambda: Frame.of(PICTURE[..., :2]), "image.shape"),
    "no pixels": (lambda: Frame.of(PICTURE[:0]), "image.shape"),
    "too wide": (lambda: Frame.of(np.zeros((1, 32768, 3), np.uint8)), "image.shape"),
    "gray called rgb": (lambda: Frame.of(PICTURE[..., 0], "rgb"), "image.shape"),
    "gray called nv12": (lambda: Frame.of(PICTURE[..., 0], "nv12"), "image.shape"),
    "an unknown format": (lambda: Frame.of(PICTURE, "yuv444"), "image.format"),
    "a format that is no text": (lambda: Frame.of(PICTURE, ["rgb"]), "image.format"),  # type: ignore[arg-type]
    "upside down": (lambda: Frame.of(PICTURE[::-1]), "image.stride"),
    "mirrored": (lambda: Frame.of(PICTURE[:, ::-1]), "image.stride"),
    "channels swapped by a view": (lambda: Frame.of(PICTURE[..., ::-1]), "image.stride"),
    "every second pixel": (lambda: Frame.of(PICTURE[:, ::2]), "image.stride"),
    "transposed": (lambda: Frame.of(PICTURE.transpose(1, 0, 2)), "image.stride"),
    "one row repeated": (lambda: Frame.of(np.broadcast_to(PICTURE[:1], (4, 6, 3))), "image.stride"),
    "a width that is no integer": (lambda: Frame((PICTURE,), "rgb", 6.0, 4, 0), "image.shape"),  # type: ignore[arg-type]
    "a width beyond the array": (lambda: Frame((PICTURE,), "rgb", 7, 4, 0), "image.shape"),
    "a height beyond the array": (lambda: Frame((PICTURE,), "rgb", 6, 5, 0), "image.shape"),
    "an odd nv12 width": (lambda: Frame.from_buffer(bytes(100), "nv12", 5, 4), "image.shape"),
    "an odd nv21 height": (lambda: Frame.from_buffer(bytes(100), "nv21", 4, 5), "image.shape"),
    "an odd yuyv width": (lambda: Frame.from_buffer(bytes(100), "yuyv", 5, 4), "image.shape"),
    "no size": (lambda: Frame.from_buffer(bytes(100), "rgb", 0, 4), "image.shape"),
    "a negative size": (lambda: Frame.from_buffer(bytes(100), "gray8", -4, -4), "image.shape"),
    "a size as text": (lambda: Frame.from_buffer(bytes(100), "rgb", "4", 4), "image.shape"),  # type: ignore[arg-type]
    "an unknown buffer format": (lambda: Frame.from_buffer(bytes(100), "p010", 4, 4), "image.format"),
    "a short buffer": (lambda: Frame.from_buffer(bytes(47), "rgb", 4, 4), "image.truncated"),
    "a buffer without its chroma": (lambda: Frame.from_buffer(bytes(16), "nv12", 4, 4), "image.truncated"),
    "an empty buffer": (lambda: Frame.from_buffer(b"", "rgb", 4, 4), "image.truncated"),
    "a number as buffer": (lambda: Frame.from_buffer(5, "rgb", 4, 4), "image.type"),
    "a buffer with gaps": (lambda: Frame.from_buffer(memoryview(bytes(200))[::2], "rgb", 4, 4), "image.type"),
    "overlapping rows": (lambda: Frame.from_buffer(bytes(100), "rgb", 4, 4, strides=[11]), "image.stride"),
    "a negative stride": (lambda: Frame.from_buffer(bytes(100), "rgb", 4, 4, strides=[-12]), "image.stride"),
    "one stride for two planes": (lambda: Frame.from_buffer(bytes(100), "nv12", 4, 4, strides=[4]), "image.stride"),
    "a stride that is no list": (lambda: Frame.from_buffer(bytes(100), "rgb", 4, 4, strides=12), "image.stride"),  # type: ignore[arg-type]
    "a stride of text": (lambda: Frame.from_buffer(bytes(100), "rgb", 4, 4, strides=["a"]), "image.stride"),  # type: ignore[list-item]
    "an unknown matrix": (lambda: Frame.from_buffer(bytes(24), "nv12", 4, 4, yuv_matrix="bt2020"), "image.format"),
}


@pytest.mark.parametrize(("make", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_a_picture_is_refused(make: Callable[[], Any], code: str) -> None:
    with pytest.raises(InputError) as refused:
        make()
    assert refused.value.code == code


@pytest.mark.parametrize("t_ns", [0, -5, 2**63 - 1, -(2**63), np.int64(7), np.uint8(7)])
def test_an_integer_within_64_bits_is_a_time(t_ns: int) -> None:
    assert check_time(t_ns) == int(t_ns)
    assert type(check_time(t_ns)) is int


@pytest.mark.parametrize("t_ns", [1.0, "1", None, True, np.bool_(True), np.float64(1), float("nan"), [1]])
def test_a_time_that_is_no_integer_is_refused_with_the_conversion(t_ns: Any) -> None:
    with pytest.raises(InputError, match="1e9") as refused:
        check_time(t_ns)
    assert refused.value.code == "time.type"


@pytest.mark.parametrize("t_ns", [2**63, -(2**63) - 1, np.uint64(2**64 - 1)])
def test_a_time_beyond_64_bits_is_refused(t_ns: int) -> None:
    with pytest.raises(InputError) as refused:
        Frame.of(PICTURE, t_ns=t_ns)
    assert refused.value.code == "time.range"


@pytest.mark.parametrize("kind", [np.uint16, np.int16, np.int32])
def test_sizes_in_narrow_integers_do_not_wrap_around(kind: type) -> None:
    with pytest.raises(InputError) as refused:
        Frame.from_buffer(bytes(4096), "gray8", kind(1280), kind(1024))
    assert refused.value.code == "image.truncated"
    with pytest.raises(InputError) as refused:
        Frame.from_buffer(bytes(4096), "gray8", 16, 16, strides=[np.int32(2**30)])
    assert refused.value.code == "image.truncated"


def test_a_frame_holds_plain_python_numbers() -> None:
    frame = Frame.from_buffer(bytes(64), "gray8", np.int64(8), np.uint8(8), t_ns=np.int64(5))
    assert {type(frame.width), type(frame.height), type(frame.t_ns)} == {int}
