"""Transfer: how much of a driver a portrait takes over, and what it does while there is no driver."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from mien.errors import InputError
from mien.layouts import ARKIT52
from mien.portrait.fit import Fit, turn_about
from mien.portrait.mesh import gaze_of
from mien.portrait.motion import TRUST, Motion, gaze_in_head, neck_shift, place_between
from mien.types import F32, FaceState

MODES = ("both", "pose", "expression")
HOLD_NS, EASE_NS = 2_000_000_000, 700_000_000  # a lost driver is held for so long, then the portrait goes to rest
# Makes up for the restraint of the default face network, which answers with the mean of what it takes for possible: it
# then reads r 0.64 with the driver from the portrait instead of 0.59, for 0.01 dB of distance from the truth.
READ_GAIN = 1.3
_FARTHEST = math.radians(40)  # that a head turns away from the source; beyond, the picture shows too little of it
_MOST_PLACE = np.array([5.0, 5.0, 12.0], np.float32)  # cm that it leaves its place


def _region(name: str) -> str:
    if name.startswith("brow"):
        return "brows"
    if name.startswith("eye"):
        return "eyes"
    if name.startswith("jaw"):
        return "jaw"
    return "mouth" if name.startswith(("mouth", "tongue")) else "cheeks"


REGIONS = ("brows", "eyes", "cheeks", "mouth", "jaw", "gaze", "head", "place")
_COLUMN = np.array([REGIONS.index(_region(name)) for name in ARKIT52.names])
_GAZE_NAMES = np.array([name.startswith("eyeLook") for name in ARKIT52.names])


@dataclass(frozen=True)
class Transfer:
    """What a portrait takes from its driver.

    Attributes:
        mode: ``"both"``, ``"pose"`` (head and place only) or ``"expression"`` (coefficients and gaze only).
        relative: True: the driver's change since its reference state is added to what the source does, so that an
            identity's or a network's offsets do not matter. False: the portrait takes the driver's own values.
        strength: region -> 0..2; brows, eyes, cheeks (and nose), mouth, jaw, gaze, head (rotation), place (of the head
            before the camera; with `relative` only). Regions left out: 1.

    Raises:
        InputError: ``portrait.transfer``; no such mode or region, or a strength outside.
    """

    mode: str = "both"
    relative: bool = True
    strength: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise InputError("portrait.transfer", f"There is no mode {self.mode!r}.", f"There are: {', '.join(MODES)}.")
        for region, value in self.strength.items():
            if region not in REGIONS or not 0 <= value <= 2:
                raise InputError(
                    "portrait.transfer",
                    f"strength[{region!r}] is {value!r}.",
                    f"Give 0..2 for: {', '.join(REGIONS)}.",
                )

    def of(self, region: str) -> float:
        """The strength of a region in this mode."""
        pose = region in ("head", "place")
        if (self.mode == "pose" and not pose) or (self.mode == "expression" and pose):
            return 0.0
        return float(self.strength.get(region, 1.0))

    def motion(self, fit: Fit, state: FaceState, reference: FaceState | None, gain: float = 1.0) -> Motion:
        """What the portrait does.

        Args:
            state: a driver with a face. reference: the same driver doing what the source does, such as nothing; needed
                for `relative`.
            gain: of the coefficients' and the gaze's changes, beside the strengths.
        """
        turn, coefficients, gaze = _read(state, fit.coefficients)
        place = None
        if self.relative and reference is not None:
            first, before, look = _read(reference, fit.coefficients)
            change, look_change = coefficients - before, gaze - look
            spin = None if turn is None or first is None else turn @ first.T
            if state.head is not None and reference.head is not None:
                place = place_between(reference.head, state.head)
        else:
            change, look_change = coefficients - fit.coefficients, gaze - fit.gaze
            spin = None if turn is None else turn @ fit.seen.T
        gains = np.array([self.of(region) for region in REGIONS], np.float32)
        moved = np.clip(fit.coefficients + gain * gains[_COLUMN] * change, 0, 1)
        rotation = scaled_turn(spin, self.of("head")) @ fit.placed.rotation
        amount = self.of("place")
        if place is not None and amount > 0:
            neck = neck_shift(fit.placed.rotation, rotation)
            place = np.clip(neck + amount * TRUST * (place - neck), -_MOST_PLACE, _MOST_PLACE)
        else:
            place = None
        return Motion(rotation, moved.astype(np.float32), fit.gaze + gain * self.of("gaze") * look_change, place)


def _read(state: FaceState, otherwise: F32) -> tuple[F32 | None, F32, F32]:
    """A driver's rotation, coefficients and gaze; what it does not know of its coefficients is as `otherwise`."""
    known = state if state.layout is ARKIT52 else state.to(ARKIT52)
    coefficients = np.where(known.valid, known.values, otherwise).astype(np.float32)
    if state.head is None:
        return None, coefficients, gaze_of(coefficients)
    turn = state.head.matrix()[:3, :3].astype(np.float32)
    return turn, coefficients, gaze_of(coefficients) if state.gaze is None else gaze_in_head(state.gaze, turn)


def scaled_turn(spin: F32 | None, share: float) -> F32:
    """A share of a rotation about its own axis, held within `_FARTHEST`; None is no rotation."""
    if spin is None or share == 0:
        return np.eye(3, dtype=np.float32)
    axis = np.array([spin[2, 1] - spin[1, 2], spin[0, 2] - spin[2, 0], spin[1, 0] - spin[0, 1]], np.float64)
    length = float(np.linalg.norm(axis))
    angle = math.atan2(length, float(np.trace(spin)) - 1)
    if length < 1e-9:
        return np.eye(3, dtype=np.float32)
    return turn_about(axis / length, float(np.clip(angle * share, -_FARTHEST, _FARTHEST))).astype(np.float32)


class Driver:
    """What one stream of drivers' states makes a portrait do; holds a lost driver, then lets the portrait rest.

    Args:
        fit: the portrait.
    """

    def __init__(self, fit: Fit, transfer: Transfer) -> None:
        self._fit, self.transfer = fit, transfer
        self.reference: FaceState | None = None
        self._last: Motion | None = None
        self._seen_ns = 0

    def rest(self) -> Motion:
        """What the source does by itself."""
        fit = self._fit
        return Motion(fit.placed.rotation, fit.coefficients, fit.gaze)

    def follow(self, state: FaceState | None, t_ns: int, gain: float = 1.0) -> Motion:
        """The portrait's motion under a state, or without one at time `t_ns`. `gain` as in `Transfer.motion`."""
        if state is not None and state.found:
            if self.reference is None:
                self.reference = state
            self._last, self._seen_ns = self.transfer.motion(self._fit, state, self.reference, gain), t_ns
            return self._last
        rest = self.rest()
        if self._last is None:
            return rest
        along = min(max((t_ns - self._seen_ns - HOLD_NS) / EASE_NS, 0.0), 1.0)
        return _between(self._last, rest, along * along * (3 - 2 * along))


def _between(one: Motion, other: Motion, share: float) -> Motion:
    """Part of the way from one motion to another."""
    if share in (0.0, 1.0):
        return other if share else one
    place = neck_shift(other.rotation, one.rotation) if one.place is None else one.place
    return Motion(
        scaled_turn(other.rotation @ one.rotation.T, share) @ one.rotation,
        one.coefficients + np.float32(share) * (other.coefficients - one.coefficients),
        one.gaze + np.float32(share) * (other.gaze - one.gaze),
        np.float32(1 - share) * place,
    )
