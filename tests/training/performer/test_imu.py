"""Virtual sensors: what they measure is mechanics, and their faults are those of the part."""

from __future__ import annotations

import numpy as np
import pytest
from mien.kinematics import Curve, turns
from mien.layouts import ARKIT52

from training.performer.head import Head
from training.performer.head_motion import NECK, HeadMotion, head_motion
from training.performer.imu import GRAVITY, Glue, Wearer, part, sample
from training.performer.imu_layout import layout, skin_moving
from training.performer.patches import motion, patch

pytestmark = pytest.mark.shared

REST = Curve(np.zeros((4, 52)), 1.0)


def wearer(glue: Glue | None = None, seed: int = 1) -> Wearer:
    plain = Glue(shift=0, tilt=0, loose=0, dropouts=0)
    return Wearer(Head(np.zeros(1, np.float32)), layout("imu6").places, glue or plain, np.random.default_rng(seed))


def held() -> HeadMotion:
    """A head that does not move at all."""
    zero = Curve(np.zeros((4, 3)), 1.0)
    return HeadMotion(zero, zero, np.zeros((0, 4)), np.array(NECK))


def moving(name: str, size: float = 1.0) -> Curve:
    """One coefficient that comes and goes."""
    values = np.zeros((40, 52))
    values[12:20, ARKIT52.index(name)] = size
    return Curve(values, 0.1)


def test_an_ideal_sensor_at_rest_feels_gravity_alone() -> None:
    window = sample(wearer(), REST, held(), 1, 100, np.random.default_rng(0), ideal=True).window
    np.testing.assert_allclose(np.linalg.norm(window.acc, axis=2), GRAVITY, rtol=1e-5)
    np.testing.assert_allclose(window.acc[:, 0], np.broadcast_to([0, GRAVITY, 0], (100, 3)), atol=1e-4)
    assert np.abs(window.gyro).max() < 1e-9


def test_the_angular_velocity_adds_up_to_the_turn_of_the_skin() -> None:
    worn, face = wearer(), moving("jawOpen")
    window = sample(worn, face, held(), 1.6, 400, np.random.default_rng(0), ideal=True).window
    frames = worn.before.at(face.at(window.t_ns / 1e9))[1]
    turned = np.swapaxes(frames[0], -1, -2) @ frames[-1]
    total = np.broadcast_to(np.eye(3), (6, 3, 3)).copy()
    rates = window.gyro[:, 1:].astype(float)
    for k in range(len(rates) - 1):
        total = total @ turns((rates[k] + rates[k + 1]) / 2 / 400)
    np.testing.assert_allclose(total, turned, atol=2e-3)
    cosine = (np.trace(turned, axis1=1, axis2=2) - 1) / 2
    assert np.degrees(np.arccos(cosine)).max() > 10  # beside the mouth


def test_the_acceleration_adds_up_to_the_way_of_the_skin() -> None:
    worn, face = wearer(), moving("jawOpen")
    window = sample(worn, face, held(), 3.0, 400, np.random.default_rng(0), ideal=True).window
    clock = window.t_ns / 1e9
    position, frames = worn.before.at(face.at(clock))
    world = np.einsum("tsij,tsj->tsi", frames, window.acc[:, 1:].astype(float)) - [0, GRAVITY, 0]
    way = np.cumsum(np.cumsum(world, 0), 0) / 400**2
    assert np.abs(position - position[0]).max() > 0.02
    np.testing.assert_allclose(way, position - position[0], atol=1.5e-3)


def test_a_turning_head_is_felt_by_all_alike() -> None:
    angles = np.zeros((40, 3))
    angles[10:] = np.linspace(0, 3, 30)[:, None] * [0.5, 0, 0]
    head = HeadMotion(Curve(angles, 0.1), Curve(np.zeros((4, 3)), 1.0), np.zeros((0, 4)), np.array(NECK))
    worn = wearer()
    window = sample(worn, REST, head, 2.5, 100, np.random.default_rng(0), ideal=True).window
    frames = np.concatenate([np.eye(3)[None], worn.before.at(np.zeros((1, 52)))[1][0]])
    in_head = np.einsum("sij,sj->si", frames, window.gyro[-20])
    np.testing.assert_allclose(in_head, np.broadcast_to([0, 0.5 * 3 / 2.9, 0], (7, 3)), atol=1e-4)


