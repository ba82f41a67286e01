"""Round things: plates, clocks, sockets, balls, fruit, wheels, buttons and biscuits."""

from __future__ import annotations

import math

import numpy as np

from training.props.palette import DARK, WHITE, arc, paint
from training.props.relief import Relief


def round_thing(rng: np.random.Generator, stage: Relief) -> bool:
    """Plates, clocks, sockets, balls, fruit, wheels, buttons and lamps."""
    colour, other = paint(rng), paint(rng)
    form = rng.choice(["plate", "clock", "socket", "ball", "fruit", "wheel", "button", "biscuit"])
    gloss = rng.uniform(0, 0.6)
    if form in ("ball", "fruit"):
        stage.ball((0, 0), (0.9, rng.uniform(0.8, 1.0)), colour, depth=0.9, gloss=gloss)
        if form == "fruit":
            stage.grain(rng, rng.uniform(0.1, 0.5), 0.01, rng.uniform(1, 3))
            stage.spot((rng.normal(0, 0.2), -0.6), (0.2, 0.12), colour * 0.4, soft=0.5, dent=0.2)
            stage.rod((0, -0.65), (rng.normal(0, 0.1), -1.1), (0.04, 0.05), (0.1, 0.06, 0.02), z=0.5)
        for _ in range(rng.integers(0, 9)):
            stage.spot(
                tuple(rng.uniform(-0.7, 0.7, 2)), (rng.uniform(0.05, 0.25),) * 2, other, power=float(rng.choice((1, 2)))
            )
        if rng.random() < 0.4:
            for _ in range(rng.integers(1, 4)):
                x, bend = rng.uniform(-0.5, 0.5), rng.uniform(-0.5, 0.5)
                stage.line([(x + bend * t * t, t) for t in np.linspace(-0.9, 0.9, 9)], 0.03, DARK, dent=0.04)
        return False
    square = form == "socket" and rng.random() < 0.7
    stage.ball((0, 0), (0.95, 0.95), colour, depth=0.15, power=6.0 if square else 2.0, gloss=gloss)
    stage.ball((0, 0), (0.94, 0.94), colour, z=0.03, depth=0.04, power=6.0 if square else 2.0, gloss=gloss)
    if form == "plate":
        for radius in np.sort(rng.uniform(0.4, 0.9, rng.integers(1, 4))):
            stage.line(arc((0, 0), (radius, radius), 0, 2 * math.pi), 0.03, other, dent=float(rng.normal(0, 0.04)))
        for _ in range(rng.integers(0, 5)):
            stage.ball(tuple(rng.uniform(-0.4, 0.4, 2)), tuple(rng.uniform(0.1, 0.3, 2)), paint(rng), z=0.1, gloss=0.2)
    elif form == "clock":
        stage.spot((0, 0), (0.8, 0.8), WHITE if rng.random() < 0.6 else DARK)
        ink = other if rng.random() < 0.5 else DARK * 3
        for k in range(12):
            c, s = math.cos(k * math.pi / 6), math.sin(k * math.pi / 6)
            stage.line([(0.62 * c, 0.62 * s), (0.74 * c, 0.74 * s)], 0.03, ink)
        for long, wide in ((0.4, 0.05), (0.65, 0.03)):
            angle = rng.uniform(0, 2 * math.pi)
            stage.line([(0, 0), (long * math.cos(angle), long * math.sin(angle))], wide, ink, dent=-0.03)
    elif form in ("socket", "button"):
        holes = int(rng.integers(2, 5))
        stage.spot((0, 0), (0.6, 0.6), colour * rng.uniform(0.6, 1), dent=rng.uniform(0, 0.3))
        for k in range(holes):
            angle = 2 * math.pi * k / holes + (math.pi / 6 if holes == 3 else 0)
            place = (0.27 * math.cos(angle), -0.27 * math.sin(angle))
            stage.spot(place, tuple(rng.uniform(0.05, 0.12, 2)), DARK, power=float(rng.choice((2, 8))), dent=0.1)
    elif form == "wheel":
        stage.spot((0, 0), (0.68, 0.68), other, dent=0.1, gloss=0.5)
        for angle in np.arange(0, 2 * math.pi, 2 * math.pi / rng.integers(3, 9)):
            stage.line([(0, 0), (0.66 * math.cos(angle), 0.66 * math.sin(angle))], 0.07, WHITE * 0.6, dent=-0.1)
        stage.spot((0, 0), (0.15, 0.15), DARK * 3, dent=-0.1)
    else:
        stage.grain(rng, 0.4, 0.05)
        for _ in range(rng.integers(3, 12)):
            stage.spot(
                tuple(rng.uniform(-0.65, 0.65, 2)), (rng.uniform(0.05, 0.15),) * 2, other, dent=rng.normal(0, 0.08)
            )
    return False
