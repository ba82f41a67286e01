"""Detection and heat map decoding against NumPy, and its refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mien import _native
from native_tools import LEVELS, raises, simd
from numpy.typing import NDArray

Floats = NDArray[np.float32]
COLUMNS = _native.DETECTION_COLUMNS


def test_a_detection_row_is_the_c_struct() -> None:
    assert COLUMNS == 5 + 2 * _native.MAX_POINTS == 21


def test_anchors_of_the_short_range_face_detector() -> None:
    anchors = _native.ssd_anchors(128, 128, [8, 16], [2, 6])
    expected = []
    for stride, copies in ((8, 2), (16, 6)):
        cells = 128 // stride
        for row in range(cells):
            for column in range(cells):
                expected += [((column + 0.5) / cells, (row + 0.5) / cells)] * copies
    assert anchors.dtype == np.float32
    assert np.array_equal(anchors, np.array(expected, np.float32))


def test_anchor_grids_round_up() -> None:
    assert _native.ssd_anchors(100, 33, [32], [1]).shape == (4 * 2, 2)


@given(
    seed=st.integers(0, 2**32 - 1),
    points=st.integers(0, 8),
    min_score=st.floats(0.0, 1.0, width=32),
    clip=st.sampled_from([1.0, 20.0, 100.0]),
)
def test_ssd_boxes_agree_with_numpy(seed: int, points: int, min_score: float, clip: float) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 200))
    raw = rng.normal(0, 30, (count, 4 + 2 * points)).astype(np.float32)
    logits = rng.normal(-2, 4, count).astype(np.float32)
    centers = rng.random((count, 2), np.float32)
    out = np.zeros((count, COLUMNS), np.float32)
    scores = 1 / (1 + np.exp(-np.clip(logits.astype(np.float64), -clip, clip)))
    certain = np.abs(scores - min_score) > 1e-6
    expected = np.flatnonzero(scores >= min_score)
    results = []
    for level in LEVELS:
        with simd(level):
            kept = _native.decode_ssd(raw, logits, centers, points, 192, 128, clip, min_score, out)
            results.append(out[:kept].tobytes())
    assert len(set(results)) == 1
    if not certain.all():
        return
    assert kept == len(expected)
    middle = centers[expected] * [192, 128]
    center, half = raw[expected, :2] + middle, raw[expected, 2:4] / 2
    assert np.allclose(out[:kept, 0], scores[expected], atol=1e-6)
    assert np.allclose(out[:kept, 1:5], np.hstack([center - half, center + half]), atol=1e-3)
    moved = raw[expected, 4:].reshape(kept, points, 2) + middle[:, None]
    assert np.allclose(out[:kept, 5 : 5 + 2 * points].reshape(kept, points, 2), moved, atol=1e-3)


def test_ssd_writes_at_most_the_rows_of_out() -> None:
    out = np.zeros((3, COLUMNS), np.float32)
    raw, logits, centers = (np.ones(s, np.float32) for s in ((9, 4), (9,), (9, 2)))
    assert _native.decode_ssd(raw, logits, centers, 0, 8, 8, 100.0, 0.1, out) == 3


@given(seed=st.integers(0, 2**32 - 1), points=st.integers(0, 5), min_score=st.floats(0.0625, 0.9375, width=32))
def test_grid_levels_agree_with_numpy_and_append(seed: int, points: int, min_score: float) -> None:
    rng = np.random.default_rng(seed)
    columns, rows, stride = int(rng.integers(1, 9)), int(rng.integers(1, 9)), 8
    cells = columns * rows
    cls, obj = (rng.uniform(-0.2, 1.3, cells).astype(np.float32) for _ in range(2))
    box = rng.normal(0, 1, (cells, 4)).astype(np.float32)
    point = rng.normal(0, 2, (cells, points, 2)).astype(np.float32)
    out = np.zeros((cells + 1, COLUMNS), np.float32)
    out[0] = 42
    total = _native.decode_grid(cls, obj, box, point, columns, rows, stride, points, min_score, out, 1)
    scores = np.sqrt(np.clip(cls, 0, 1).astype(np.float64) * np.clip(obj, 0, 1))
    if np.any(np.abs(scores - min_score) < 1e-6):
        return
    expected = np.flatnonzero(scores >= min_score)
    assert total == 1 + len(expected)
    assert np.all(out[0] == 42)
    cell = np.stack([expected % columns, expected // columns], axis=1)
    center, half = (cell + box[expected, :2]) * stride, np.exp(box[expected, 2:]) * stride / 2
    got = out[1:total]
    assert np.allclose(got[:, 0], scores[expected], atol=1e-6)
    assert np.allclose(got[:, 1:5], np.hstack([center - half, center + half]), rtol=1e-5, atol=1e-3)
    assert np.allclose(
        got[:, 5 : 5 + 2 * points].reshape(len(expected), points, 2),
        (cell[:, None] + point[expected]) * stride,
        atol=1e-3,
    )


def overlap(a: Floats, b: Floats) -> float:
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    inner = float(np.prod(np.maximum(high - low, 0)))
    return inner / (float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2])) - inner)


def reference_nms(rows: Floats, points: int, iou: float, weighted: bool) -> NDArray[np.float64]:
    left = sorted(range(len(rows)), key=lambda i: -rows[i, 0])
    kept = []
    while left:
        best = left[0]
        group = [best] + [i for i in left[1:] if overlap(rows[best, 1:5], rows[i, 1:5]) >= iou]
        row = rows[best].astype(np.float64)
        if weighted:
            used = slice(1, 5 + 2 * points)
            row[used] = np.average(rows[group, used].astype(np.float64), axis=0, weights=rows[group, 0])
        kept.append(row)
        left = [i for i in left if i not in group]
    return np.array(kept)


@given(seed=st.integers(0, 2**32 - 1), iou=st.floats(0.05, 0.95), weighted=st.booleans())
def test_suppression_agrees_with_a_plain_reference(seed: int, iou: float, weighted: bool) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 40))
    rows = np.zeros((count + 3, COLUMNS), np.float32)
    rows[:, 0] = rng.uniform(0.01, 1, count + 3)
    rows[:, 1:3] = rng.uniform(0, 30, (count + 3, 2))
    rows[:, 3:5] = rows[:, 1:3] + rng.uniform(5, 25, (count + 3, 2))
    rows[:, 5:9] = rng.normal(0, 50, (count + 3, 4))
    boxes = rows[:count, 1:5]
    if any(abs(overlap(a, b) - iou) < 1e-5 for a in boxes for b in boxes):
        return
    expected = reference_nms(rows[:count], 2, iou, weighted)
    tail = rows[count:].copy()
    kept = _native.nms(rows, count, 2, iou, "weighted" if weighted else "hard")
    assert kept == len(expected)
    assert np.allclose(rows[:kept], expected, rtol=1e-5, atol=1e-4)
    assert np.array_equal(rows[count:], tail)


def test_mapping_a_box_takes_the_hull_of_its_corners() -> None:
    rows = np.zeros((1, COLUMNS), np.float32)
    rows[0, 1:7] = [0, 0, 10, 20, 3, 4]
    affine = np.array([[0.0, -1.0, 5.0], [2.0, 0.0, 1.0]])
    _native.detections_map(rows, 1, 1, affine)
    assert rows[0, 1:7].tolist() == [-15, 1, 5, 21, 1, 7]


@given(seed=st.integers(0, 2**32 - 1))
def test_heat_maps_agree_with_numpy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points, columns, rows, slope = 5, int(rng.integers(2, 30)), int(rng.integers(2, 30)), 16.0
    maps = rng.random((3 * points, rows, columns), np.float32)
    xy, score = np.zeros((points, 2), np.float32), np.zeros(points, np.float32)
    _native.decode_heatmap(maps, points, columns, rows, slope, 224, 160, xy, score)
    flat = maps.reshape(3, points, -1)
    peak = flat[0].argmax(axis=1)
    offsets = np.take_along_axis(flat[1:], peak[None, :, None], axis=2)[..., 0].astype(np.float64)
    offsets = np.clip(offsets, 1e-7, 1 - 1e-7)
    dy, dx = np.log(offsets / (1 - offsets)) / slope
    assert np.allclose(xy[:, 0], 223 * (peak % columns / (columns - 1) + dx), atol=1e-2)
    assert np.allclose(xy[:, 1], 159 * (peak // columns / (rows - 1) + dy), atol=1e-2)
    assert np.array_equal(score, flat[0].max(axis=1))


def test_network_outputs_that_are_not_finite_are_refused() -> None:
    raw, logits, centers = (np.ones(s, np.float32) for s in ((4, 4), (4,), (4, 2)))
    out = np.full((4, COLUMNS), 7, np.float32)
    logits[2] = np.nan
    with raises("value.not_finite"):
        _native.decode_ssd(raw, logits, centers, 0, 8, 8, 100.0, 0.1, out)
    logits[2] = -50
    raw[2] = np.nan  # scores too low to matter
    assert _native.decode_ssd(raw, logits, centers, 0, 8, 8, 100.0, 0.1, out.copy()) == 3
    raw[1] = np.inf
    with raises("value.not_finite"):
        _native.decode_ssd(raw, logits, centers, 0, 8, 8, 100.0, 0.1, out)
    assert np.all(out == 7)
    with raises("value.not_finite"):
        _native.decode_heatmap(
            np.full((3, 2, 2), np.nan, np.float32), 1, 2, 2, 16.0, 8, 8, np.zeros((1, 2), np.float32), logits
        )
    with raises("value.not_finite"):
        _native.nms(np.full((1, COLUMNS), np.nan, np.float32), 1, 0, 0.5, "hard")


@pytest.mark.parametrize("bad", ["dtype", "rows", "order", "readonly", "columns", "list"])
def test_arrays_that_do_not_fit_are_refused(bad: str) -> None:
    raw, logits, centers = (np.ones(s, np.float32) for s in ((4, 4), (4,), (4, 2)))
    out = np.zeros((4, COLUMNS), np.float32)
    code = "native.argument"
    given_raw: object = raw
    if bad == "dtype":
        given_raw = raw.astype(np.float64)
    elif bad == "rows":
        given_raw = raw[:3]
    elif bad == "order":
        given_raw, code = np.asfortranarray(raw), "image.stride"
    elif bad == "readonly":
        out.flags.writeable = False
    elif bad == "columns":
        out = np.zeros((4, COLUMNS - 1), np.float32)
    else:
        given_raw = raw.tolist()
    with raises(code):
        _native.decode_ssd(given_raw, logits, centers, 0, 8, 8, 100.0, 0.1, out)  # type: ignore[arg-type]


def test_counts_and_names_out_of_range_are_refused() -> None:
    out = np.zeros((2, COLUMNS), np.float32)
    with raises("native.capacity"):
        _native.nms(out, 3, 0, 0.5, "hard")
    with raises("native.argument"):
        _native.nms(out, 1, 0, 0.5, "soft")
    with raises("native.argument"):
        _native.nms(out, 1, 9, 0.5, "hard")
    with raises("native.argument"):
        _native.nms(out, 1, 0, 1.5, "hard")
    with raises("native.argument"):
        _native.ssd_anchors(128, 128, [8], [1, 2])
    with raises("native.argument"):
        _native.ssd_anchors(128, 128, [0], [1])
    with raises("native.capacity"):
        one, box = np.ones(1, np.float32), np.ones(4, np.float32)
        _native.decode_grid(one, one, box, None, 1, 1, 8, 0, 0.5, out, 3)
