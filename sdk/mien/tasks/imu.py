"""Task `imu`: coefficients from motion sensors on the skin, with no camera.

Samples of any rate -> native preparation (steps of equal length, what moves relative to the head) -> a causal network
with its state as a tensor, once per step -> coefficients and a confidence for each region of the face. The first two
seconds in which the wearer holds still are the calibration, unless one is given. What no sensor on the skin can see
(gaze, tongue) is never valid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from mien.bundle import Bundle
from mien.errors import BundleError
from mien.filters._manifest import coefficient_filter
from mien.filters.base import Filter
from mien.imu import ImuCalibration
from mien.layouts import ARKIT52
from mien.manifest import Section
from mien.profiler import Profiler
from mien.tasks._imu_stream import ImuStream, Seats
from mien.tasks._loader import Loader
from mien.tasks._network import Runner
from mien.tasks.base import Task
from mien.types import F32, FaceState, ImuWindow


class ImuTask(Task):
    """Sensors on the skin, as the manifest's `imu` section describes them. There is one face: the wearer's."""

    name: ClassVar[str] = "imu"
    takes: ClassVar[type] = ImuWindow
    example: ClassVar[str] = "sim:imu12?seconds=20"
    continuous: ClassVar[bool] = True

    def __init__(
        self, bundle: Bundle, load: Loader, *, max_faces: int = 1, tracking: bool = True, smoothing: bool = True
    ) -> None:
        section = bundle.manifest.root.section("imu")
        self._loaded = load(section.text("network"))
        self._seats = _seats(section)
        self._check_network(section)
        names = section.texts("coefficients")
        self._regions, self._region_of = _regions(section.section("regions"), names)
        self._min = section.number("min_confidence", 0.0, 0, 1)
        self._slots = np.array([ARKIT52.index(name) for name in names], np.intp)
        if "coefficient_filter" in section:
            self.filters: Sequence[Filter] = (coefficient_filter(section.section("coefficient_filter")),)
        self._expect("coefficients", len(names))
        self._expect("confidence", len(self._regions))

    def _check_network(self, section: Section) -> None:
        inputs = self._loaded.network.inputs
        count = self._seats.preparation().features
        if set(inputs) != {"features", "state"} or inputs["features"].shape != (1, count):
            raise BundleError(
                "manifest.field", f"{section.path}.network needs two inputs, features (1, {count}) and state.", ""
            )
        self._expect("next_state", int(np.prod(inputs["state"].shape)))

    def _expect(self, output: str, count: int) -> None:
        shape = self._loaded.network.output(output).shape
        if int(np.prod(shape)) != count:
            raise BundleError("manifest.field", f"Output {output} has shape {shape}, expected {count} values.", "")

    @property
    def layouts(self) -> Mapping[str, tuple[str, ...]]:
        """The bundle's layouts: name -> sensors on the skin."""
        return self._seats.layouts

    def new_stream(self) -> ImuStream:
        return ImuStream(self._seats, Runner(self._loaded))

    def process(self, window: ImuWindow, stream: ImuStream, profiler: Profiler) -> list[FaceState]:
        with profiler.stage("prepare"):
            count = stream.prepare(window)
        for k in range(count):
            outputs = stream.step(k, profiler)
        with profiler.stage("decode"):
            if count:
                stream.last = self._state(outputs["coefficients"], outputs["confidence"], stream.time(count - 1))
            elif stream.last is not None:
                stream.last = stream.again(int(window.t_ns[-1]))
            return [] if stream.last is None else [stream.last]

    def _state(self, coefficients: F32, confidence: F32, t_ns: int) -> FaceState:
        values, valid = np.zeros(len(ARKIT52), np.float32), np.zeros(len(ARKIT52), np.bool_)
        values[self._slots] = np.clip(coefficients.reshape(-1), 0, 1)
        sure = np.clip(confidence.reshape(-1), 0, 1)
        valid[self._slots] = (sure >= self._min)[self._region_of]
        values.setflags(write=False)  # `values` and `raw` share it
        named = dict(zip(self._regions, sure.tolist(), strict=True))
        return FaceState(t_ns, 0, ARKIT52, values, values, valid, float(sure.mean()), visibility=named)

    def calibrate(self, stream: ImuStream, still: ImuWindow, motion: ImuWindow | None) -> ImuCalibration:
        return stream.calibrate(still, motion)

    def set_calibration(self, stream: ImuStream, calibration: ImuCalibration | None) -> None:
        if calibration is not None:
            stream.take(calibration)

    def calibration(self, stream: ImuStream) -> ImuCalibration | None:
        return stream.calibration()

    def sensors(self, stream: ImuStream) -> dict[str, str]:
        return stream.condition()


def _seats(section: Section) -> Seats:
    """Where the sensors are meant to sit."""
    rows = section.objects("sensors")
    names = tuple(row.text("name") for row in rows)
    if len(set(names)) != len(names) or not 2 <= len(names) <= 32:
        raise BundleError("manifest.field", f"{section.path}.sensors: 2 to 32 with a name of its own each.", "")
    places = np.array([row.numbers("place", 3, limit=1.0) for row in rows], np.float32)
    rotations = np.array([row.numbers("rotation", 4, limit=1.0) for row in rows], np.float32)
    if (np.abs(np.linalg.norm(rotations, axis=1) - 1) > 1e-3).any():
        raise BundleError("manifest.field", f"{section.path}.sensors: a rotation is no unit quaternion.", "")
    layouts = section.section("layouts")
    known = {name: tuple(layouts.texts(name)) for name in layouts.fields}
    for name, sensors in known.items():
        if not set(sensors) <= set(names[1:]):
            raise BundleError("manifest.field", f"{layouts.path}.{name}: not all are sensors on the skin.", "")
    return Seats(names, places, rotations, section.number("rate", low=20, high=400), known)


def _regions(section: Section, coefficients: Sequence[str]) -> tuple[tuple[str, ...], npt.NDArray[np.intp]]:
    """The regions, and for each coefficient the number of its own."""
    names = tuple(section.fields)
    of = {name: k for k, region in enumerate(names) for name in section.texts(region)}
    if set(of) != set(coefficients) or len(coefficients) != len(of) or not set(of) <= set(ARKIT52.names):
        raise BundleError(
            "manifest.field", f"{section.path}: each coefficient, all of ARKit's, belongs to one region.", ""
        )
    return names, np.array([of[name] for name in coefficients], np.intp)
