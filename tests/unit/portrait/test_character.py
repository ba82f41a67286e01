"""mien.portrait.character: a drawn cat does what a person does, by the anchors of its file and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import mien
import numpy as np
import pytest
from drawn import ANCHORS, EYES, cat
from mien.errors import InputError
from mien.layouts import ARKIT52
from mien.portrait.character import MORE, NEEDED, Character, anchors_of, guessed, read, write
from mien.portrait.motion import Motion
from mien.portrait.portrait import Portrait
from mien.portrait.transfer import REGIONS
from portraits import driver, pipeline


@pytest.fixture(scope="module")
def character(tmp_path_factory: pytest.TempPathFactory) -> Character:
    folder = tmp_path_factory.mktemp("characters")
    cv2.imwrite(str(folder / "cat.png"), cat()[..., ::-1])
    return Character(folder / "cat.png", ANCHORS)


@pytest.fixture(scope="module")
def portrait(character: Character) -> Portrait:
    return Portrait.of_character(pipeline(), character, mark="none")


def doing(portrait: Portrait, gaze: float = 0.0, **coefficients: float) -> np.ndarray:
    """The picture with these coefficients, the head as it is drawn."""
    rest = portrait.show(None)  # nobody drives: the portrait rests
    assert rest.driver is None
    fit = portrait._driver._fit
    values = np.zeros(52, np.float32)
    for name, value in coefficients.items():
        values[ARKIT52.index(name)] = value
    look = np.full((2, 2), (gaze, 0.0), np.float32)
    return portrait.paint(Motion(fit.placed.rotation, values, look)).picture.copy()


def test_the_anchors_are_where_the_face_is(character: Character) -> None:
    mesh = pipeline().task.mesh
    found = character.fitted(mesh)
    which, points = character.landmarks()
    skin = mesh.skin[mesh.landmarks[which]]
    off = np.linalg.norm(found.points[mesh.landmarks[which], :2] - points, axis=1)
    assert np.median(off[skin]) < 1.5
    assert off.max() < 12


def test_at_rest_it_is_the_drawing(portrait: Portrait) -> None:
    assert np.abs(doing(portrait).astype(int) - cat()).mean() < 1.5


def test_an_open_mouth_shows_its_dark_inside(portrait: Portrait) -> None:
    shut, wide = doing(portrait), doing(portrait, jawOpen=0.8)
    mouth = (slice(170, 215), slice(110, 146))
    dark = lambda picture: int((picture[mouth].max(2) < 90).sum())  # noqa: E731
    assert dark(wide) > dark(shut) + 150


def test_lids_close_over_both_eyes(portrait: Portrait) -> None:
    white = lambda picture, x: int((picture[100:135, x - 20 : x + 20].min(2) > 200).sum())  # noqa: E731
    open_, closed = doing(portrait), doing(portrait, eyeBlinkLeft=1, eyeBlinkRight=1)
    for x in EYES.values():
        assert white(closed, x) < 0.35 * white(open_, x)
    wink = doing(portrait, eyeBlinkLeft=1)
    assert white(wink, EYES["left"]) < 0.5 * white(wink, EYES["right"])


def test_pupils_move_the_way_they_look(portrait: Portrait) -> None:
    def pupil(picture: np.ndarray, x: int) -> float:
        rows, columns = np.nonzero(picture[100:135, x - 20 : x + 20].max(2) < 100)
        assert len(rows) > 50
        return float(columns.mean())

    ahead, left = doing(portrait), doing(portrait, gaze=0.35)
    for x in EYES.values():
        assert pupil(left, x) > pupil(ahead, x) + 1


def test_a_person_drives_it_and_its_own_strengths_count(character: Character) -> None:
    states = driver()[:3]
    calm = replace(character, strength=dict.fromkeys(REGIONS, 0.0))
    moved, still = (Portrait.of_character(pipeline(), told, mark="none") for told in (character, calm))
    for state in states:
        a, b = moved.show(state).picture.copy(), still.show(state).picture.copy()
    assert np.abs(b.astype(int) - cat()).mean() < 1.5
    assert np.abs(a.astype(int) - b).mean() > 0.5


def test_it_is_enrolled_like_any_portrait(portrait: Portrait, tmp_path: Path) -> None:
    portrait.save(tmp_path / "cat.portrait")
    again = Portrait.load(pipeline(), tmp_path / "cat.portrait", mark="none")
    assert not again.refine
    assert (doing(again, jawOpen=0.5) == doing(portrait, jawOpen=0.5)).all()


def test_a_large_drawing_is_made_smaller_with_its_anchors(character: Character, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "large.png"), cv2.resize(cat(), None, fx=3, fy=3)[..., ::-1])
    anchors = {name: (3 * x + 1, 3 * y + 1) for name, (x, y) in ANCHORS.items()}
    large = Portrait.of_character(pipeline(), Character(tmp_path / "large.png", anchors), longest=256, mark="none")
    small = Portrait.of_character(pipeline(), character, mark="none")
    assert np.abs(doing(large, jawOpen=0.6).astype(int) - doing(small, jawOpen=0.6)).mean() < 4


def test_the_file_says_what_it_was_told(character: Character, tmp_path: Path) -> None:
    told = replace(character, strength={"mouth": 1.5}, refine=True)
    path = character.picture.with_suffix(".toml")
    write(path, told)
    back = read(path)
    assert back.picture == character.picture
    assert back.strength == {"mouth": 1.5} and back.refine
    assert {name: pytest.approx(point, abs=0.06) for name, point in ANCHORS.items()} == dict(back.anchors)


def test_anchors_of_a_face_that_the_network_knows() -> None:
    landmarks = np.arange(440, dtype=np.float32).reshape(220, 2)
    found = anchors_of(landmarks)
    assert set(found) == set(NEEDED) | set(MORE)
    assert found["chin"] == (16.0, 17.0)
    assert found["eye_right_top"] == (75.0, 76.0)


def test_guessed_anchors_make_a_character() -> None:
    start = guessed(300, 400)
    assert set(start) == set(NEEDED) | set(MORE)
    assert Character(Path("any.png"), start).fitted(pipeline().task.mesh).residual < 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("picture = 3", "names no picture"),
        ("", "names no picture"),
        ('picture = "cat.png"', "Anchors are missing: eye_right_outer"),
        ('picture = "cat.png"\n[anchors]\ntail = [1, 2]', "no anchor 'tail'"),
        ('picture = "cat.png"\n[anchors]\nchin = [1]', "anchor chin"),
        ('picture = "cat.png"\n[anchors]\nchin = ["a", 2]', "no number"),
        ('picture = "cat.png"\n[anchors]\nchin = nan', "An anchor is nan"),
        ('picture = "cat.png"\n[anchors]\nchin = [nan, 2]', "anchor chin"),
        ('picture = "cat.png"\nanchors = 3', "anchors is no table"),
        ('picture = "cat.png"\ncolour = 3', "says colour"),
        ("picture = ", "cannot be read"),
    ],
)
def test_a_file_that_is_wrong_is_named(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=r"character\.file") as caught:
        read(path)
    assert says in str(caught.value)


def test_a_missing_file_and_swapped_eyes_are_named(character: Character, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read as a character"):
        read(tmp_path / "none.toml")
    other = {"right": "left", "left": "right"}
    swapped = {}
    for name, point in ANCHORS.items():
        side = next((s for s in other if s in name), "")
        swapped[name.replace(side, other[side]) if side else name] = point
    with pytest.raises(InputError, match="character's own"):
        Character(character.picture, swapped)


def test_a_character_without_its_picture_is_named(tmp_path: Path) -> None:
    with pytest.raises(mien.MienError, match="source"):
        Portrait.of_character(pipeline(), Character(tmp_path / "gone.png", ANCHORS))
