"""One stream of the imu task: samples in, steps out; and what the samples show to be wrong."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mien import _native
from mien.errors import InputError, TimestampError
from mien.imu import ImuCalibration
from mien.profiler import Profiler
from mien.tasks._network import Runner
from mien.types import F32, FaceState, ImuWindow

log = logging.getLogger("mien")

_LONGEST_JUMP = 10_000_000_000  # ns forward within a recording; more is another clock
_FASTEST, _SLOWEST = 1_000_000, 40_000_000  # ns between samples: 1000 and 25 Hz; 50..400 are meant
_JUDGED = 16  # spacings from which a rate is told
_ROOM = 64  # steps that a window may make before buffers grow
_FAULTS = {1: "missing", 2: "stuck", 4: "saturated"}
_UNITS = {
    1: ("the accelerometers are in g", "about 9.81 m/s^2", "Multiply by 9.80665."),
    2: ("the gyroscopes are in degrees per second", "rad/s", "Multiply by pi / 180."),
    4: ("the head's accelerometer reads no gravity", "about 9.81 m/s^2", "Check its scale and its full range."),
}


@dataclass(frozen=True, eq=False)
class Seats:
    """Where the bundle's sensors are meant to sit, the head's first."""

    names: tuple[str, ...]
    places: F32
    rotations: F32
    rate: float
    layouts: Mapping[str, tuple[str, ...]]

    def preparation(self) -> _native.Imu:
        """A fresh native preparation."""
        return _native.Imu(self.places, self.rotations, self.rate)


class ImuStream:
    """See the module's text.

    Attributes:
        last: the newest state, or None before the first.
    """

    def __init__(self, seats: Seats, runner: Runner) -> None:
        self._seats, self._runner = seats, runner
        self._native = seats.preparation()
        self._given: ImuCalibration | None = None
        self._order: tuple[str, ...] = ()
        self._index: npt.NDArray[np.intp] = np.zeros(0, np.intp)
        self._direct = False
        self._times = np.zeros(_ROOM, np.int64)
        self._features = np.zeros((_ROOM, self._native.features), np.float32)
        self._last_ns: int | None = None
        self._odd = 0
        self._told: dict[str, str] = {}
        self.last: FaceState | None = None

    # -- samples ----------------------------------------------------------------------------------------------

    def prepare(self, window: ImuWindow) -> int:
        """Takes a window; the number of steps that it completes. Raises InputError, TimestampError."""
        acc, gyro = self._arranged(window)
        self._check_clock(window.t_ns)
        count = self._native.process(window.t_ns, acc, gyro, self._times, self._features)
        if count < 0:
            self._times = np.zeros(-count, np.int64)
            self._features = np.zeros((-count, self._native.features), np.float32)
            count = self._native.process(window.t_ns, acc, gyro, self._times, self._features)
        self._last_ns = int(window.t_ns[-1])
        units, faults = self._native.check()
        if units:
            raise _wrong_units(units)
        if faults.any() or self._told:
            self._tell(faults)
        return count

    def step(self, number: int, profiler: Profiler) -> Mapping[str, F32]:
        """Runs the network on one step of the window and keeps its state."""
        np.copyto(self._runner.buffer("features")[0], self._features[number])
        outputs = self._runner.run(profiler)
        np.copyto(self._runner.buffer("state"), outputs["next_state"].reshape(self._runner.buffer("state").shape))
        return outputs

    def time(self, number: int) -> int:
        """The time of a step of the window."""
        return int(self._times[number])

    def again(self, t_ns: int) -> FaceState:
        """The state before, for a window that completed no step; a step may end behind the row that completed it."""
        assert self.last is not None
        return replace(self.last, t_ns=max(t_ns, self.last.t_ns + 1), stale=True)

    def _arranged(self, window: ImuWindow) -> tuple[F32, F32]:
        """acc and gyro of all of the bundle's sensors in its order; NaN for those that the window has not."""
        if window.sensors is not self._order and window.sensors != self._order:
            self._index = self._indices(window.sensors)
            self._direct = len(self._index) == len(self._seats.names) and bool((np.diff(self._index) == 1).all())
        self._order = window.sensors
        if self._direct:
            return window.acc, window.gyro
        shape = (len(window.t_ns), len(self._seats.names), 3)
        acc, gyro = np.full(shape, np.nan, np.float32), np.full(shape, np.nan, np.float32)
        acc[:, self._index], gyro[:, self._index] = window.acc, window.gyro
        return acc, gyro

    def _indices(self, sensors: tuple[str, ...]) -> npt.NDArray[np.intp]:
        names = self._seats.names
        unknown = [name for name in sensors if name not in names]
        if unknown:
            raise InputError(
                "imu.sensor", f"There is no sensor {unknown[0]!r}.", f"The bundle knows: {', '.join(names)}."
            )
        if names[0] not in sensors:
            raise InputError(
                "imu.head",
                f"The window has no sensor {names[0]!r}, which is the one that is rigid on the head.",
                "Name it; what moves with the head is taken out by it.",
            )
        return np.array([names.index(name) for name in sensors], np.intp)

    def _check_clock(self, t_ns: npt.NDArray[np.int64]) -> None:
        first = int(t_ns[0])
        if self._last_ns is not None:
            jump = first - self._last_ns
            if jump > _LONGEST_JUMP:
                raise TimestampError(
                    "imu.clock",
                    f"The samples jump from {self._last_ns} to {first} ns, {jump / 1e9:.1f} s: another clock?",
                    "Give all times by one clock; call reset() when a new recording begins.",
                )
        steps = np.diff(t_ns) if self._last_ns is None else np.diff(t_ns, prepend=self._last_ns)
        if not len(steps):
            return
        typical = float(np.median(steps))
        self._odd = 0 if _FASTEST <= typical <= _SLOWEST else self._odd + len(steps)
        if self._odd >= _JUDGED:
            guess = "Are the times in microseconds?" if typical < _FASTEST else "Sensors need 50 to 400 Hz."
            raise TimestampError(
                "imu.rate", f"Samples are {typical:.0f} ns apart, {1e9 / max(typical, 1.0):.0f} Hz.", guess
            )

    def _tell(self, faults: npt.NDArray[np.uint32]) -> None:
        """Logs what has changed about the sensors in use."""
        now = self._condition(faults)
        for name, what in now.items():
            if what != self._told.get(name, "ok"):
                log.warning("sensor %s is %s", name, what) if what != "ok" else log.info("sensor %s is back", name)
        self._told = {name: what for name, what in now.items() if what != "ok"}

    def condition(self) -> dict[str, str]:
        """Each sensor of the windows so far: ok, missing, stuck, saturated, or turned by some degrees."""
        return self._condition(self._native.check()[1])

    def _condition(self, faults: npt.NDArray[np.uint32]) -> dict[str, str]:
        known = self.calibration()
        out = {}
        for index in self._index.tolist():
            words = [word for bit, word in _FAULTS.items() if int(faults[index]) & bit]
            turned = int(known.turned[index]) if known else 0
            if not words and turned:
                words = ["on its face" if turned == 1 else f"turned by {turned} degrees, which is allowed for"]
            out[self._seats.names[index]] = " and ".join(words) or "ok"
        return out

    # -- calibration ------------------------------------------------------------------------------------------

    def calibrate(self, still: ImuWindow, motion: ImuWindow | None) -> ImuCalibration:
        """Measures and uses a calibration. Raises InputError."""
        probe = ImuStream(self._seats, self._runner)
        acc, gyro = probe._arranged(still)
        probe._native.process(still.t_ns, acc, gyro, *_room(still, self._seats.rate, probe._native.features))
        units, faults = probe._native.check()
        if units:
            raise _wrong_units(units)
        for bit, code in ((2, "imu.stuck"), (4, "imu.saturated")):
            bad = [self._seats.names[k] for k in probe._index.tolist() if int(faults[k]) & bit]
            if bad:
                raise InputError(
                    code,
                    f"{', '.join(bad)}: the samples are {_FAULTS[bit]}, expected noise around gravity.",
                    "Check wiring and full-scale range of the part, or leave the sensor out of the window.",
                )
        found = probe._native.calibration()
        if found is None:
            seconds = (int(still.t_ns[-1]) - int(still.t_ns[0])) / 1e9
            raise InputError(
                "imu.still",
                f"In {seconds:.1f} s there are no 2 s without motion.",
                "Hold head and face still for two seconds.",
            )
        silent = [self._seats.names[k] for k in probe._index.tolist() if not found["known"][k]]
        if silent:
            raise InputError(
                "imu.silent", f"{', '.join(silent)} gave nothing while still.", "Leave it out, or repair it."
            )
        corrected = 0
        if motion is not None:
            acc, gyro = probe._arranged(motion)
            corrected = probe._native.refine(motion.t_ns, acc, gyro)
            if not corrected:
                raise InputError(
                    "imu.motion",
                    "The head hardly turned, so the range of motion shows no mounting.",
                    "Nod, shake and tilt the head for some seconds each.",
                )
            found = probe._native.calibration()
            assert found is not None
        measured = ImuCalibration.of(self._seats.names, found, corrected)
        self.take(measured)
        return measured

    def take(self, calibration: ImuCalibration) -> None:
        """Uses a calibration. Raises InputError ``imu.calibration`` if it is of other sensors."""
        if calibration.sensors != self._seats.names:
            raise InputError(
                "imu.calibration", "The calibration is of other sensors than this bundle's.", "Calibrate with it."
            )
        c = calibration
        self._native.calibrate(c.known, c.bias, c.rotation, c.place)
        self._given = calibration

    def calibration(self) -> ImuCalibration | None:
        """The one that was given, or found at the start."""
        if self._given is None and (found := self._native.calibration()) is not None:
            self._given = ImuCalibration.of(self._seats.names, found)
            for name in self._given.upside_down():
                log.warning("sensor %s is glued on in a wrong direction, which is allowed for", name)
        return self._given


def _room(window: ImuWindow, rate: float, features: int) -> tuple[npt.NDArray[np.int64], F32]:
    """Buffers for the steps of a whole window."""
    room = int((int(window.t_ns[-1]) - int(window.t_ns[0])) / 1e9 * rate) + 4
    return np.zeros(room, np.int64), np.zeros((room, features), np.float32)


def _wrong_units(units: int) -> InputError:
    found = [text for bit, text in _UNITS.items() if units & bit]
    what = " and ".join(text[0] for text in found)
    expected = " and ".join(text[1] for text in found)
    return InputError("imu.units", f"It seems that {what}; expected is {expected}.", found[0][2])
