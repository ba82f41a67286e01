"""Heads that are not human, and what is built like one: animals, toys, and fronts of houses and machines."""

from __future__ import annotations

import math

import numpy as np

from training.props.palette import BONE, DARK, F32, FURS, WHITE, arc, paint, skin_tone
from training.props.relief import Relief


def animal(rng: np.random.Generator, stage: Relief) -> bool:
    """A head with two eyes and a muzzle or a beak."""
    fur, other = (FURS[rng.integers(len(FURS))] * rng.uniform(0.7, 1.3) for _ in range(2))
    wide, high = rng.uniform(0.6, 0.9), rng.uniform(0.6, 0.9)
    if rng.random() < 0.6:  # a body
        stage.ball((rng.normal(0, 0.15), 1.3), (rng.uniform(0.6, 1.1), rng.uniform(0.7, 1.1)), fur, z=-0.5)
    ears = rng.choice(["pointed", "round", "floppy", "long", "none"], p=[0.3, 0.25, 0.2, 0.1, 0.15])
    apart, inner = rng.uniform(0.35, 0.7), other if rng.random() < 0.5 else skin_tone(rng)
    for side in (-1, 1):
        root = (side * wide * apart, -high * 0.75)
        if ears == "pointed":
            tip = (side * wide * rng.uniform(0.7, 1.1), -high * rng.uniform(1.2, 1.6))
            stage.rod(root, tip, (0.3, 0.03), fur, z=-0.2)
            stage.rod(root, tip, (0.17, 0.01), inner, z=-0.03)
        elif ears == "round":
            size = rng.uniform(0.2, 0.35)
            stage.ball(root, (size, size), fur, z=-0.1, depth=0.1)
            stage.ball(root, (size * 0.6, size * 0.6), inner, z=0.0, depth=0.05)
        elif ears == "floppy":
            end = (side * wide * rng.uniform(1.0, 1.3), high * rng.uniform(0.0, 0.7))
            stage.rod(root, end, (0.15, 0.27), other, z=0.0)
        elif ears == "long":
            stage.rod(root, (side * rng.uniform(0.1, 0.6), -high * 2.1), (0.15, 0.13), fur, z=-0.1)
    stage.ball((0, 0), (wide, high), fur, depth=rng.uniform(0.5, 0.8), power=rng.uniform(1.9, 2.6))
    for _ in range(rng.integers(0, 6)):
        x, y = rng.uniform(-wide, wide), rng.uniform(-high, high)
        for side in (-1, 1) if rng.random() < 0.6 else (1,):
            stage.spot((side * x, y), tuple(rng.uniform(0.08, 0.4, 2)), other, turn=side * rng.uniform(-1, 1), soft=0.3)
    stage.grain(rng, rng.uniform(0.1, 0.5), 0.02, rng.uniform(2, 8))
    mouth = rng.uniform(0.25, 0.5)
    if rng.random() < 0.2:
        _beak(rng, stage, mouth)
    else:
        _muzzle(rng, stage, mouth, fur, other)
    _eyes(rng, stage, rng.uniform(0.22, 0.5), mouth - rng.uniform(0.3, 0.6), rng.uniform(0.06, 0.18), fur)
    return False


def _muzzle(rng: np.random.Generator, stage: Relief, y: float, fur: F32, other: F32) -> None:
    long = rng.uniform(0.1, 0.6)
    across, down = rng.uniform(0.22, 0.45), rng.uniform(0.18, 0.4)
    stage.ball((0, y), (across, down), other if rng.random() < 0.6 else fur, z=0.35, depth=long)
    nose = (rng.uniform(0.06, 0.2), rng.uniform(0.05, 0.14))
    tip = y - down * rng.uniform(0.2, 0.6)
    dark = DARK * 2 if rng.random() < 0.7 else skin_tone(rng) * 0.6
    if rng.random() < 0.15:  # a snout
        stage.ball((0, y), (across * 0.7, down * 0.7), skin_tone(rng), z=0.5, depth=long, power=3)
        for side in (-1, 1):
            stage.spot((side * across * 0.3, y), (0.06, 0.09), dark, dent=0.1)
        return
    stage.ball((0, tip), nose, dark, z=0.3 + long, depth=0.1, gloss=0.4)
    stage.line([(0, tip), (0, y + down * 0.4)], 0.02, DARK, dent=0.03)
    smile = rng.uniform(0.3, 1.0) * across
    for side in (-1, 1):
        bow = arc((side * smile / 2, y + down * 0.4), (smile / 2, down * 0.35), 0, math.pi)
        stage.line(bow, 0.02, DARK, dent=0.03)
    if rng.random() < 0.25:
        stage.ball((0, y + down * 0.8), (0.1, 0.2), (0.5, 0.12, 0.12), z=0.3, depth=0.2, gloss=0.2)
    if rng.random() < 0.5:
        for side in (-1, 1):
            for _ in range(3):
                start = (side * across * 0.6, y + rng.normal(0, 0.05))
                stage.line([start, (side * rng.uniform(0.7, 1.1), y + rng.normal(0, 0.2))], 0.008, WHITE, amount=0.7)


