"""What sensors at some places tell of the coefficients, measured: simulated wearers, the native preparation, a ridge.

A layout's figure is the mean Pearson r over the coefficients that move skin and over people whom the ridge has not
seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
from mien import _native
from mien.kinematics import quaternions

from training.imu_data import STEP_RATE, acted, prepared, rested, truth_at
from training.models.imu import OF_HEAD, PER_SENSOR
from training.performer.head import Head, random_identity
from training.performer.head_motion import head_motion
from training.performer.imu import Glue, Wearer, sample
from training.performer.imu_layout import HEAD_POSITION, SIZES
from training.performer.patches import Place, motion, patch

F64 = npt.NDArray[np.float64]
Unit = tuple[int, ...]  # places that are taken together

APART = 1.2  # cm between two sensors
_PEOPLE, _HELD_OUT, _SECONDS = 120, 40, 90.0
_BEGIN, _EVERY = 300, 7  # steps: behind the calibration, and neighbours say the same
_PENALTY = 300.0
_STILL = 0.01  # spread of a coefficient below which a person says nothing of it


@dataclass(frozen=True, eq=False)
class Information:
    """Second moments of features and truth: of the people to learn from, and of each one that was held out."""

    xx: F64
    xy: F64
    tests: tuple[tuple[F64, F64, F64, npt.NDArray[np.bool_]], ...]

    def r(self, places: Sequence[int]) -> float:
        """Mean r of a ridge on these places and the head's sensor."""
        sensors = (len(self.xx) - OF_HEAD) // PER_SENSOR
        parts = [np.arange(PER_SENSOR * k, PER_SENSOR * (k + 1)) for k in sorted(places)]
        k = np.concatenate([*parts, np.arange(sensors * PER_SENSOR, len(self.xx))])
        weights = np.linalg.solve(self.xx[np.ix_(k, k)] + _PENALTY * np.eye(len(k)), self.xy[k])
        each = []
        for xx, xy, yy, moves in self.tests:
            said = np.einsum("ij,ij->j", weights, xx[np.ix_(k, k)] @ weights)
            both = np.einsum("ij,ij->j", weights, xy[k])
            each.append(np.where(moves, both / np.sqrt(np.maximum(said * yy, 1e-12)), np.nan))
        figures = np.stack(each)
        return float(np.nanmean(figures[:, ~np.isnan(figures).all(0)], axis=0).mean())


def measured(places: Sequence[Place], seed: int) -> Information:
    """Simulates the people who wear sensors at all these places, 31 at most."""
    with ProcessPoolExecutor() as pool:
        people = list(pool.map(_person, [(list(places), (seed, 77, k)) for k in range(_PEOPLE)]))
    train, held_out = people[_HELD_OUT:], people[:_HELD_OUT]
    x = np.concatenate([features for features, _ in train])
    middle, spread = x.mean(0), x.std(0) + 1e-6
    x = (x - middle) / spread
    y = np.concatenate([truth for _, truth in train])
    tests = []
    for features, truth in held_out:
        z, t = (features - middle) / spread, truth - truth.mean(0)
        z -= z.mean(0)
        tests.append((z.T @ z, z.T @ t, np.square(t).sum(0), truth.std(0) >= _STILL))
    return Information(x.T @ x, x.T @ (y - y.mean(0)), tuple(tests))


def _person(job: tuple[list[Place], tuple[int, ...]]) -> tuple[F64, F64]:
    """Features (T, S * 12 + 6) and truth (T, 43) of one person."""
    places, seed = job
    rng = np.random.default_rng(seed)
    named = [Place(f"s{k}", place.vertices, place.weights) for k, place in enumerate(places)]
    average = motion(Head(np.zeros(1, np.float32)), [patch(place) for place in named]).at(np.zeros((1, 52)))
    where = np.concatenate([[HEAD_POSITION], average[0][0]]).astype(np.float32)
    tool = _native.Imu(where, quaternions(np.concatenate([np.eye(3)[None], average[1][0]])), STEP_RATE)
    face = rested(acted(rng, _SECONDS, "train"))
    worn = Wearer(Head(random_identity(rng)), named, Glue(loose=0, dropouts=0), rng)
    head = head_motion(rng, _SECONDS, float(rng.random()), bool(rng.random() < 0.15))
    when, features = prepared(sample(worn, face, head, _SECONDS, STEP_RATE, rng).window, tool)
    rows = np.arange(_BEGIN, len(features), _EVERY)
    kept = np.delete(features[rows], np.s_[PER_SENSOR * len(places) : -OF_HEAD], axis=1)
    return kept.astype(np.float64), truth_at(face, when[rows] / 1e9 - 0.5 / STEP_RATE).astype(np.float64)


def search(information: Information, units: Sequence[Unit], centres: F64) -> dict[int, list[int]]:
    """Size of a layout -> its places, nested.

    The middle size is a local optimum: from the best that units one by one make, one is exchanged for another, or a
    pair for two on the midline, as long as it helps. The smallest is its best part, the largest adds the best to it.
    """
    small, middle, large = SIZES

    def places(chosen: Sequence[Unit]) -> list[int]:
        return [row for unit in chosen for row in unit]

    def fits(chosen: Sequence[Unit]) -> bool:
        rows = places(chosen)
        return all(np.linalg.norm(centres[a] - centres[b]) >= APART for a, b in combinations(rows, 2))

    def grown(chosen: list[Unit], size: int) -> list[Unit]:
        while (room := size - len(places(chosen))) > 0:
            options = [[*chosen, u] for u in units if u not in chosen and len(u) <= room and fits([*chosen, u])]
            even = [o for o in options if room - len(o[-1]) != 1]  # one place that is left may find nobody to take it
            so_far = information.r(places(chosen)) if chosen else 0.0
            chosen = max(even or options, key=lambda o: (information.r(places(o)) - so_far) / len(o[-1]))
        return chosen

    now = grown([], middle)
    value = information.r(places(now))
    while True:
        others = [o for o in _exchanged(now, units) if fits(o)]
        best = max(others, key=lambda o: information.r(places(o)))
        if information.r(places(best)) <= value + 1e-4:
            break
        now, value = best, information.r(places(best))
    parts = [list(p) for n in range(1, len(now)) for p in combinations(now, n) if len(places(p)) == small]
    first = max(parts, key=lambda p: information.r(places(p)))
    now = [*first, *(unit for unit in now if unit not in first)]
    return {small: places(first), middle: places(now), large: places(grown(now, large))}


def _exchanged(chosen: Sequence[Unit], units: Sequence[Unit]) -> list[list[Unit]]:
    """Everything that is one exchange away and has as many places."""
    free = [unit for unit in units if unit not in chosen]
    singles, lone = [u for u in chosen if len(u) == 1], [u for u in free if len(u) == 1]
    out = [[*(u for u in chosen if u != old), new] for old in chosen for new in free if len(new) == len(old)]
    for pair in (u for u in free if len(u) == 2):
        out += [[*(u for u in chosen if u not in two), pair] for two in combinations(singles, 2)]
    for pair in (u for u in chosen if len(u) == 2):
        out += [[*(u for u in chosen if u != pair), *two] for two in combinations(lone, 2)]
    return out
