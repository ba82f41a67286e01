"""Simulated sensors on the average face: `sim:imu12?seconds=20&seed=1`. To try things out before anything is soldered.

The wearer holds still for 2.5 s, then makes expressions one after the other while the head moves a little. What the
sensors read has the noise and bias of a good part. The truth is known: `truth`.
"""

from __future__ import annotations

from urllib.parse import parse_qsl

import numpy as np
import numpy.typing as npt

from mien.errors import SourceError
from mien.imu_packet import FACE
from mien.kinematics import Curve, axes, rate, turns
from mien.layouts import ARKIT52
from mien.sources.base import Source
from mien.types import F32, ImuWindow

F64 = npt.NDArray[np.float64]

_SETTINGS = {"seconds": (20.0, 1.0, 864_000.0), "seed": (1.0, 0.0, 2.0**31), "rate": (100.0, 50.0, 400.0)}
_SIZES = (6, 12, 18)
_STILL = 2.5
_PERIOD = 1.6  # seconds of an expression with its rest
_GRAVITY = 9.80665
_HEAD = (0.0, 0.105, 0.092)  # where the head's sensor sits, metres
_STEP = 2e-3
_BLOCK = 2000  # rows that are simulated at once
_ACC_NOISE, _GYRO_NOISE, _GYRO_BIAS = 0.014, 0.0019, 0.01  # m/s^2, rad/s; of a part at 100 Hz
_MOVES = (
    ("jawOpen",), ("mouthSmileLeft", "mouthSmileRight"), ("browInnerUp", "browOuterUpLeft", "browOuterUpRight"),
    ("mouthPucker",), ("browDownLeft", "browDownRight"), ("mouthSmileLeft",), ("cheekPuff",), ("mouthSmileRight",),
    ("noseSneerLeft", "noseSneerRight"), ("mouthFrownLeft", "mouthFrownRight"), ("jawLeft",), ("jawRight",),
    ("eyeBlinkLeft", "eyeBlinkRight"), ("mouthFunnel", "jawOpen"), ("mouthStretchLeft", "mouthStretchRight"),
    ("mouthUpperUpLeft", "mouthUpperUpRight"), ("mouthLowerDownLeft", "mouthLowerDownRight"),
)  # fmt: skip


