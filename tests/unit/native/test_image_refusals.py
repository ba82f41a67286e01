"""Frames, requests and conversions that cannot be, and the codes they are refused with."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from mien import _native
from native_tools import IDENTITY, LEVELS, raises, run, spec

RGB = np.zeros((8, 8, 3), np.uint8)


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        ("image.format", ("i420", 8, 8, [RGB])),
        ("image.format", ("rgb", 8, 8, [RGB.astype(np.float32)])),
        ("native.argument", ("rgb", 8, 8, [RGB.tolist()])),
        ("native.argument", ("rgb", 8, 8, [RGB, RGB])),
        ("native.argument", ("rgb", 8, 8, [RGB], "bt2020")),
        ("native.argument", ("rgb", 8, 8, [RGB], "bt601", "wide")),
        ("image.shape", ("rgb", 0, 8, [RGB])),
        ("image.shape", ("rgb", 8, 40000, [RGB])),
        ("image.shape", ("rgb", 9, 8, [RGB])),
        ("image.shape", ("rgb", 8, 9, [RGB])),
        ("image.shape", ("rgba", 8, 8, [RGB])),
        ("image.shape", ("gray8", 8, 8, [RGB.ravel()])),
        ("image.shape", ("nv12", 7, 8, [RGB[:, :, 0].copy(), RGB[:4, :, 0].copy()])),
        ("image.shape", ("nv12", 8, 7, [RGB[:, :, 0].copy(), RGB[:4, :, 0].copy()])),
        ("image.shape", ("nv12", 8, 8, [RGB[:, :, 0].copy(), RGB[:3, :, 0].copy()])),
        ("image.stride", ("rgb", 8, 8, [RGB[::-1]])),
        ("image.stride", ("rgb", 8, 8, [RGB[:, ::-1]])),
        ("image.stride", ("rgb", 8, 8, [RGB[:, :, ::-1]])),
        ("image.stride", ("rgb", 8, 8, [RGB.transpose(1, 0, 2)])),
        ("image.stride", ("gray8", 8, 8, [RGB[:, :, 0]])),
        ("image.stride", ("rgb", 8, 8, [np.lib.stride_tricks.as_strided(RGB, (8, 8, 3), (4, 3, 1))])),
        ("image.stride", ("rgb", 8, 8, [np.broadcast_to(RGB[:1], (8, 8, 3))])),
    ],
)
def test_impossible_images_are_refused(code: str, arguments: tuple[Any, ...]) -> None:
    with raises(code):
        _native.Image(*arguments)


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("native.argument", {"dtype": "float64"}),
        ("native.argument", {"layout": "chw"}),
        ("native.argument", {"color": "hsv"}),
        ("native.argument", {"border": "wrap"}),
        ("native.argument", {"sampling": "cubic"}),
        ("native.argument", {"scale": [1.0]}),
        ("native.argument", {"quant_zero": 1 << 40}),
    ],
)
def test_impossible_specs_are_refused(code: str, changes: dict[str, Any]) -> None:
    with raises(code):
        spec(8, 8, **changes)
    with raises("image.shape"):
        spec(0, 8)


def test_impossible_conversions_are_refused_and_leave_the_output_alone() -> None:
    image = _native.Image("rgb", 8, 8, [RGB])
    request = spec(8, 8)
    out = np.full(request.shape, 5, np.float32)
    read_only = out.copy()
    read_only.flags.writeable = False
    nan = IDENTITY.copy()
    nan[0, 1] = np.nan
    for code, affine, target in [
        ("value.not_finite", nan, out),
        ("native.argument", IDENTITY.astype(np.float32), out),
        ("native.argument", np.eye(3), out),
        ("native.argument", IDENTITY, out.astype(np.float64)),
        ("native.argument", IDENTITY, read_only),
        ("image.stride", IDENTITY, np.zeros((1, 3, 8, 16), np.float32)[:, :, :, ::2]),
        ("native.capacity", IDENTITY, np.zeros((1, 3, 8, 7), np.float32)),
    ]:
        with raises(code):
            _native.image_to_tensor(image, affine, request, target)
    with raises("value.not_finite"):
        run(image, IDENTITY, spec(8, 8, scale=[1.0, float("inf"), 1.0]))
    with raises("native.argument"):
        run(image, IDENTITY, spec(8, 8, dtype="int8", quant_scale=0.0))
    assert np.all(out == 5)


def test_a_spec_tells_what_it_was_made_from() -> None:
    request = spec(5, 7, layout="nhwc", dtype="int8", quant_scale=0.5, quant_zero=-3)
    assert request.shape == (1, 7, 5, 3)
    assert (request.width, request.height, request.dtype, request.layout) == (5, 7, "int8", "nhwc")
    assert (request.color, request.border, request.scale, request.bias) == ("rgb", "replicate", (1, 1, 1), (0, 0, 0))
    assert (request.quant_scale, request.quant_zero) == (0.5, -3)


def test_an_unknown_instruction_set_is_refused() -> None:
    with raises("native.argument"):
        _native.simd_select("altivec")
    absent = ({"neon", "avx2", "avx512"} - set(LEVELS)).pop() if len(LEVELS) < 4 else None
    if absent is not None:
        with raises("native.unsupported"):
            _native.simd_select(absent)
