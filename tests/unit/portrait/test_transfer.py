"""mien.portrait.transfer: what a portrait takes from a driver, and what it does without one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from mien.errors import InputError
from mien.layouts import ARKIT52
from mien.portrait.fit import Fit, Placed
from mien.portrait.transfer import EASE_NS, HOLD_NS, Driver, Transfer, scaled_turn
from mien.types import FaceState, HeadPose

SMILE = ARKIT52.index("mouthSmileLeft")
BLINK = ARKIT52.index("eyeBlinkLeft")
NOBODY = np.zeros((4, 3), np.float32)


def fitted() -> Fit:
    coefficients = np.zeros(52, np.float32)
    coefficients[SMILE] = 0.3
    eye = np.eye(3, dtype=np.float32)
    placed = Placed(eye, 8.0, np.zeros(2, np.float32))
    return Fit(placed, NOBODY, coefficients, np.zeros((2, 2), np.float32), NOBODY, eye, 0.0)


def state(smile: float, yaw: float = 0.0, x: float = 0.0, t_ns: int = 0, **changes: object) -> FaceState:
    values = np.zeros(52, np.float32)
    values[SMILE] = smile
    head = HeadPose((0.0, float(np.sin(yaw / 2)), 0.0, float(np.cos(yaw / 2))), (x, 0.0, -0.5), 0.0)
    made = FaceState(t_ns, 0, ARKIT52, values, values, np.ones(52, np.bool_), 1.0, head=head)
    return replace(made, **changes)  # type: ignore[arg-type]


def yaw_of(rotation: np.ndarray) -> float:
    return float(np.arctan2(rotation[0, 2], rotation[2, 2]))


def test_relative_transfer_adds_the_drivers_change_to_the_source() -> None:
    motion = Transfer().motion(fitted(), state(0.6, 0.2), state(0.1, 0.05))
    assert motion.coefficients[SMILE] == pytest.approx(0.8)
    assert yaw_of(motion.rotation) == pytest.approx(0.15, abs=1e-5)


def test_absolute_transfer_takes_the_drivers_own_values() -> None:
    motion = Transfer(relative=False).motion(fitted(), state(0.6, 0.2), None)
    assert motion.coefficients[SMILE] == pytest.approx(0.6)
    assert yaw_of(motion.rotation) == pytest.approx(0.2, abs=1e-5)


@pytest.mark.parametrize(("mode", "smile", "yaw"), [("pose", 0.3, 0.2), ("expression", 0.8, 0.0), ("both", 0.8, 0.2)])
def test_a_mode_takes_its_part_alone(mode: str, smile: float, yaw: float) -> None:
    motion = Transfer(mode).motion(fitted(), state(0.5, 0.2, 0.05), state(0.0))
    assert motion.coefficients[SMILE] == pytest.approx(smile)
    assert yaw_of(motion.rotation) == pytest.approx(yaw, abs=1e-5)
    assert (motion.place is None) == (mode == "expression")


def test_strengths_weigh_regions() -> None:
    motion = Transfer(strength={"mouth": 0.5, "head": 2.0, "place": 0}).motion(fitted(), state(0.4, 0.1), state(0.0))
    assert motion.coefficients[SMILE] == pytest.approx(0.5)
    assert yaw_of(motion.rotation) == pytest.approx(0.2, abs=1e-5)
    assert motion.place is None


def test_a_head_turns_no_further_than_the_picture_shows() -> None:
    motion = Transfer().motion(fitted(), state(0, 1.2), state(0))
    assert yaw_of(motion.rotation) == pytest.approx(np.radians(40), abs=1e-4)
    assert np.allclose(scaled_turn(None, 1.0), np.eye(3))


def test_what_the_driver_does_not_know_stays_as_the_source_has_it() -> None:
    hidden = np.ones(52, np.bool_)
    hidden[SMILE] = False
    motion = Transfer().motion(fitted(), state(0.9, valid=hidden), state(0.2, valid=hidden))
    assert motion.coefficients[SMILE] == pytest.approx(0.3)


def test_other_layouts_drive_too() -> None:
    motion = Transfer(relative=False).motion(fitted(), state(0.6).to("mediapipe52"), None)
    assert motion.coefficients[SMILE] == pytest.approx(0.6, abs=0.05)


def test_a_lost_driver_is_held_and_then_let_go() -> None:
    driver = Driver(fitted(), Transfer())
    driver.follow(state(0.0), 0)
    acting = driver.follow(state(0.5, 0.2, 0.03), 1_000_000_000)
    held = driver.follow(None, 1_000_000_000 + HOLD_NS)
    assert held.coefficients[SMILE] == acting.coefficients[SMILE]
    middle = driver.follow(None, 1_000_000_000 + HOLD_NS + EASE_NS // 2)
    assert 0.3 < middle.coefficients[SMILE] < 0.8
    assert 0 < yaw_of(middle.rotation) < 0.2
    rest = driver.follow(None, 1_000_000_000 + HOLD_NS + EASE_NS)
    assert rest.coefficients[SMILE] == pytest.approx(0.3)
    assert yaw_of(rest.rotation) == pytest.approx(0)
    assert driver.follow(state(0.5, 0.2, 0.03), 9_000_000_000).coefficients[SMILE] == acting.coefficients[SMILE]


def test_without_any_driver_the_portrait_rests() -> None:
    assert Driver(fitted(), Transfer()).follow(None, 0).coefficients[SMILE] == pytest.approx(0.3)


@pytest.mark.parametrize("wrong", [{"mode": "all"}, {"strength": {"nose": 1}}, {"strength": {"mouth": -1}}])
def test_what_is_no_transfer_is_refused(wrong: dict) -> None:
    with pytest.raises(InputError, match=r"portrait\.transfer"):
        Transfer(**wrong)


def test_a_gain_raises_expression_and_gaze_but_no_head() -> None:
    plain, more = (Transfer().motion(fitted(), state(0.3, 0.2), state(0.0), gain) for gain in (1.0, 1.5))
    assert plain.coefficients[SMILE] == pytest.approx(0.6)
    assert more.coefficients[SMILE] == pytest.approx(0.75)
    assert np.array_equal(plain.rotation, more.rotation)


def test_a_place_is_believed_as_far_as_pictures_tell_it() -> None:
    motion = Transfer().motion(fitted(), state(0, x=0.02), state(0))
    assert motion.place is not None
    assert motion.place[:2] == pytest.approx([2 * 0.93, 0], abs=1e-3)
