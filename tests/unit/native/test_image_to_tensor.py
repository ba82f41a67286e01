"""image_to_tensor against OpenCV and NumPy, over formats, borders, types and layouts."""

from __future__ import annotations

import threading
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mien import _native
from native_tools import IDENTITY, LEVELS, Bytes, raises, random_image, run, simd, spec
from numpy.typing import NDArray


def turned(degrees: float, scale: float, width: int, height: int, side: int) -> NDArray[np.float64]:
    """The map of a side x side tensor onto a turned square around the middle of a frame."""
    c, s = scale * np.cos(np.deg2rad(degrees)), scale * np.sin(np.deg2rad(degrees))
    return np.array([[c, -s, width / 2 - (c - s) * side / 2], [s, c, height / 2 - (s + c) * side / 2]])


def bilinear(
    frame: NDArray[Any], affine: NDArray[np.float64], side: int, constant: bool = False
) -> NDArray[np.float64]:
    """The definition in float64: (side, side, C) samples of a (H, W, C) frame."""
    y, x = np.mgrid[0:side, 0:side].astype(np.float64)
    sx = affine[0, 0] * x + affine[0, 1] * y + affine[0, 2]
    sy = affine[1, 0] * x + affine[1, 1] * y + affine[1, 2]
    x0, y0 = np.floor(sx).astype(int), np.floor(sy).astype(int)
    total = np.zeros((side, side, frame.shape[2]))
    for dy in (0, 1):
        for dx in (0, 1):
            u, v = x0 + dx, y0 + dy
            weight = (1 - abs(sx - u)) * (1 - abs(sy - v))
            if constant:
                weight = weight * ((u >= 0) & (u < frame.shape[1]) & (v >= 0) & (v < frame.shape[0]))
            at = frame[np.clip(v, 0, frame.shape[0] - 1), np.clip(u, 0, frame.shape[1] - 1)]
            total += weight[..., None] * at
    return total


