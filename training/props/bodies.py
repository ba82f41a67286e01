"""What belongs to people and is not their face: ears, hands, bare skin, heads from behind."""

from __future__ import annotations

import math

import numpy as np

from training.props.palette import FURS, HAIRS, arc, paint, skin_tone
from training.props.relief import Relief


def ear(rng: np.random.Generator, stage: Relief) -> bool:
    """A human ear on the side of a head, near."""
    skin, side = skin_tone(rng), rng.choice((-1, 1))
    stage.ball((side * 0.9, 0.1), (1.9, 2.1), skin, z=-0.6, depth=0.5)
    stage.ball((side * 1.2, -1.3), (1.6, 1.2), FURS[rng.integers(HAIRS)], z=-0.4, depth=0.5)
    stage.ball((0, -0.15), (0.55, 0.8), skin * rng.uniform(0.9, 1.05), z=-0.05, depth=0.15, turn=side * 0.15)
    stage.ball((side * 0.1, 0.62), (0.28, 0.35), skin, z=0.0, depth=0.15)
    shade, hidden = skin * 0.75, skin * 0.35
    rim = [(side * -x, y) for x, y in arc((0.0, -0.2), (0.48, 0.7), -math.pi * 0.95, math.pi * 0.35)]
    stage.line(rim, 0.1, skin, dent=-0.12, amount=0.2)
    inner = [(side * -x, y) for x, y in arc((-0.03, -0.12), (0.3, 0.48), -math.pi * 0.7, math.pi * 0.4)]
    stage.line(inner, 0.09, shade, dent=-0.1, amount=0.4)
    stage.spot((side * 0.08, 0.1), (0.2, 0.28), hidden, soft=0.4, dent=0.2)
    stage.ball((side * 0.26, 0.12), (0.1, 0.14), skin, z=0.08, depth=0.08)
    stage.grain(rng, 0.1, 0.01)
    return False


def hand(rng: np.random.Generator, stage: Relief) -> bool:
    """A hand, its fingers spread, bent or shut."""
    skin = skin_tone(rng)
    stage.rod((0, 0.5), (rng.normal(0, 0.3), 2.2), (0.3, 0.36), skin, z=-0.1)
    stage.ball((0, 0.35), (0.46, 0.5), skin, depth=0.25, power=2.6)
    spread, bent = rng.uniform(0.0, 0.35), rng.random(4) < rng.uniform(0, 0.9)
    for k, (x, long) in enumerate(zip((-0.36, -0.12, 0.12, 0.35), (0.62, 0.75, 0.7, 0.5), strict=True)):
        way = (k - 1.5) * spread + rng.normal(0, 0.05)
        length = long * (rng.uniform(0.3, 0.5) if bent[k] else 1)
        knuckle = (x + length * 0.5 * math.sin(way), -0.05 - length * 0.5 * math.cos(way))
        tip = (x + length * math.sin(way * 1.2), -0.05 - length * math.cos(way))
        stage.rod((x, 0.0), knuckle, (0.13, 0.12), skin, z=0.1, rise=0.1 if bent[k] else 0.0)
        stage.rod(knuckle, tip, (0.12, 0.1), skin, z=0.2 if bent[k] else 0.1)
        stage.line([(knuckle[0] - 0.08, knuckle[1]), (knuckle[0] + 0.08, knuckle[1])], 0.02, skin * 0.6, dent=0.02)
        if rng.random() < 0.5:
            stage.spot((tip[0], tip[1] - 0.02), (0.06, 0.08), skin * 1.2 + 0.05, gloss=0.3)
    thumb = rng.uniform(0.2, 1.2)
    end = (-0.5 - 0.55 * math.sin(thumb), 0.3 - 0.55 * math.cos(thumb))
    stage.rod((-0.3, 0.5), end, (0.17, 0.12), skin, z=rng.uniform(0.0, 0.3))
    for _ in range(3):
        y = rng.uniform(0.1, 0.6)
        stage.line([(-0.3, y), (0.35, y + rng.normal(0, 0.2))], 0.02, skin * 0.7, dent=0.02)
    stage.grain(rng, 0.12, 0.01)
    return False


def skin(rng: np.random.Generator, stage: Relief) -> bool:
    """Bare skin and hair that are no face: limbs, bellies, heads from behind, heads without features."""
    tone = skin_tone(rng)
    form = rng.choice(["knee", "belly", "behind", "blank"])
    if form == "knee":
        bend = rng.uniform(-0.6, 0.6)
        stage.rod((0, -2), (0, 0), (0.5, 0.45), tone)
        stage.rod((0, 0), (bend, 2), (0.45, 0.36), tone)
        stage.ball((0, 0), (0.4, 0.45), tone * 1.03, z=0.25, depth=0.25)
        for _ in range(rng.integers(2, 5)):
            stage.spot(
                tuple(rng.uniform(-0.35, 0.35, 2)), tuple(rng.uniform(0.05, 0.25, 2)), tone * 0.7, soft=0.5, dent=0.05
            )
    elif form == "belly":
        stage.ball((0, 0), (0.95, 1.3), tone, depth=0.4, power=2.6)
        for side in (-1, 1):
            stage.spot((side * 0.4, -0.6), (0.08, 0.07), tone * (0.6, 0.4, 0.4), soft=0.3, dent=-0.03)
            stage.line(arc((side * 0.4, -0.6), (0.4, 0.3), 0.3, 2.8), 0.06, tone * 0.8, dent=0.05, amount=0.4)
        stage.spot((0, 0.5), (0.06, 0.09), tone * 0.3, soft=0.4, dent=0.1)
        stage.line([(0, -0.5), (0, 0.4)], 0.05, tone * 0.8, dent=0.04, amount=0.4)
    else:
        hair = FURS[rng.integers(HAIRS)]
        stage.rod((0, 0.4), (0, 1.3), (0.4, 0.45), tone, z=-0.3)
        stage.ball((0, 1.7), (1.5, 0.7), paint(rng), z=-0.2, depth=0.4)
        for side in (-1, 1):
            stage.ball((side * 0.62, 0.05), (0.12, 0.22), tone, z=-0.1)
        stage.ball((0, 0), (0.62, 0.8), tone, depth=0.5)
        high = 0.8 if form == "behind" else rng.uniform(0.2, 0.4)
        stage.ball((0, high - 0.9), (0.68, high), hair, z=0.12, depth=0.5)
    stage.grain(rng, rng.uniform(0.05, 0.3), 0.02, rng.uniform(1, 5))
    return False
