"""mien.tracking: rotated regions and the affine maps between them and tensors, checked against OpenCV."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mien import _native
from mien.errors import BundleError, ModelError
from mien.manifest import Section
from mien.tracking import Crop, Region, crop_of, whole_frame
from mien.types import Frame

REGIONS = st.builds(
    Region,
    cx=st.floats(-50, 500),
    cy=st.floats(-50, 500),
    width=st.floats(1, 300),
    height=st.floats(1, 300),
    rotation=st.floats(-math.pi, math.pi),
)
POINTS = np.float32([[10, 10], [20, 10], [20, 20], [10, 30]])
BOX = np.float32([10, 20, 30, 60])


def corners(region: Region) -> np.ndarray:
    """Top left, top right and bottom left corner, as OpenCV's RotatedRect places them."""
    size, centre = (region.width, region.height), (region.cx, region.cy)
    bottom_left, top_left, top_right, _ = cv2.boxPoints((centre, size, math.degrees(region.rotation)))
    return np.float32([top_left, top_right, bottom_left])


@given(region=REGIONS)
def test_the_affine_is_opencv_s_from_the_rotated_rectangle(region: Region) -> None:
    tensor = np.float32([[0, 0], [64, 0], [0, 48]])
    expected = cv2.getAffineTransform(tensor, corners(region))
    np.testing.assert_allclose(region.affine(64, 48, "corner"), expected, atol=2e-3)


@given(region=REGIONS)
def test_align_center_samples_the_middle_of_each_cell(region: Region) -> None:
    corner, center = region.affine(64, 48, "corner"), region.affine(64, 48, "center")
    np.testing.assert_allclose(center @ [0, 0, 1], corner @ [0.5, 0.5, 1], atol=1e-9)
    np.testing.assert_allclose(center @ [31.5, 23.5, 1], [region.cx, region.cy], atol=1e-9)