def smooth(rng: np.random.Generator, height: int, width: int) -> Bytes:
    coarse = rng.integers(0, 256, (max(height // 8, 2), max(width // 8, 2), 3), dtype=np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def to_rgb_reference(y: NDArray[Any], u: NDArray[Any], v: NDArray[Any], matrix: str, full: bool) -> NDArray[np.float64]:
    """ITU-R BT.601 / BT.709 in float64."""
    kr, kb = (0.299, 0.114) if matrix == "bt601" else (0.2126, 0.0722)
    luma = y.astype(float) if full else (y.astype(float) - 16) * 255 / 219
    scale = 1.0 if full else 255 / 224
    blue, red = (u.astype(float) - 128) * scale, (v.astype(float) - 128) * scale
    r, b = luma + 2 * (1 - kr) * red, luma + 2 * (1 - kb) * blue
    g = (luma - kr * r - kb * b) / (1 - kr - kb)
    return np.clip(np.stack([r, g, b], axis=-1), 0, 255)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("border", ["replicate", "constant"])
@pytest.mark.parametrize(("degrees", "scale"), [(0, 1.0), (8, 1.48), (-70, 0.4), (180, 3.0)])
def test_a_warp_agrees_with_opencv(level: str, border: str, degrees: float, scale: float) -> None:
    frame = smooth(np.random.default_rng(1), 120, 160)
    affine = turned(degrees, scale, 160, 120, 96)
    mode = cv2.BORDER_REPLICATE if border == "replicate" else cv2.BORDER_CONSTANT
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    expected = cv2.warpAffine(frame, affine, (96, 96), flags=flags, borderMode=mode)
    with simd(level):
        got = run(_native.Image("rgb", 160, 120, [frame]), affine, spec(96, 96, border=border))
    difference = np.abs(got[0].transpose(1, 2, 0) - expected.astype(np.float32))
    # OpenCV rounds to whole levels (0.5) and, before 5.0, takes steps of 1/32 pixel (slope / 64 on top).
    slope = float(np.abs(np.diff(frame.astype(int), axis=1)).max() + np.abs(np.diff(frame.astype(int), axis=0)).max())
    outside_step = 255 / 32 if border == "constant" else 0
    assert difference.max() <= 0.6 + slope / 64 + outside_step
    assert difference.mean() < 0.35


@given(
    degrees=st.floats(-180, 180),
    scale=st.floats(0.05, 4),
    shift=st.tuples(st.floats(-30, 30), st.floats(-30, 30)),
    constant=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_samples_follow_the_definition_within_a_position_step(
    degrees: float, scale: float, shift: tuple[float, float], constant: bool, seed: int
) -> None:
    frame = smooth(np.random.default_rng(seed), 40, 56)
    affine = turned(degrees, scale, 56, 40, 24)
    affine[:, 2] += shift
    got = run(
        _native.Image("rgb", 56, 40, [frame]), affine, spec(24, 24, border="constant" if constant else "replicate")
    )
    expected = bilinear(frame, affine, 24, constant)
    # Half a step of 1/128 pixel in each direction, on the steepest slope of the frame (255 at a black border).
    steepest = (
        255
        if constant
        else int(np.abs(np.diff(frame.astype(int), axis=1)).max())
        + int(np.abs(np.diff(frame.astype(int), axis=0)).max())
    )
    assert np.abs(got[0].transpose(1, 2, 0) - expected).max() <= (2 if constant else 1) * steepest / 128 + 0.01


@given(seed=st.integers(0, 2**32 - 1))
def test_all_instruction_sets_give_the_same_bits(seed: int) -> None:
    rng = np.random.default_rng(seed)
    name = str(rng.choice(["rgb", "bgr", "rgba", "bgra", "gray8", "nv12", "nv21", "yuyv"]))
    width, height = 2 * int(rng.integers(1, 40)), 2 * int(rng.integers(1, 30))
    image = random_image(rng, name, width, height)
    color = str(rng.choice(["rgb", "bgr", "gray"]))
    channels = 1 if color == "gray" else 3
    request = spec(
        int(rng.integers(1, 70)),
        int(rng.integers(1, 9)),
        dtype=str(rng.choice(["float32", "float16", "uint8", "int8"])),
        layout=str(rng.choice(["nchw", "nhwc"])),
        color=color,
        border=str(rng.choice(["replicate", "constant"])),
        scale=rng.uniform(-2, 2, channels).tolist(),
        bias=rng.uniform(-300, 300, channels).tolist(),
        quant_scale=float(rng.uniform(0.1, 3)),
        quant_zero=int(rng.integers(-100, 100)),
        sampling=str(rng.choice(["fine", "8bit"])),
    )
    affine = rng.normal(0, 1.5, (2, 3)) + np.array([[0, 0, width / 2], [0, 0, height / 2]])
    results = []
    for level in LEVELS:
        with simd(level):
            results.append(run(image, affine, request).tobytes())
    assert len(set(results)) == 1


@pytest.mark.parametrize("name", ["rgb", "bgr", "rgba", "bgra"])
@pytest.mark.parametrize("color", ["rgb", "bgr"])
def test_channel_orders_are_honoured(name: str, color: str) -> None:
    frame = np.random.default_rng(2).integers(0, 256, (9, 20, len(name)), dtype=np.uint8)
    got = run(_native.Image(name, 20, 9, [frame]), IDENTITY, spec(20, 9, color=color))
    channels = [name.index(c) for c in color]
    assert np.array_equal(got[0], frame[:, :, channels].transpose(2, 0, 1))


def test_gray_is_bt601_luma_and_colour_from_gray_repeats() -> None:
    frame = np.random.default_rng(3).integers(0, 256, (9, 20, 3), dtype=np.uint8)
    gray = run(_native.Image("rgb", 20, 9, [frame]), IDENTITY, spec(20, 9, color="gray"))
    assert gray.shape == (1, 1, 9, 20)
    assert np.allclose(gray[0, 0], frame @ [0.299, 0.587, 0.114], atol=1e-4)
    plane = frame[:, :, 0].copy()
    colour = run(_native.Image("gray8", 20, 9, [plane]), IDENTITY, spec(20, 9))
    assert all(np.array_equal(colour[0, c], plane) for c in range(3))


@pytest.mark.parametrize("matrix", ["bt601", "bt709"])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("name", ["nv12", "nv21", "yuyv"])
def test_yuv_follows_the_standard_where_chroma_is_flat(name: str, matrix: str, full: bool) -> None:
    rng = np.random.default_rng(4)
    luma = rng.integers(0, 256, (16, 40), dtype=np.uint8)
    for u, v in [(128, 128), (90, 200), (16, 240), (255, 0)]:
        if name == "yuyv":
            frame = np.empty((16, 40, 2), np.uint8)
            frame[:, :, 0] = luma
            frame[:, 0::2, 1], frame[:, 1::2, 1] = u, v
            planes = [frame]
        else:
            chroma = np.empty((8, 20, 2), np.uint8)
            chroma[:] = (u, v) if name == "nv12" else (v, u)
            planes = [luma, chroma]
        image = _native.Image(name, 40, 16, planes, matrix, "full" if full else "limited")
        got = run(image, IDENTITY, spec(40, 16))[0].transpose(1, 2, 0)
        expected = to_rgb_reference(luma, np.full_like(luma, u), np.full_like(luma, v), matrix, full)
        assert np.abs(got - expected).max() < 1e-3  # float32 against float64


@pytest.mark.parametrize("name", ["nv12", "nv21", "yuyv"])
def test_yuv_agrees_with_opencv_on_smooth_frames(name: str) -> None:
    rng = np.random.default_rng(5)
    luma = (smooth(rng, 64, 96)[:, :, 0] // 2 + 60).astype(np.uint8)
    pairs = (smooth(rng, 32, 48)[:, :, :2] // 4 + 96).astype(np.uint8)
    if name == "yuyv":
        frame = np.empty((64, 96, 2), np.uint8)
        frame[:, :, 0] = luma
        tall = np.repeat(pairs, 2, axis=0)
        frame[:, 0::2, 1], frame[:, 1::2, 1] = tall[:, :, 0], tall[:, :, 1]
        planes, expected = [frame], cv2.cvtColor(frame, cv2.COLOR_YUV2RGB_YUYV)
    else:
        planes = [luma, pairs]
        code = cv2.COLOR_YUV2RGB_NV12 if name == "nv12" else cv2.COLOR_YUV2RGB_NV21
        expected = cv2.cvtColorTwoPlane(luma, pairs, code)
    got = run(_native.Image(name, 96, 64, planes), IDENTITY, spec(96, 64))[0].transpose(1, 2, 0)
    # OpenCV repeats chroma over its pixels; mien interpolates: at most half a chroma step times the largest gain, 2.02.
    step = int(np.abs(np.diff(pairs.astype(int), axis=0)).max()) + int(np.abs(np.diff(pairs.astype(int), axis=1)).max())
    assert np.abs(got - expected).max() <= 1.5 + 2.02 * step / 2
    assert np.abs(got - expected).mean() < 2.0


def test_nv12_chroma_is_interpolated_between_its_samples() -> None:
    luma = np.full((4, 8), 128, np.uint8)
    chroma = np.full((2, 4, 2), 128, np.uint8)
    chroma[:, 2:, 1] = 160
    image = _native.Image("nv12", 8, 4, [luma, chroma], "bt601", "full")
    red = run(image, IDENTITY, spec(8, 4))[0, 0, 0] - 128
    assert np.allclose(red, 1.402 * np.array([0, 0, 0, 8, 24, 32, 32, 32]), atol=0.01)


@pytest.mark.parametrize("name", ["nv12", "yuyv", "rgb"])
def test_a_constant_border_is_black_in_every_format(name: str) -> None:
    image = random_image(np.random.default_rng(6), name, 16, 16)
    away = np.array([[1.0, 0, -500], [0, 1.0, 3]])
    got = run(image, away, spec(40, 8, border="constant", bias=[7.0] * 3))
    assert np.all(got == 7.0)


def test_normalisation_layouts_and_types_agree_with_numpy() -> None:
    rng = np.random.default_rng(7)
    frame = rng.integers(0, 256, (20, 50, 3), dtype=np.uint8)
    image = _native.Image("rgb", 50, 20, [frame])
    scale, bias = [0.017, 0.0175, 0.0174], [-2.1, -2.0, -1.8]
    real = frame * np.array(scale, np.float32) + np.array(bias, np.float32)
    floats = run(image, IDENTITY, spec(50, 20, scale=scale, bias=bias, layout="nhwc"))
    assert floats.shape == (1, 20, 50, 3)
    assert np.allclose(floats[0], real, atol=1e-6)
    halves = run(image, IDENTITY, spec(50, 20, scale=scale, bias=bias, dtype="float16"))
    assert np.array_equal(halves[0].transpose(1, 2, 0), floats[0].astype(np.float16))
    for dtype, low, high in (("int8", -128, 127), ("uint8", 0, 255)):
        request = spec(50, 20, scale=scale, bias=bias, dtype=dtype, layout="nhwc", quant_scale=0.02, quant_zero=5)
        got = run(image, IDENTITY, request)
        exact = real.astype(np.float64) / 0.02 + 5
        assert np.all(np.abs(got[0] - np.clip(exact, low, high)) <= 0.501)


def test_rows_may_have_padding_and_larger_arrays_are_cropped() -> None:
    rng = np.random.default_rng(8)
    wide = rng.integers(0, 256, (30, 64, 3), dtype=np.uint8)
    view = wide[3:23:2, 5:45]
    got = run(_native.Image("rgb", 40, 10, [view]), IDENTITY, spec(40, 10))
    assert np.array_equal(got[0].transpose(1, 2, 0), view)
    assert np.array_equal(run(_native.Image("rgb", 40, 10, [wide]), IDENTITY, spec(40, 10))[0, 0], wide[:10, :40, 0])


@pytest.mark.parametrize("name", ["rgb", "rgba", "gray8", "nv12", "yuyv"])
@pytest.mark.parametrize(("width", "height"), [(1, 1), (2, 2), (16384, 2), (2, 16384)])
def test_tiny_and_huge_frames_work(name: str, width: int, height: int) -> None:
    if name in ("nv12", "yuyv") and width % 2:
        with raises("image.shape"):
            random_image(np.random.default_rng(9), name, width, height)
        return
    image = random_image(np.random.default_rng(9), name, width, height)
    affine = np.array([[width / 16, 0, 0], [0, height / 16, 0]])
    got = run(image, affine, spec(32, 32))
    assert np.all((got >= 0) & (got <= 255))


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=6, max_size=6), st.sampled_from(LEVELS))
def test_any_finite_map_is_safe(entries: list[float], level: str) -> None:
    image = random_image(np.random.default_rng(10), "nv12", 24, 16)
    with simd(level):
        got = run(image, np.array(entries).reshape(2, 3), spec(40, 4))
    assert np.all((got >= 0) & (got <= 255))


def test_an_image_keeps_its_memory_alive() -> None:
    image = _native.Image("gray8", 1000, 1000, [np.full((1000, 1000), 9, np.uint8)])
    clutter = [np.zeros((1000, 1000), np.uint8) for _ in range(4)]
    assert np.all(run(image, IDENTITY, spec(32, 32)) == 9)
    assert len(clutter) == 4


def test_threads_share_an_image() -> None:
    image = random_image(np.random.default_rng(11), "nv12", 640, 480)
    expected = run(image, IDENTITY, spec(320, 240))
    wrong: list[int] = []

    def work() -> None:
        wrong.append(sum(not np.array_equal(run(image, IDENTITY, spec(320, 240)), expected) for _ in range(20)))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == [0] * 4


@given(degrees=st.floats(-180, 180), scale=st.floats(0.2, 3), seed=st.integers(0, 2**32 - 1))
def test_8bit_sampling_gives_whole_values_at_steps_of_a_32nd(degrees: float, scale: float, seed: int) -> None:
    frame = smooth(np.random.default_rng(seed), 40, 56)
    affine = turned(degrees, scale, 56, 40, 24)
    got = run(_native.Image("rgb", 56, 40, [frame]), affine, spec(24, 24, sampling="8bit"))
    steepest = int(np.abs(np.diff(frame.astype(int), axis=1)).max()) + int(
        np.abs(np.diff(frame.astype(int), axis=0)).max()
    )
    assert np.array_equal(got, np.round(got))
    assert np.abs(got[0].transpose(1, 2, 0) - bilinear(frame, affine, 24)).max() <= 0.5 + steepest / 64 + 0.01