def test_noise_and_bias_are_those_of_the_part() -> None:
    window = sample(wearer(), REST, held(), 30, 100, np.random.default_rng(0)).window
    steps = np.diff(window.gyro[:, 0], axis=0).std(0) / np.sqrt(2)
    np.testing.assert_allclose(np.degrees(steps), part()["gyro_noise"] * np.sqrt(50), rtol=0.1)
    steps = np.diff(window.acc[:, 0], axis=0).std(0) / np.sqrt(2)
    np.testing.assert_allclose(steps, part()["acc_noise"] * GRAVITY * np.sqrt(50), rtol=0.1)
    lsb = part()["acc_range"] * GRAVITY / 2**15
    counts = window.acc / lsb
    np.testing.assert_allclose(counts, np.round(counts), atol=2e-2)
    assert 0.001 < np.abs(np.degrees(window.gyro.mean(0))).mean() < 5


def test_a_range_that_is_too_small_saturates() -> None:
    shocks = np.array([[0.5, 200.0, 0, 0]])
    zero = Curve(np.zeros((4, 3)), 1.0)
    window = sample(
        wearer(), REST, HeadMotion(zero, zero, shocks, np.array(NECK)), 1, 400, np.random.default_rng(0)
    ).window
    assert np.abs(window.acc).max() == pytest.approx(part()["acc_range"] * GRAVITY, rel=1e-3)


def test_dead_sensors_turned_sensors_and_dropouts() -> None:
    glue = Glue(shift=0, tilt=0, loose=0, dropouts=30, dead=("philtrum",), turned={"mouthCornerRight": 180.0})
    window = sample(wearer(glue), REST, held(), 20, 100, np.random.default_rng(0)).window
    assert np.isnan(window.acc[:, 1]).all()
    assert window.acc[0, 4, 1] < -8
    gone = np.isnan(window.gyro[:, 2]).any(1)
    assert 0 < gone.sum() < 1000
    assert not gone[:300].any()
    assert np.isfinite(window.acc[:300, 2:]).all()


def test_a_sensor_that_slips_sits_elsewhere_afterwards() -> None:
    glue = Glue(shift=0, tilt=0, loose=0, dropouts=0, moved={"philtrum": (0.4, 0.0)}, moved_at=1.0)
    worn = wearer(glue)
    rest = np.zeros((1, 52))
    away = np.linalg.norm(worn.after.at(rest)[0] - worn.before.at(rest)[0], axis=-1)[0]
    assert away[0] == pytest.approx(0.004, abs=0.0015)
    assert (away[1:] == 0).all()
    window = sample(worn, REST, held(), 2, 100, np.random.default_rng(0), ideal=True).window
    assert not np.allclose(window.acc[50, 1], window.acc[150, 1], atol=0.05)


def test_the_same_seed_gives_the_same_samples() -> None:
    one, other = (
        sample(wearer(Glue()), REST, head_motion(np.random.default_rng(4), 5), 5, 100, np.random.default_rng(5)).window
        for _ in range(2)
    )
    np.testing.assert_array_equal(one.acc, other.acc)
    np.testing.assert_array_equal(one.t_ns, other.t_ns)


def test_every_coefficient_that_is_said_to_move_skin_does() -> None:
    """Somewhere among the places of the largest layout or beside them: by 4 degrees or 1 mm."""
    moved = motion(Head(np.zeros(1, np.float32)), [patch(place) for place in layout("imu18").places])
    position, frame = moved.at(np.eye(52))
    rest, neutral = moved.at(np.zeros((1, 52)))
    cosine = (np.einsum("csij,sij->cs", frame, neutral[0]) - 1) / 2
    angle = np.degrees(np.arccos(np.clip(cosine, -1, 1))).max(1)
    way = np.linalg.norm(position - rest, axis=2).max(1) * 1000
    for k in skin_moving():
        assert angle[k] > 4 or way[k] > 1, ARKIT52.names[k]
    assert way[ARKIT52.index("tongueOut")] == 0
    assert len(skin_moving()) == 43
