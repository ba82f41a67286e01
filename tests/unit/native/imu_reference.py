"""The IMU preparation in numpy and double precision: slow, without loops' tricks, as native/src/imu says in words."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]


def cells(t_ns: npt.NDArray[np.int64], values: F64, rate: float) -> tuple[F64, F64]:
    """Ends of the cells in seconds, and the mean of each column (T, C).

    A cell is what the integral has grown by: under straight lines between the rows that had come when the cell was
    completed, the last one held beyond its time.
    """
    clock = (t_ns - t_ns[0]) / 1e9
    spacing = np.zeros(len(clock))
    spacing[1] = clock[1]
    for i in range(2, len(clock)):
        spacing[i] = spacing[i - 1] + 0.1 * (min(clock[i] - clock[i - 1], 2 * spacing[i - 1]) - spacing[i - 1])
    reach = np.maximum.accumulate(clock + np.minimum(spacing, 1 / rate)) + 1e-7
    borders = (0.3 + np.arange(int(reach[-1] * rate) + 1)) / rate
    borders = borders[borders <= reach[-1]]
    grown = np.concatenate([np.zeros((1, values.shape[1])), _areas(clock, values)])
    at = np.stack([_integral(clock, values, grown, end, int(np.searchsorted(reach, end))) for end in borders])
    at[0] = _integral(clock, values, grown, borders[0], len(clock) - 1)
    return borders[1:], np.diff(at, axis=0) * rate


def _areas(clock: F64, values: F64) -> F64:
    return np.asarray(np.cumsum(np.diff(clock)[:, None] * (values[1:] + values[:-1]) / 2, axis=0))


def _integral(clock: F64, values: F64, grown: F64, end: float, newest: int) -> F64:
    """From the first row to `end`, as known when row `newest` had come."""
    if end >= clock[newest]:
        return np.asarray(grown[newest] + (end - clock[newest]) * values[newest])
    i = int(np.searchsorted(clock, end, side="right")) - 1
    width, whole = end - clock[i], clock[i + 1] - clock[i]
    there = values[i] + width / whole * (values[i + 1] - values[i])
    return np.asarray(grown[i] + width * (values[i] + there) / 2)


def quaternion_of(vector: F64) -> F64:
    angle = np.linalg.norm(vector)
    axis = vector / angle if angle > 0 else np.zeros(3)
    return np.array([*(axis * np.sin(angle / 2)), np.cos(angle / 2)])


def product(a: F64, b: F64) -> F64:
    v = a[3] * b[:3] + b[3] * a[:3] + np.cross(a[:3], b[:3])
    out = np.array([*v, a[3] * b[3] - a[:3] @ b[:3]])
    return out / np.linalg.norm(out)


def conjugate(q: F64) -> F64:
    return q * np.array([-1.0, -1, -1, 1])


def rotate(q: F64, v: F64) -> F64:
    t = 2 * np.cross(q[:3], v)
    return v + q[3] * t + np.cross(q[:3], t)


def vector_of(q: F64) -> F64:
    q = -q if q[3] < 0 else q
    size = np.linalg.norm(q[:3])
    return q[:3] * (2 * np.arctan2(size, q[3]) / size) if size > 1e-12 else 2 * q[:3]


class Follower:
    """One sensor beside the head's."""

    def __init__(self, bias: F64, turn: F64, place: F64, head_place: F64) -> None:
        self.mount_bias, self.mount, self.arm = bias, turn, place - head_place
        self.turn, self.seat = (np.array([0.0, 0, 0, 1]) for _ in range(2))
        self.bias, self.mean, self.velocity, self.rate_mean = (np.zeros(3) for _ in range(4))
        self.known = self.spread = self.still = 0.0

    def step(self, acc: F64, gyro: F64, head_rate: F64, turning: F64, head_force: F64, dt: float) -> F64:
        expected = head_force + np.cross(turning, self.arm) + np.cross(head_rate, np.cross(head_rate, self.arm))
        seat = product(self.seat, self.mount)
        force = rotate(seat, acc)
        back = conjugate(self.turn)
        rate = rotate(seat, gyro - self.mount_bias) - self.bias - rotate(back, head_rate)
        seen = rotate(back, expected)
        error = np.cross(force, seen) / (np.linalg.norm(force) * np.linalg.norm(seen))
        trust = 1 / (1 + np.linalg.norm(force - seen) ** 2)
        head = rotate(back, head_rate)
        whole = rate + head
        known = (head @ head) / (head @ head + 0.4**2) / (1 + rate @ rate / 0.15**2)
        size = np.linalg.norm(whole) * np.linalg.norm(head)
        askew = known * np.cross(whole, head) / size if size > 1e-4 else np.zeros(3)
        self.turn = product(self.turn, quaternion_of(dt * (rate + 1.5 * trust * error + 2.0 * askew)))
        self.bias = self.bias - 0.05 * trust * dt * error
        self.rate_mean = self.rate_mean + dt / 0.25 * (rate - self.rate_mean)
        off = rate - self.rate_mean
        self.spread += dt / 0.25 * (off @ off - self.spread)
        rests = self.spread < 0.02**2 and np.linalg.norm(self.rate_mean) < 0.06
        self.still = self.still + dt if rests else 0.0
        if self.still > 0.7:
            self.bias = self.bias + dt * 0.4 * self.rate_mean
        axis = expected / np.linalg.norm(expected)
        about = vector_of(self.turn) @ axis
        fallen = dt / 8 * about * axis
        self.known += dt / 5 * (known - self.known)
        self.seat = product(quaternion_of(self.known * fallen), self.seat)
        self.turn = product(quaternion_of(-fallen), self.turn)
        self.bias = self.bias + dt / 8 / 8 / 4 * about * (1 - self.known) * rotate(conjugate(self.turn), axis)
        felt = rotate(self.turn, force) - expected
        self.mean = self.mean + dt / 1.0 * (felt - self.mean)
        self.velocity = (1 - dt / 0.5) * self.velocity + dt * (felt - self.mean)
        parts = (
            vector_of(self.turn) / 0.2,
            rotate(self.turn, rate),
            (felt - self.mean) / 2,
            self.velocity / 0.1,
        )
        return np.clip(np.concatenate(parts), -8, 8)


def features(t_ns: npt.NDArray[np.int64], acc: F64, gyro: F64, mounts: dict[str, F64], rate: float) -> F64:
    """All steps from a calibration that is given: acc and gyro (T, S, 3), the head's first."""
    rows, count = acc.shape[:2]
    flat = np.concatenate([acc, gyro], 2).reshape(rows, -1)
    _, means = cells(t_ns, flat, rate)
    means = means.reshape(len(means), count, 2, 3)
    bias, turn, place = mounts["bias"], mounts["rotation"], mounts["place"]
    followers = [Follower(bias[s], turn[s], place[s], place[0]) for s in range(1, count)]
    out, before = [], None
    for cell in means:
        head_rate, head_force = rotate(turn[0], cell[0, 1] - bias[0]), rotate(turn[0], cell[0, 0])
        turning = np.zeros(3) if before is None else (head_rate - before) * rate
        before = head_rate
        own = [
            f.step(c[0], c[1], head_rate, turning, head_force, 1 / rate)
            for f, c in zip(followers, cell[1:], strict=True)
        ]
        head = np.clip(np.concatenate([head_rate / 2, head_force / 9.80665]), -8, 8)
        out.append(np.concatenate([*own, np.ones(count - 1), head]))
    return np.array(out)