def _beak(rng: np.random.Generator, stage: Relief, y: float) -> None:
    colour, wide, long = (
        (0.5, 0.3, 0.03) if rng.random() < 0.6 else DARK * 4,
        rng.uniform(0.1, 0.25),
        rng.uniform(0.1, 0.4),
    )
    if rng.random() < 0.7:  # an owl's discs
        for side in (-1, 1):
            stage.spot((side * 0.36, y - 0.4), (0.36, 0.4), BONE * rng.uniform(0.4, 1.2), soft=0.3, dent=0.1)
    stage.rod((0, y - 0.15), (0, y + long), (wide, 0.03), colour, z=0.55, rise=0.1, gloss=0.2)


def _eyes(rng: np.random.Generator, stage: Relief, x: float, y: float, size: float, lid: F32) -> None:
    """A pair of an animal's or a toy's eyes, sometimes only one to be seen."""
    iris = paint(rng, 0.2) if rng.random() < 0.5 else DARK * rng.uniform(1, 8)
    slit = rng.choice(["round", "slit", "bar"], p=[0.7, 0.2, 0.1])
    pupil = {"round": (0.55, 0.55), "slit": (0.18, 0.8), "bar": (0.8, 0.25)}[slit]
    shut = rng.random() < 0.1
    for side in (-1, 1):
        place = (side * x, y)
        if shut:
            stage.line(arc(place, (size, size * 0.6), 0.2, math.pi - 0.2), 0.03, DARK, dent=0.05)
            continue
        stage.spot(place, (size * 1.35, size * 1.25), lid * 0.5, soft=0.4, dent=size * 0.4)
        if rng.random() < 0.4:
            stage.spot(place, (size * 1.25, size), WHITE, gloss=0.2)
        stage.spot(place, (size, size), iris, gloss=0.5, dent=-size * 0.4)
        stage.spot(place, (size * pupil[0], size * pupil[1]), DARK, gloss=0.8)
        stage.spot((place[0] - size * 0.3, y - size * 0.3), (size * 0.2,) * 2, WHITE * 1.5)