class Simulator(Source):
    """Windows of one row.

    Raises:
        SourceError: ``source.setting``, an unknown layout or setting.
    """

    continuous = True

    def __init__(self, address: str) -> None:
        layout, _, query = address.removeprefix("sim:").partition("?")
        given = dict(parse_qsl(query))
        if layout not in [f"imu{size}" for size in _SIZES] or not set(given) <= set(_SETTINGS):
            raise SourceError(
                "source.setting", f"There is no simulator {address!r}.", "Give sim:imu12?seconds=20&seed=1&rate=100."
            )
        values = {name: _number(name, given) for name in _SETTINGS}
        with np.load(FACE, allow_pickle=False) as face:
            count = int(layout.removeprefix("imu"))
            self.sensors = ("head", *(str(name) for name in face["names"][:count]))
            self._rest = face["rest"][:count].astype(np.float64)
            self._shapes = face["shapes"][:, :count].astype(np.float64)
        self._rate = values["rate"]
        self._rows = int(values["seconds"] * self._rate)
        self._rng = np.random.default_rng(int(values["seed"]))
        self._face = self._expressions(values["seconds"])
        self._head = self._turning(values["seconds"])
        self._bias = self._rng.normal(0, _GYRO_BIAS, (count + 1, 3))
        self._done = 0
        self._block: ImuWindow | None = None

    @classmethod
    def accepts(cls, address: str) -> bool:
        return address.startswith("sim:")

    def length(self) -> int:
        return self._rows

    def truth(self, t_ns: npt.ArrayLike) -> F32:
        """The coefficients (T, 52) that the face has at these times (T,)."""
        return np.clip(self._face.at(np.asarray(t_ns, np.int64) / 1e9), 0, 1).astype(np.float32)

    def read(self) -> ImuWindow | None:
        if self._done >= self._rows:
            return None
        place = self._done % _BLOCK
        if self._block is None or place == 0:
            self._block = self._simulate(self._done, min(_BLOCK, self._rows - self._done))
        self._done += 1
        b = self._block
        return ImuWindow(b.t_ns[place : place + 1], b.acc[place : place + 1], b.gyro[place : place + 1], self.sensors)

    def _expressions(self, seconds: float) -> Curve:
        step = 0.1
        values = np.zeros((int(seconds / step) + 8, len(ARKIT52)))
        order: list[int] = []
        for begin in np.arange(_STILL + 0.3, seconds, _PERIOD):
            order = order or list(self._rng.permutation(len(_MOVES)))
            slots = [ARKIT52.index(name) for name in _MOVES[order.pop()]]
            first, last = int(begin / step), int((begin + self._rng.uniform(0.4, 0.9)) / step)
            values[first:last, slots] = self._rng.uniform(0.5, 1.0)
        return Curve(values, step)

    def _turning(self, seconds: float) -> Curve:
        step = 0.5
        count = int(seconds / step) + 8
        vectors = self._rng.normal(0, 1, (count, 3)) * np.array([0.08, 0.12, 0.04])
        return Curve(vectors * np.clip((np.arange(count) * step - _STILL - step) / 1.0, 0.01, 1)[:, None], step)

    def _simulate(self, first: int, count: int) -> ImuWindow:
        clock = (first + np.arange(count)) / self._rate
        times = (clock - _STEP, clock, clock + _STEP)
        points, frames = zip(*(self._posed(t) for t in times), strict=True)
        heads = [turns(self._head.at(t)) for t in times]
        early, late = rate(heads[0], heads[1], _STEP), rate(heads[1], heads[2], _STEP)
        omega, alpha = (early + late)[:, None] / 2, (late - early)[:, None] / _STEP
        velocity = (points[2] - points[0]) / (2 * _STEP)
        force = (points[2] - 2 * points[1] + points[0]) / _STEP**2 + np.cross(alpha, points[1])
        force = force + np.cross(omega, np.cross(omega, points[1])) + 2 * np.cross(omega, velocity)
        force = force + _GRAVITY * heads[1][:, 1][:, None]
        inward = np.swapaxes(frames[1], -1, -2)
        acc = np.einsum("tsij,tsj->tsi", inward, force)
        gyro = rate(frames[0], frames[2], 2 * _STEP) + np.einsum(
            "tsij,tsj->tsi", inward, np.broadcast_to(omega, force.shape)
        )
        acc += self._rng.normal(0, _ACC_NOISE, acc.shape)
        gyro += self._rng.normal(0, _GYRO_NOISE, gyro.shape) + self._bias
        return ImuWindow(np.round(clock * 1e9).astype(np.int64), _single(acc), _single(gyro), self.sensors)

    def _posed(self, clock: F64) -> tuple[F64, F64]:
        """Places (T, S, 3) and frames (T, S, 3, 3) of all sensors, the head's first."""
        flat = self._rest.reshape(1, -1) + self._face.at(clock) @ self._shapes.reshape(len(self._shapes), -1)
        parts = flat.reshape(len(clock), -1, 3, 3)
        head = np.broadcast_to(np.array(_HEAD), (len(clock), 1, 3))
        still = np.broadcast_to(np.eye(3), (len(clock), 1, 3, 3))
        return np.concatenate([head, parts[:, :, 0]], 1), np.concatenate(
            [still, axes(parts[:, :, 1], parts[:, :, 2])], 1
        )


def _single(values: F64) -> F32:
    return values.astype(np.float32)


def _number(name: str, given: dict[str, str]) -> float:
    default, low, high = _SETTINGS[name]
    try:
        value = float(given.get(name, default))
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise SourceError("source.setting", f"{name} is {given.get(name)!r}.", f"Give {low:g}..{high:g}.")
    return value
