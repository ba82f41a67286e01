"""The reenactment kernels against NumPy and OpenCV, and their refusals."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mien import _native
from mien.errors import InputError
from native_tools import LEVELS, simd

SIDE = 64


def identity_flow() -> np.ndarray:
    return np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE))).astype(np.float32)


@given(seed=st.integers(0, 2**32 - 1))
def test_a_warp_is_opencvs_remap(seed: int) -> None:
    rng = np.random.default_rng(seed)
    picture = cv2.GaussianBlur(rng.integers(0, 256, (50, 40, 3)).astype(np.uint8), (0, 0), 1.5)
    flow = rng.uniform(-5, 50, (2, SIDE, SIDE)).astype(np.float32)
    out = np.empty((3, SIDE, SIDE), np.float32)
    _native.flow_warp(picture, flow, out)
    inside = [np.clip(flow[0], 0, 39), np.clip(flow[1], 0, 49)]
    expected = cv2.remap(picture.astype(np.float32), inside[0], inside[1], cv2.INTER_LINEAR) / 255
    # OpenCV rounds positions to 1/32 pixel.
    assert np.abs(out.transpose(1, 2, 0) - expected).max() < 0.03


def test_each_pixel_gets_the_attributes_of_the_nearest_triangle() -> None:
    rng = np.random.default_rng(1)
    points = np.concatenate([rng.uniform(0, SIDE, (60, 2)), rng.uniform(-5, 5, (60, 1))], 1).astype(np.float32)
    triangles = rng.integers(0, 60, (30, 3)).astype(np.int32)
    attributes = points[:, 2:].copy()  # the depth itself
    planes, owner = np.full((1, SIDE, SIDE), np.nan, np.float32), np.empty((SIDE, SIDE), np.int32)
    _native.mesh_rasterise(points, triangles, attributes, planes, owner, np.empty((4, SIDE, SIDE), np.float32))
    nearest = np.full((SIDE, SIDE), -np.inf)
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float64)
    for a, b, c in points[triangles].astype(np.float64):
        area = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])
        if abs(area) < 1e-6:
            continue
        wb = ((x - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (y - a[1])) / area
        wc = ((b[0] - a[0]) * (y - a[1]) - (x - a[0]) * (b[1] - a[1])) / area
        inside = (wb >= 0) & (wc >= 0) & (wb + wc <= 1)
        depth = a[2] + wb * (b[2] - a[2]) + wc * (c[2] - a[2])
        nearest = np.where(inside & (depth > nearest), depth, nearest)
    both = (owner >= 0) & np.isfinite(nearest)
    assert both.mean() > 0.3
    assert ((owner >= 0) == np.isfinite(nearest)).mean() > 0.999
    assert np.abs(planes[0][both] - nearest[both]).max() < 1e-2


def test_a_flow_without_any_face_is_no_motion() -> None:
    flow, owner = np.zeros((2, SIDE, SIDE), np.float32), np.full((SIDE, SIDE), -1, np.int32)
    _native.flow_extend(flow, owner, np.empty((4, SIDE, SIDE), np.float32))
    assert np.array_equal(flow, identity_flow())


def test_only_the_crop_of_a_picture_is_written() -> None:
    picture = np.full((100, 120, 3), 100, np.uint8)
    out = np.zeros_like(picture)
    ones, none = np.ones((1, SIDE, SIDE), np.float32), np.zeros((3, SIDE, SIDE), np.float32)
    _native.flow_compose(picture, 0.5, 20.0, 30.0, identity_flow(), ones, none, ones[0], out)
    assert (out[30:62, 20:52] == 100).all()
    assert out.sum() == 32 * 32 * 300


def composed(picture: np.ndarray, flow: np.ndarray, keep: np.ndarray, change: np.ndarray, scale: float) -> np.ndarray:
    """What `flow_compose` promises for a picture of which the crop is all, in double precision."""
    y, x = np.mgrid[: len(picture), : picture.shape[1]].astype(np.float32) / np.float32(scale)
    planes = [cv2.remap(plane, x, y, cv2.INTER_LINEAR) for plane in (*flow * scale, keep, *change)]
    rows, columns = np.clip(planes[1], 0, len(picture) - 1), np.clip(planes[0], 0, picture.shape[1] - 1)
    moved = cv2.remap(picture.astype(np.float32), columns, rows, cv2.INTER_LINEAR)
    added = 255 * np.stack(planes[3:], 2)
    return np.asarray(picture + planes[2][..., None] * (moved - picture) + added)


@pytest.mark.parametrize("scale", [1.0, 2.0, 3.5])
def test_a_composition_is_the_moved_picture_where_it_is_kept_and_the_picture_itself_elsewhere(scale: float) -> None:
    rng = np.random.default_rng(4)
    side = int(SIDE * scale - scale) + 1
    picture = cv2.GaussianBlur(rng.integers(0, 256, (side, side, 3)).astype(np.uint8), (0, 0), 2 * scale)
    picture = np.clip(np.rint((picture.astype(np.float32) - 127) * 5 + 127), 40, 215).astype(np.uint8)
    smooth = [cv2.GaussianBlur(rng.normal(0, 1, (SIDE, SIDE)).astype(np.float32), (0, 0), 4) * 12 for _ in range(6)]
    flow = identity_flow() + np.stack(smooth[:2])
    keep = np.clip(smooth[2], 0, 1)  # half of it is 0
    change = np.stack(smooth[3:]) * 0.05
    change[:, keep == 0] *= 0.02  # mostly below what a byte can show
    out = np.zeros_like(picture)
    ones = np.ones((SIDE, SIDE), np.float32)
    _native.flow_compose(picture, scale, 0.0, 0.0, flow, keep[None], change, ones, out)
    apart = np.abs(out - np.clip(composed(picture, flow, keep, change, scale), 0, 255))
    assert (out == picture).all(2).mean() > 0.2  # whole cells are still
    assert (out != picture).any(2).mean() > 0.3
    assert apart.max() < 2.5  # positions are rounded to 1/128 and 1/32 pixel, on steep edges
    assert apart.mean() < 0.3


@pytest.mark.parametrize("level", LEVELS)
@given(seed=st.integers(0, 2**32 - 1))
def test_every_instruction_set_composes_the_same_bytes(level: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    height, width = (int(side) for side in rng.integers(1, 200, 2))
    picture = rng.integers(0, 256, (height, width, 3), np.uint8)
    flow = rng.normal(SIDE / 2, SIDE, (2, SIDE, SIDE)).astype(np.float32)  # far outside too
    keep = np.clip(rng.normal(0.3, 1, (1, SIDE, SIDE)), 0, 1.2).astype(np.float32)
    keep[0, : SIDE // 2] = 0
    change = rng.normal(0, 0.5, (3, SIDE, SIDE)).astype(np.float32)
    feather = rng.random((SIDE, SIDE), np.float32)
    for plane in (flow[0], keep[0], change[1], feather):
        plane[rng.integers(SIDE, size=3), rng.integers(SIDE, size=3)] = np.nan, np.inf, -np.inf
    where = (float(rng.uniform(0.05, 20)), float(rng.uniform(-50, 100)), float(rng.uniform(-50, 100)))
    made = []
    for name in ("scalar", level):
        out = picture.copy()
        with simd(name):
            _native.flow_compose(picture, *where, flow, keep, change, feather, out)
        made.append(out)
    assert np.array_equal(*made)


def test_a_value_that_is_none_is_not_taken_for_a_small_one() -> None:
    picture = np.full((SIDE, SIDE, 3), 100, np.uint8)
    nothing, ones = np.zeros((SIDE, SIDE), np.float32), np.ones((SIDE, SIDE), np.float32)
    change = np.zeros((3, SIDE, SIDE), np.float32)
    change[1, 20, 30] = np.nan
    out = np.zeros_like(picture)
    _native.flow_compose(picture, 1.0, 0.0, 0.0, identity_flow(), nothing[None], change, ones, out)
    elsewhere = np.ones((SIDE, SIDE), bool)
    elsewhere[19:22, 29:32] = False
    assert (out[elsewhere] == 100).all()
    assert out[20, 30, 1] == 0  # NaN becomes 0, as ever


@pytest.mark.parametrize("what", ["flow", "scratch", "owner", "picture"])
def test_arrays_of_another_shape_are_refused(what: str) -> None:
    flow, owner = np.zeros((2, SIDE, SIDE), np.float32), np.full((SIDE, SIDE), -1, np.int32)
    scratch, picture = np.empty((4, SIDE, SIDE), np.float32), np.zeros((9, 9, 3), np.uint8)
    with pytest.raises(InputError):
        if what == "flow":
            _native.flow_extend(flow[:1], owner, scratch)
        elif what == "scratch":
            _native.flow_extend(flow, owner, scratch[:3])
        elif what == "owner":
            _native.flow_extend(flow, owner[:, :, None], scratch)
        else:
            _native.flow_warp(picture[:, :, :2], flow, np.empty((3, SIDE, SIDE), np.float32))


def test_a_triangle_too_large_to_measure_is_not_drawn() -> None:
    points = np.array([[-1e30, -1e30, 0], [1e30, -1e30, 0], [0, 1e30, 0]], np.float32)
    planes, owner = np.full((1, 8, 8), 7, np.float32), np.zeros((8, 8), np.int32)
    triangle, values = np.array([[0, 1, 2]], np.int32), np.ones((3, 1), np.float32)
    _native.mesh_rasterise(points, triangle, values, planes, owner, np.empty((4, 8, 8), np.float32))
    assert (owner == -1).all() and (planes == 7).all()
