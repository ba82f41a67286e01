"""mien.Portrait: enrolling, moving, saving, and what it refuses; with the shipped bundle and a rendered person."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import mien
import numpy as np
import pytest
from mien import marking
from mien.errors import InputError
from mien.portrait.painter import _redden
from portraits import driver, frames, pipeline


@pytest.fixture
def portrait() -> mien.Portrait:
    return mien.Portrait(pipeline(), frames()[0], mark="none")


def test_a_portrait_at_rest_is_its_picture(portrait: mien.Portrait) -> None:
    shown = portrait.show(None)
    apart = np.abs(shown.picture.astype(int) - frames()[0])
    assert apart.mean() < 4
    assert shown.driver is None
    assert shown.mask.shape == (256, 256)
    assert (shown.mask == 0).mean() > 0.1  # where nothing moves nothing is touched
    assert 0.9 < shown.mask.max() <= 1


def test_the_outside_of_the_crop_is_never_touched() -> None:
    wide = cv2.copyMakeBorder(frames()[0], 0, 0, 300, 300, cv2.BORDER_REFLECT)
    portrait = mien.Portrait(pipeline(), wide, face=0, mark="none")
    shown = portrait.show(driver()[3])
    scale, x0, _ = portrait.crop
    assert np.array_equal(shown.picture[:, : int(x0)], wide[:, : int(x0)])
    assert np.array_equal(shown.picture[:, int(x0 + 256 * scale) + 1 :], wide[:, int(x0 + 256 * scale) + 1 :])


def test_a_portrait_does_what_its_driver_does(portrait: mien.Portrait) -> None:
    """The driver is the same person, so its film is nearly the truth."""
    portrait.set_reference(driver()[0])
    better = 0
    for state, truth in zip(driver()[1:], frames()[1:], strict=True):
        made = portrait.show(state).picture.astype(int)
        better += (
            np.abs(made - truth)[60:260, 60:260].mean() < np.abs(frames()[0].astype(int) - truth)[60:260, 60:260].mean()
        )
    assert better >= 0.8 * (len(frames()) - 1)


@pytest.mark.parametrize("refine", [True, False])
def test_a_black_and_white_picture_gets_no_colours(refine: bool) -> None:
    grey = cv2.cvtColor(cv2.cvtColor(frames()[0], cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    portrait = mien.Portrait(pipeline(), grey, mark="none")
    portrait.refine = refine
    portrait.set_reference(driver()[0])
    wide_open = replace(driver()[0], values=driver()[0].values.copy())
    wide_open.values[mien.ARKIT52.names.index("jawOpen")] = 1
    shown = portrait.show(wide_open).picture
    assert np.abs(shown.astype(int) - grey).max() > 40
    assert np.ptp(shown, axis=2).max() <= 1


def test_a_mouth_that_is_painted_bluish_gets_the_tint_of_skin(portrait: mien.Portrait) -> None:
    portrait.set_reference(driver()[0])
    wide_open = replace(driver()[0], values=driver()[0].values.copy())
    wide_open.values[mien.ARKIT52.names.index("jawOpen")] = 1
    portrait.show(wide_open)
    canvas, source = portrait._canvas, portrait._source
    mouth = canvas.mouth()
    assert mouth.sum() > 300
    keep = np.ones((1, 256, 256), np.float32)
    for red, most in ((0.1, 0.9 * source.skin[2] / source.skin[0] + 0.1), (1.2 * source.skin[0], 1.0)):
        painted = np.float32([red, red, red + 0.3])[:, None, None]  # bluish, dark or as bright as skin
        change = (painted - canvas.warped).astype(np.float32)
        before = change.copy()
        _redden(keep, change, canvas, source)
        colour = canvas.warped + change
        assert np.array_equal(change[:, ~mouth], before[:, ~mouth])
        assert np.array_equal(change[0], before[0])
        assert (colour[2, mouth] <= most * red + 1e-5).all()
        assert (colour[2, mouth] > 0.3 * red).all()


def test_a_frame_drives_as_its_state_does(portrait: mien.Portrait) -> None:
    shown = portrait.show(mien.Frame.of(frames()[2], t_ns=5))
    assert shown.driver is not None
    assert shown.driver.found
    assert shown.driver.t_ns == 5


def test_a_saved_portrait_is_the_same_one(portrait: mien.Portrait, tmp_path: Path) -> None:
    path = tmp_path / "one.portrait"
    portrait.save(path)
    again = mien.Portrait.load(pipeline(), path, mark="none")
    portrait.set_reference(driver()[0])
    again.set_reference(driver()[0])
    assert np.array_equal(portrait.show(driver()[4]).picture, again.show(driver()[4]).picture)
    assert path.stat().st_size < frames()[0].nbytes
    assert again.faces == portrait.faces


def test_a_damaged_enrolment_is_refused(portrait: mien.Portrait, tmp_path: Path) -> None:
    path = tmp_path / "one.portrait"
    portrait.save(path)
    whole = path.read_bytes()
    for broken in (b"", whole[: len(whole) // 2], whole[:3000] + b"\0" * 64 + whole[3064:], b"PK" + whole[5:]):
        path.write_bytes(broken)
        with pytest.raises(InputError, match=r"portrait\.file"):
            mien.Portrait.load(pipeline(), path)
    with pytest.raises(InputError, match=r"portrait\.file"):
        mien.Portrait.load(pipeline(), tmp_path / "none.portrait")


def test_pictures_are_marked_unless_somebody_says_otherwise() -> None:
    marked = mien.Portrait(pipeline(), frames()[0])
    for state in driver()[:4]:
        shown = marked.show(state)
    plain = mien.Portrait(pipeline(), frames()[0], mark="none")
    for state in driver()[:4]:
        same = plain.show(state)
    assert marking.find(shown.picture).marked
    assert not marking.find(same.picture).marked
    assert np.abs(shown.picture.astype(int) - same.picture).max() < 10


def test_of_several_faces_one_is_taken() -> None:
    small = cv2.resize(frames()[0], None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA)
    two = np.zeros((320, 560, 3), np.uint8)
    two[:, :320], two[60:284, 330:554] = frames()[0], small
    largest = mien.Portrait(pipeline(), two)
    assert largest.faces == 2
    other = mien.Portrait(pipeline(), two, face=1)
    assert largest.crop[1] + 128 * largest.crop[0] < 320 < other.crop[1] + 128 * other.crop[0]
    with pytest.raises(InputError, match=r"portrait\.face\b"):
        mien.Portrait(pipeline(), two, face=2)


def test_a_picture_without_a_face_is_refused() -> None:
    with pytest.raises(InputError, match=r"portrait\.no_face"):
        mien.Portrait(pipeline(), np.full((200, 200, 3), 90, np.uint8))


def test_a_tiny_face_is_refused_and_a_huge_picture_made_smaller() -> None:
    tiny = np.full((200, 200, 3), 90, np.uint8)
    tiny[40:96, 40:96] = cv2.resize(frames()[0], (56, 56), interpolation=cv2.INTER_AREA)
    with pytest.raises(InputError, match=r"portrait\.(small|no_face)"):
        mien.Portrait(pipeline(), tiny)
    huge = cv2.resize(frames()[0], (5000, 5000), interpolation=cv2.INTER_CUBIC)
    assert mien.Portrait(pipeline(), huge).show(None).picture.shape == (2160, 2160, 3)
    with pytest.raises(InputError, match=r"portrait\.longest"):
        mien.Portrait(pipeline(), huge, longest=1)


def test_other_bundles_move_no_portraits() -> None:
    with mien.open("face") as face, pytest.raises(InputError, match=r"portrait\.bundle"):
        mien.Portrait(face, frames()[0])


def test_a_gain_out_of_range_is_refused(portrait: mien.Portrait) -> None:
    with pytest.raises(InputError, match=r"portrait\.gain"):
        portrait.show(driver()[1], gain=9.0)


def test_a_profile_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """No profile ships with mien; the frame's own face is told to be one."""
    state = driver()[0]
    side = mien.HeadPose((0.0, 0.5, 0.0, 0.8660254), (0.0, 0.0, -0.5), 0.0)  # 60 degrees
    monkeypatch.setattr(pipeline().task, "faces", lambda frame: [replace(state, head=side)])
    with pytest.raises(InputError, match=r"portrait\.profile.* 60 degrees"):
        mien.Portrait(pipeline(), frames()[0])


def test_a_mark_renewed_in_part_is_the_one_of_the_whole_picture() -> None:
    wide = cv2.copyMakeBorder(frames()[0], 40, 90, 200, 130, cv2.BORDER_REFLECT)
    marked, plain = (mien.Portrait(pipeline(), wide, face=0, mark=mark) for mark in ("invisible", "none"))
    for state in driver()[:3]:
        shown, same = marked.show(state), plain.show(state)
    assert np.array_equal(shown.picture, marking.Marker("invisible")(same.picture.copy()))
