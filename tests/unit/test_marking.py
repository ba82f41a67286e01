"""Marks: found after what pictures go through, never where there is none, and not seen."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from mien.errors import InputError
from mien.locate import film
from mien.marking import Found, Marker, find


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    """Frames of the shipped film, and a drawing: flat fields and hard edges."""
    video = cv2.VideoCapture(str(film()))
    frames = [video.read()[1] for _ in range(60)][::30]
    drawing = np.full((300, 400, 3), (250, 240, 200), np.uint8)
    cv2.circle(drawing, (200, 150), 90, (90, 160, 240), -1)
    cv2.circle(drawing, (200, 150), 90, (0, 0, 0), 3)
    return [*frames, drawing]


def marked(picture: np.ndarray) -> np.ndarray:
    return Marker()(picture.copy())


def test_it_is_found_at_once_and_costs_less_than_two_steps_of_a_byte(pictures: list[np.ndarray]) -> None:
    for picture in pictures:
        out = marked(picture)
        found = find(out)
        assert found.marked and found.scale == 1
        assert np.sqrt(np.mean((out.astype(float) - picture) ** 2)) < 1.7
        assert not find(picture).marked


@pytest.mark.parametrize("quality", [90, 60])
def test_jpeg_keeps_it(pictures: list[np.ndarray], quality: int) -> None:
    for picture in pictures:
        _, data = cv2.imencode(".jpg", marked(picture), [cv2.IMWRITE_JPEG_QUALITY, quality])
        assert find(cv2.imdecode(data, cv2.IMREAD_COLOR)).marked


def test_a_video_keeps_it(pictures: list[np.ndarray], tmp_path: Path) -> None:
    frame = pictures[0]
    path = tmp_path / "out.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 25, frame.shape[1::-1])
    for _ in range(6):
        writer.write(marked(frame))
    writer.release()
    video = cv2.VideoCapture(str(path))
    for _ in range(6):
        assert find(video.read()[1]).marked


@pytest.mark.parametrize("scale", [0.7, 1.5])
def test_scaling_keeps_it(pictures: list[np.ndarray], scale: float) -> None:
    for picture in pictures:
        found = find(cv2.resize(marked(picture), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
        assert found.marked
        assert found.scale == pytest.approx(scale, rel=0.02)


def test_cutting_and_greying_keep_it(pictures: list[np.ndarray]) -> None:
    for picture in pictures:
        cut = np.ascontiguousarray(marked(picture)[37:, 51:])
        assert find(cut).marked
        assert find(cv2.cvtColor(cut, cv2.COLOR_BGR2GRAY)).marked


def test_noise_and_patterns_are_no_marks() -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (256, 256, 3)).astype(np.uint8)
    y, x = np.mgrid[:256, :256]
    checks = (((y // 8 + x // 8) % 2) * 255).astype(np.uint8)
    for picture in (noise, checks, np.full((200, 200, 3), 128, np.uint8)):
        assert not find(picture).marked


@pytest.mark.parametrize(("score", "marked"), [(7.0, False), (8.0, False), (8.1, True)])
def test_a_mark_lies_further_above_chance_than_any_unmarked_picture_did(score: float, marked: bool) -> None:
    assert Found(score, 1.0).marked == marked


def test_black_and_white_are_not_wrapped() -> None:
    for value in (0, 255):
        out = marked(np.full((128, 128, 3), value, np.uint8))
        assert np.abs(out.astype(int) - value).max() < 10


def test_the_badge_is_white_on_dark_in_its_corner_only(pictures: list[np.ndarray]) -> None:
    picture = pictures[0]
    out = Marker("visible")(picture.copy())
    changed = np.argwhere((out != picture).any(2))
    height, width = picture.shape[:2]
    assert (changed > (0.9 * height, 0.8 * width)).all()
    assert (out[changed[:, 0], changed[:, 1]] == 255).all(1).sum() > 20
    assert not find(out).marked
    assert find(Marker("both")(picture.copy())).marked


@pytest.mark.parametrize("kind", ["invisible", "visible", "both", "none"])
def test_a_marked_copy_is_what_marking_in_place_gives(kind: str, pictures: list[np.ndarray]) -> None:
    original, copy = pictures[0].copy(), np.zeros_like(pictures[0])
    assert Marker(kind)(original, copy) is copy
    assert np.array_equal(original, pictures[0])
    assert np.array_equal(copy, Marker(kind)(original))


def test_none_changes_nothing(pictures: list[np.ndarray]) -> None:
    assert (Marker("none")(pictures[0].copy()) == pictures[0]).all()


def test_bad_input_is_named() -> None:
    with pytest.raises(InputError, match=r"mark\.kind"):
        Marker("loud")
    for bad in (np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3), np.float32), np.zeros((8, 8, 4), np.uint8)):
        with pytest.raises(InputError, match=r"mark\.picture"):
            Marker()(bad)  # type: ignore[arg-type]
    frozen = np.zeros((8, 8, 3), np.uint8)
    frozen.flags.writeable = False
    with pytest.raises(InputError, match=r"mark\.picture"):
        Marker()(frozen)
    for wrong in ([np.zeros((100, 300, 3), np.uint8)], [np.zeros((s, 200, 3), np.uint8) for s in (200, 300)], []):
        with pytest.raises(InputError, match=r"mark\.picture"):
            find(*wrong)
    with pytest.raises(InputError):
        Marker()(np.zeros((64, 64, 3), np.uint8), np.zeros((64, 65, 3), np.uint8))