def test_the_crop_shows_what_opencv_s_warp_shows() -> None:
    random = np.random.default_rng(0)
    picture = cv2.GaussianBlur(random.integers(0, 256, (90, 120, 3), np.uint8), (0, 0), 2)
    affine = Region(60.0, 45.0, 50.0, 40.0, 0.4).affine(64, 48, "center")
    spec = _native.TensorSpec(64, 48, "uint8", "nhwc", "rgb", "replicate", [1.0] * 3, [0.0] * 3)
    ours = np.empty((48, 64, 3), np.uint8)
    _native.image_to_tensor(Frame.of(picture).image, affine, spec, ours)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    theirs = cv2.warpAffine(picture, affine, (64, 48), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    assert np.abs(ours.astype(int) - theirs).max() <= 3


@given(
    st.floats(-50, 50), st.floats(-50, 50), st.floats(0.5, 2), st.floats(-3.1, 3.1), st.floats(-3.1, 3.1),
    st.floats(0, 0.2),
)  # fmt: skip
def test_a_region_follows_another_but_for_the_slack(
    dx: float, dy: float, ratio: float, before: float, after: float, slack: float
) -> None:
    old, new = Region(10, 20, 100, 80, before), Region(10 + dx, 20 + dy, 100 * ratio, 80 * ratio, after)
    got = old.toward(new, slack)
    assert math.hypot(got.cx - new.cx, got.cy - new.cy) <= slack * 100 + 1e-9
    assert max(got.width / new.width, new.width / got.width) <= 1 + slack + 1e-9
    assert abs(math.remainder(got.rotation - new.rotation, 2 * math.pi)) <= slack + 1e-9
    near = Region(10 + 0.5 * slack * 100, 20, 100 * (1 + 0.5 * slack), 80, before + 0.5 * slack)
    assert old.toward(near, slack) == old
    exact = old.toward(new, 0)
    assert (exact.cx, exact.cy, exact.width) == pytest.approx((new.cx, new.cy, new.width))


@given(region=REGIONS, grid=st.floats(1e-4, 0.1))
def test_a_region_on_a_grid_is_the_nearest_there(region: Region, grid: float) -> None:
    put = region.on_grid(grid)
    step = 2.0 ** math.floor(math.log2(grid * region.width) + 1e-12)
    turn = 2.0 ** math.floor(math.log2(grid) + 1e-12)
    for got, was in ((put.cx, region.cx), (put.cy, region.cy), (put.width, region.width), (put.height, region.height)):
        assert abs(got - was) <= step / 2 + 1e-9 or got == step
        assert math.remainder(got, step) == 0
    assert abs(put.rotation - region.rotation) <= turn / 2 + 1e-12
    assert math.remainder(put.rotation, turn) == 0
    assert region.on_grid(0) == region


def test_what_engines_round_differently_does_not_move_a_region_on_a_grid() -> None:
    rng = np.random.default_rng(5)
    points = rng.uniform(-20, 20, (200, 8, 2)).astype(np.float32) + np.float32([300, 200])
    other = (points + rng.normal(0, 2e-5, points.shape)).astype(np.float32)
    alike = {}
    for grid in (0.0, 1 / 512):
        settings = crop(upright=[0, 1], hull="upright", grid=grid, slack=0.04)
        pairs = [
            [settings.next(settings.region(BOX, one), BOX, moved + np.float32(9)) for moved in (one, two)]
            for one, two in zip(points, other, strict=True)
        ]
        alike[grid] = sum(first == second for first, second in pairs)
    assert alike[0.0] < 100
    assert alike[1 / 512] >= 195


@pytest.mark.parametrize(("width", "height"), [(640, 480), (480, 640), (100, 100), (1, 1), (1920, 8)])
@pytest.mark.parametrize(("columns", "rows"), [(128, 128), (320, 240)])
def test_the_whole_frame_lies_centred_in_the_tensor(width: int, height: int, columns: int, rows: int) -> None:
    region = whole_frame(width, height, columns, rows, "corner")
    assert region.width / region.height == pytest.approx(columns / rows)
    assert region.width >= width - 1e-9
    assert region.height >= height - 1e-9
    assert region.width == pytest.approx(width) or region.height == pytest.approx(height)
    assert (region.cx, region.cy) == (width / 2, height / 2)


def test_a_frame_of_the_tensor_s_size_maps_one_to_one() -> None:
    affine = whole_frame(64, 64, 64, 64, "center").affine(64, 64, "center")
    np.testing.assert_allclose(affine, np.eye(2, 3), atol=1e-12)


def crop(**fields: object) -> Crop:
    return crop_of(Section({"scale": [1.0, 1.0], **fields}, "crop"), len(POINTS))


def test_an_upright_crop_is_the_box_scaled() -> None:
    assert crop(scale=[1.5, 2.0]).region(BOX, POINTS) == Region(20, 40, 30, 80, 0)


def test_a_square_crop_takes_the_longer_side() -> None:
    assert crop(square=True).region(BOX, POINTS) == Region(20, 40, 40, 40, 0)


def test_a_shift_moves_the_crop_down_by_box_heights() -> None:
    assert crop(shift=0.25).region(BOX, POINTS) == Region(20, 50, 20, 40, 0)


@pytest.mark.parametrize(("pair", "angle"), [([0, 1], 0), ([1, 2], 90), ([0, 2], 45), ([1, 0], 180)])
def test_the_line_between_two_points_becomes_horizontal(pair: list[int], angle: float) -> None:
    region = crop(upright=pair).region(BOX, POINTS)
    assert math.degrees(region.rotation) == pytest.approx(angle)


@given(angle=st.floats(-math.pi, math.pi), dx=st.floats(-3e4, 3e4), dims=st.sampled_from([2, 3]))
def test_an_upright_hull_goes_with_the_head(angle: float, dx: float, dims: int) -> None:
    cos, sin = math.cos(angle), math.sin(angle)
    turned = POINTS @ np.array([[cos, sin], [-sin, cos]]) + [dx, 7]
    points = np.pad(turned, ((0, 0), (0, dims - 2))).astype(np.float32)
    settings = crop(scale=[1.5, 2.0], upright=[0, 1], hull="upright", shift=0.25)
    still, moved = settings.region(BOX, POINTS), settings.region(BOX, points)
    assert (still.width, still.height) == (15, 40)
    assert (moved.width, moved.height) == pytest.approx((still.width, still.height), abs=0.1)
    where = [cos * still.cx - sin * still.cy + dx, sin * still.cx + cos * still.cy + 7]
    assert (moved.cx, moved.cy) == pytest.approx(where, abs=0.1)
    assert math.remainder(moved.rotation - angle, 2 * math.pi) == pytest.approx(0, abs=0.02)


def test_an_upright_hull_beyond_all_bounds_is_a_model_error() -> None:
    with pytest.raises(ModelError) as refused:
        crop(upright=[0, 1], hull="upright").region(BOX, np.float32([[0, 0], [3e38, 3e38], [-3e38, 3e38], [3e38, 0]]))
    assert refused.value.code == "model.not_finite"


@given(region=REGIONS)
def test_the_crop_s_x_axis_in_the_frame_is_that_of_its_affine(region: Region) -> None:
    x, y = region.affine(64, 64, "center")[:, 0] / (region.width / 64)
    np.testing.assert_allclose(region.to_camera()[:, 0], [x, -y, 0], atol=1e-9)
    np.testing.assert_allclose(region.to_camera() @ region.to_camera().T, np.eye(3), atol=1e-12)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"hull": "upright"}, "crop.hull"),
        ({"hull": "round"}, "crop.hull"),
        ({"upright": [0, 4]}, "crop.upright"),
        ({"upright": [-1, 0]}, "crop.upright"),
        ({"upright": [0]}, "crop.upright"),
        ({"scale": [0, 1]}, "crop.scale"),
        ({"scale": [1, -1]}, "crop.scale"),
        ({"scale": [1e9, 1]}, "crop.scale"),
        ({"scale": 1.5}, "crop.scale"),
        ({"square": 1}, "crop.square"),
        ({"shift": 2}, "crop.shift"),
    ],
)
def test_a_crop_that_cannot_be_names_its_field(fields: dict[str, object], field: str) -> None:
    with pytest.raises(BundleError, match=field) as refused:
        crop(**fields)
    assert refused.value.code == "manifest.field"