def toy(rng: np.random.Generator, stage: Relief) -> bool:
    """Dolls of cloth, robots, snowmen, lanterns, smileys and drawn heads."""
    flat = bool(rng.random() < 0.45)
    body = paint(rng, 0.3) if rng.random() < 0.7 else WHITE * rng.uniform(0.6, 1)
    ink, power = DARK * rng.uniform(1, 4), float(rng.choice((2.0, 2.0, 3.5, 8.0)))
    gloss = rng.uniform(0, 0.5)
    if rng.random() < 0.4:
        stage.ball((0, 1.3), (rng.uniform(0.5, 1.0), 0.8), paint(rng), z=-0.6, power=power, gloss=gloss)
    stage.ball((0, 0), (rng.uniform(0.65, 0.95), rng.uniform(0.65, 0.95)), body, depth=0.6, power=power, gloss=gloss)
    if rng.random() < 0.3:  # hat or hair of one piece
        stage.ball((0, -0.75), (rng.uniform(0.5, 1), rng.uniform(0.2, 0.5)), paint(rng), z=0.25, power=power)
    if power > 4 and rng.random() < 0.6:
        for side in (-1, 1):
            stage.rod((side * 0.3, -0.9), (side * 0.4, -1.4), (0.04, 0.04), ink, z=-0.1)
    if rng.random() < 0.4:
        stage.grain(rng, rng.uniform(0.1, 0.4), 0.01, rng.uniform(1, 4))
    x, y, size = rng.uniform(0.2, 0.42), rng.uniform(-0.35, 0.0), rng.uniform(0.06, 0.24)
    kind = rng.choice(["dots", "buttons", "crosses", "eyes", "holes"])
    for side in (-1, 1):
        place = (side * x, y)
        if kind == "dots":
            stage.spot(place, (size * rng.uniform(0.4, 0.9), size), ink, power=float(rng.choice((2, 6))))
        elif kind == "buttons":
            stage.ball(place, (size, size), paint(rng), z=0.55, depth=0.1, gloss=0.4)
            for hole in (-1, 1):
                stage.spot((place[0] + hole * size * 0.3, y), (size * 0.12,) * 2, ink)
        elif kind == "crosses":
            for way in (-1, 1):
                stage.line([(place[0] - size, y - way * size), (place[0] + size, y + way * size)], 0.04, ink)
        elif kind == "holes":
            stage.spot(
                place, (size, size * rng.uniform(0.5, 1.2)), (0.4, 0.25, 0.05) if rng.random() < 0.3 else ink, dent=0.3
            )
    if kind == "eyes":
        _eyes(rng, stage, x, y, size, body)
    down = rng.uniform(0.3, 0.55)
    if rng.random() < 0.5:
        stage.ball((0, rng.uniform(0, 0.2)), tuple(rng.uniform(0.04, 0.15, 2)), paint(rng), z=0.55, depth=0.2)
    mouth, bend = rng.uniform(0.1, 0.45), rng.uniform(-0.2, 0.3)
    if rng.random() < 0.7:
        bow = [(float(t) * mouth, down - bend * float(t) ** 2) for t in np.linspace(-1, 1, 9)]
        stage.line(bow, rng.uniform(0.02, 0.06), ink if rng.random() < 0.6 else (0.5, 0.03, 0.03))
    else:
        stage.spot((0, down), (mouth, rng.uniform(0.04, 0.2)), ink, power=float(rng.choice((2, 8))), dent=0.1)
        if rng.random() < 0.4:  # a grille
            for t in np.linspace(-0.8, 0.8, 5):
                stage.line([(t * mouth, down - 0.1), (t * mouth, down + 0.1)], 0.02, WHITE)
    return flat


def front(rng: np.random.Generator, stage: Relief) -> bool:
    """Fronts of houses, cars, cupboards and machines: two alike above, one below."""
    colour, other, glass = paint(rng), paint(rng), paint(rng) * 0.3
    wide, high = rng.uniform(0.6, 1.0), rng.uniform(0.5, 1.0)
    power = float(rng.choice((4, 8, 12)))
    if rng.random() < 0.4:  # a roof or a cabin
        stage.rod((0, -high * 0.6), (0, -high * 1.3), (wide * 0.9, wide * rng.uniform(0.1, 0.7)), other, z=-0.8)
    stage.ball((0, 0), (wide, high), colour, depth=0.3, power=power, gloss=rng.uniform(0, 0.4))
    if rng.random() < 0.5:
        stage.grain(rng, rng.uniform(0.1, 0.4), 0.01, rng.uniform(1, 6))
    x, y = wide * rng.uniform(0.35, 0.65), -high * rng.uniform(0.0, 0.5)
    size = tuple(rng.uniform(0.08, 0.26, 2))
    form, lamp = float(rng.choice((2, 2, 8))), rng.random() < 0.4
    for side in (-1, 1):
        stage.spot((side * x, y), (size[0] * 1.25, size[1] * 1.25), other, power=form, dent=-0.04)
        stage.spot((side * x, y), size, WHITE * 1.3 if lamp else glass, power=form, dent=0.05, gloss=0.6)
        if form > 4 and rng.random() < 0.6:
            stage.line([(side * x, y - size[1]), (side * x, y + size[1])], 0.02, other)
            stage.line([(side * x - size[0], y), (side * x + size[0], y)], 0.02, other)
    down, across = high * rng.uniform(0.35, 0.7), rng.uniform(0.1, 0.6) * wide
    stage.spot((0, down), (across, rng.uniform(0.05, 0.3)), glass, power=float(rng.choice((2, 8))), dent=0.1, gloss=0.3)
    for t in np.linspace(-1, 1, rng.integers(2, 9)):
        stage.line([(t * across, down - 0.2), (t * across, down + 0.2)], 0.015, other, amount=0.8)
    if rng.random() < 0.3:
        stage.ball((0, high * 0.1), (0.08, 0.08), other, z=0.3, gloss=0.5)
    return False
