"""Pipeline: a bundle at work. One object per stream of frames; streams share the weights.

Source.read -> Task (prepare, run, decode) -> Filters -> FaceState. Everything that happened is in `report()`.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import replace
from threading import Lock
from typing import Any

import numpy as np

from mien import registry
from mien.backends.select import Compiling, Terms
from mien.backends.worker import check_cores
from mien.budget import BUDGET
from mien.bundle import Bundle, trusted
from mien.errors import InputError, TimestampError
from mien.filters.base import Filter
from mien.imu import ImuCalibration
from mien.layouts import ARKIT52
from mien.locate import locate
from mien.profiler import Profiler
from mien.report import Report
from mien.sources.base import Source
from mien.sources.select import open_source
from mien.streaming import FrameQueue, Stream, frames
from mien.tasks._loader import Loader
from mien.tasks.base import Task
from mien.types import F32, U8, FaceState, Frame, ImuWindow, no_face

log = logging.getLogger("mien")

_REMEMBERED = 64  # faces whose filters are kept, so that a day of passers-by does not fill the memory


def open(
    model: str | os.PathLike[str],
    *,
    device: str = "auto",
    strict: bool = True,
    precision: str | None = None,
    threads: int | None = None,
    cores: Sequence[int] | None = None,
    low_priority: bool = False,
    max_faces: int = 1,
    tracking: bool = True,
    smoothing: bool = True,
    filters: Sequence[Filter] | None = None,
    neutral: F32 | None = None,
    trust: Iterable[bytes] | None = None,
    on_compile: Callable[[Compiling], None] | None = None,
) -> Pipeline:
    """Opens a bundle and loads its networks.

    Args:
        model: path of a .mien file, or the name of a bundle that ships with mien.
        device: ``"auto"``, ``"cpu"``, an engine such as ``"litert"``, engine and device, ``"onnxruntime:CUDA"``, or
            ``"jetson"``, ``"intel-npu"``, ``"intel-gpu"``, ``"mobile"`` (sdk/mien/backends/devices.toml).
        strict: a named device either runs or raises, now and later; False lets it fall back to auto, with a warning in
            the log and the reasons in `report()`. With ``"auto"`` and ``"cpu"`` an engine that fails while it runs
            is replaced by the next, without losing the frame, and tried again later.
        precision: only targets of this precision, such as ``"fp32"`` or ``"int8"``, or ``"float"`` for any floating
            point; default: any.
        threads: intra-op threads per engine, 1..256; default: 2, or 1 on a single core.
        cores: numbers of the processor cores that engines keep to; default: all that the process may use. Linux.
        low_priority: engines give way to other programs (nice 10). Linux. With either of these two, engines compute in
            threads of mien's own, and streams that share them take turns; the caller's thread is left as it is.
        max_faces: how many faces to follow, 1..32.
        tracking: False treats each frame as a picture of its own: no memory, detection every time, no smoothing.
        smoothing: the filters that the bundle itself brings, on landmarks and coefficients, if any.
        filters: applied to the coefficients of each face, in order, instead of the bundle's own. Default: the bundle's
            own, with `smoothing` and `tracking`; an empty list: none. `FaceState.raw` is always what the model said.
        neutral: as for `Pipeline.set_neutral`.
        trust: Ed25519 public keys; if given, the bundle must be signed by one of them.
        on_compile: if given, networks for GPUs, NPUs and TensorRT are compiled in the background while a CPU runs
            them, and take over between two frames; this is told how it goes, from another thread. Without it, `open`
            waits for the compilation.

    Raises:
        InputError: an argument is wrong. BundleError: no such bundle, or a damaged one. DeviceError: it does not run
            here. ModelError: a network is not what the manifest describes. MissingExtraError: an optional package is
            needed.
    """
    threads = min(2, _cores()) if threads is None else threads
    for what, value, most in (("max_faces", max_faces, 32), ("threads", threads, 256)):
        if type(value) is not int or not 1 <= value <= most:
            raise InputError(f"open.{what}", f"{what} is {value!r}.", f"Give 1..{most}.")
    places = check_cores(cores, low_priority)
    if precision is not None and not isinstance(precision, str):
        raise InputError("open.precision", f"precision is {precision!r}.", 'Give "fp32" or "int8", for instance.')
    given = () if filters is None else filters
    if not isinstance(given, (list, tuple)) or not all(isinstance(step, Filter) for step in given):
        raise InputError("open.filters", f"filters is {filters!r}.", "Give a list such as [mien.OneEuro()].")
    keys = None if trust is None else trusted(trust)
    bundle = Bundle.open(locate(model), keys)
    terms = Terms(
        device, threads, strict, on_compile, precision=precision or "", cores=places, low_priority=bool(low_priority)
    )
    load = Loader(bundle, terms, keys)
    try:
        kind = registry.find("tasks", bundle.manifest.task, Task)
        task = kind(bundle, load, max_faces=max_faces, tracking=tracking, smoothing=smoothing)
        load.done()
        own = task.filters if filters is None and smoothing and tracking else given
        return Pipeline(load, task, own, tracking, neutral)
    except BaseException:
        load.close()
        raise


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Pipeline:
    """One stream of frames through a bundle. Made by `mien.open`; `fork` gives another stream with the same weights.

    `process` may be called from several threads; calls on one pipeline take turns.
    """

    def __init__(
        self, load: Loader, task: Task, filters: Sequence[Filter], tracking: bool = True, neutral: F32 | None = None
    ) -> None:
        self.bundle = load.bundle
        self._load = load
        self._tracking = tracking
        self._task = task
        self._filters = [f.fresh() for f in filters]
        self._neutral = neutral
        self._calibration: ImuCalibration | None = None
        self._profiler = Profiler()
        self._turn = Lock()
        self._frames_in = self._frames_out = self._dropped = self._stale = self._skipped = self._left = 0
        self._queue: FrameQueue | None = None
        self._forget()

    @property
    def takes(self) -> type:
        """What `process` takes: Frame or ImuWindow."""
        return self._task.takes

    @property
    def task(self) -> Task:
        """What the bundle does, for what is built upon it, such as `mien.Portrait`."""
        return self._task

    @property
    def profiler(self) -> Profiler:
        """Where the time of `report()` is counted."""
        return self._profiler

    @property
    def example(self) -> str:
        """The address of a source to try the bundle with; empty: any picture or video of a face."""
        return self._task.example

    def fork(self) -> Pipeline:
        """Another stream (another camera) with the same networks and settings, and fresh state."""
        other = Pipeline(self._load, self._task, self._filters, self._tracking, self._neutral)
        if self._calibration is not None:
            other.set_calibration(self._calibration)
        return other

    def set_neutral(self, embedding: F32 | None) -> None:
        """Tells the stream what its user looks like at rest, for bundles such as `expression` that make use of it.

        It holds for every face of the stream, until it is changed, and survives `reset`.

        Args:
            embedding: float32 (64,), see `mien.mean_embedding`; None forgets it.

        Raises:
            InputError: the bundle has no use for it, or it has another shape or is not finite.
        """
        with self._turn:
            self._task.set_neutral(self._stream, embedding)
            self._neutral = None if embedding is None else np.array(embedding)

    def calibrate(self, still: ImuWindow, motion: ImuWindow | None = None) -> ImuCalibration:
        """Measures how the sensors of a bundle such as `imu` are worn, and uses it from now on; it survives `reset`.

        Args:
            still: two seconds or more in which head and face rest.
            motion: some 20 s of nodding, shaking and tilting the head, the face moving too; corrects how sensors are
                turned.

        Raises:
            InputError: ``imu.still``, nobody held still; ``imu.units``, ``imu.stuck``, ``imu.saturated``,
                ``imu.silent``, ``imu.sensor``, ``imu.head``, ``imu.motion``: what is wrong with the samples;
                ``calibration.unsupported``: the bundle has no sensors. TimestampError: impossible times.
        """
        with self._turn:
            self._calibration = self._task.calibrate(self._stream, still, motion)
            return self._calibration

    def set_calibration(self, calibration: ImuCalibration | None) -> None:
        """Uses a calibration that was measured before; None forgets it with the next `reset`.

        Raises:
            InputError: ``imu.calibration``, it is of other sensors; ``calibration.unsupported``.
        """
        with self._turn:
            self._task.set_calibration(self._stream, calibration)
            self._calibration = calibration

    def calibration(self) -> ImuCalibration | None:
        """What is known of the sensors: given, measured, or found in the first still moment; None before."""
        with self._turn:
            return self._task.calibration(self._stream)

    def reset(self) -> None:
        """Forgets faces, filters and time, as if no frame had come yet. Counts and timings stay."""
        with self._turn:
            self._forget()

    def _forget(self) -> None:
        self._stream: Any = self._task.new_stream()
        self._task.set_neutral(self._stream, self._neutral)
        self._task.set_calibration(self._stream, self._calibration)
        self._chains: dict[int, list[Filter]] = {}
        self._last_t: int | None = None
        self._last: list[FaceState] = []
        self._primary = -1
        self._last_frame_stale = False

    def process(self, frame: Frame | ImuWindow | U8) -> FaceState:
        """The face of one frame or window of samples; with `max_faces` above 1 the one that has been followed longest.

        Args:
            frame: an ImuWindow for bundles that take sensors (the state at its end); for the others a Frame, or a uint8
                array (H, W, 3) RGB, (H, W, 4) RGBA or (H, W) gray, which gets the time of the call.

        Returns:
            Its state; `found` is False and nothing is valid if there is no face.

        Raises:
            InputError: not a picture. TimestampError: the frame is not later than the one before.
            ModelError: an engine failed.
        """
        with self._turn:
            states = self._process(frame)
            if states:
                self._primary = states[0].id
                return states[0]
            t_ns = self._last_t if self._last_t is not None else 0
            nothing = no_face(t_ns, ARKIT52, stale=self._last_frame_stale)
            # A gap goes through the filters of the face that was last seen, so that a hold can bridge it.
            for step in self._chains.get(self._primary, ()):
                nothing = step.apply(nothing)
            return nothing

    def process_all(self, frame: Frame | ImuWindow | U8) -> list[FaceState]:
        """All faces of one frame (up to max_faces), the longest-followed first. Arguments and errors as `process`."""
        with self._turn:
            return self._process(frame)

    def _process(self, picture: Frame | ImuWindow | U8) -> list[FaceState]:
        self._frames_in += 1
        try:
            return self._states(self._input(picture))
        except BaseException:
            self._left += 1
            raise

    def _input(self, given: Frame | ImuWindow | U8) -> Frame | ImuWindow:
        takes = self._task.takes
        if isinstance(given, (Frame, ImuWindow)) and isinstance(given, takes):
            return given
        if takes is not Frame or isinstance(given, (Frame, ImuWindow)):
            raise InputError(
                "input.kind",
                f"{self.bundle.manifest.name} takes {takes.__name__}, not {type(given).__name__}.",
                "Open another bundle for it.",
            )
        return Frame.of(given)

    def _states(self, frame: Frame | ImuWindow) -> list[FaceState]:
        begin, end = frame.span_ns
        if self._last_t is not None and begin <= self._last_t:
            raise TimestampError(
                "time.not_increasing",
                f"{type(frame).__name__} at {begin} ns came after one at {self._last_t} ns.",
                "Give each frame its capture time; call reset() when a new recording begins.",
            )
        self._last_t = end
        if not self._tracking:
            self._chains.clear()  # ids begin again with each picture
        self._last_frame_stale = frame.stale
        with self._profiler.stage("process"):
            if frame.stale or not (self._task.continuous or BUDGET.allows()):
                self._stale += frame.stale
                self._skipped += not frame.stale
                self._last_frame_stale = True
                states = [replace(state, t_ns=end, stale=True) for state in self._last]
            else:
                states = self._computed(frame)
                self._last = list(states)  # the caller may change the list that it gets
            if self._filters:
                with self._profiler.stage("filter"):
                    states = [self._filtered(state) for state in states]
        self._frames_out += 1
        return states

    def _computed(self, frame: Frame | ImuWindow) -> list[FaceState]:
        if not BUDGET.limited:
            return self._task.process(frame, self._stream, self._profiler)
        spent, runs = time.thread_time(), self._profiler.total("run")
        try:
            return self._task.process(frame, self._stream, self._profiler)
        finally:
            # The engines' other threads are taken to work as long as the engine runs.
            others = self._load.others * (self._profiler.total("run") - runs) / 1e9
            BUDGET.spend(time.thread_time() - spent + others)

    def _filtered(self, state: FaceState) -> FaceState:
        chain = self._chains.pop(state.id, None) or [f.fresh() for f in self._filters]
        self._chains[state.id] = chain  # the last used stands last, so the first is the longest unused
        if len(self._chains) > _REMEMBERED:
            del self._chains[next(iter(self._chains))]
        for step in chain:
            state = step.apply(state)
        return state

    def stream(
        self, source: Source | str | int | Iterable[Frame | ImuWindow | U8], *, drop: str | None = None, queue: int = 2
    ) -> Stream[FaceState]:
        """The face of each frame of a source (as `process` gives it), as the frames come.

        A thread reads the source into a bounded queue. The first frame begins a new recording, as after `reset()`.
        Leave the loop or close the stream to stop.

        Args:
            source: a Source, a path or address (see `mien.sources`), a camera number, or an iterable of frames.
            drop: ``"oldest"``, ``"newest"`` or ``"block"`` when frames come faster than they are processed. Default:
                ``"oldest"`` for live sources, ``"block"`` for files and sensors.
            queue: frames that may wait.

        Raises:
            SourceError: the source cannot be opened or read. Otherwise as `process`.
        """
        return self._run(source, drop, queue, lambda frame: self.process(frame))

    def stream_all(
        self, source: Source | str | int | Iterable[Frame | ImuWindow | U8], *, drop: str | None = None, queue: int = 2
    ) -> Stream[tuple[Any, list[FaceState]]]:
        """Each frame (or window of samples) of a source with all its faces. Arguments and errors as `stream`."""
        return self._run(source, drop, queue, lambda frame: (frame, self.process_all(frame)))

    def _run(self, source: Any, drop: str | None, size: int, step: Callable[[Frame | ImuWindow], Any]) -> Stream[Any]:
        """Checks the arguments at once, not at the first frame."""
        origin = open_source(source)
        try:
            buffer = FrameQueue(drop or ("oldest" if origin.live and not origin.continuous else "block"), size)
        except InputError:
            if origin is not source:
                origin.close()
            raise
        return Stream(self._frames(origin, buffer, step), origin, origin is not source)

    def _frames(self, source: Source, buffer: FrameQueue, step: Callable[[Frame | ImuWindow], Any]) -> Generator[Any]:
        if self._queue is not None:
            raise InputError("stream.busy", "This pipeline already streams.", "Use fork() for a second stream.")
        self.reset()
        self._queue = buffer
        incoming = frames(source, buffer)
        try:
            for frame in incoming:
                if source.independent:
                    self.reset()
                yield step(frame)
        finally:
            incoming.close()
            self._dropped += buffer.dropped
            self._frames_in += buffer.received - buffer.delivered
            self._left += buffer.waiting()
            self._queue = None

    def report(self) -> Report:
        """What was asked for, what runs where and why, how long each stage takes, and what became of the frames."""
        queue = self._queue
        return Report(
            self.bundle.manifest.name,
            self.bundle.manifest.task,
            self._load.choices(),
            self._profiler.summary(),
            self._frames_in + (queue.received - queue.delivered if queue else 0),
            self._frames_out,
            self._dropped + (queue.dropped if queue else 0),
            self._stale,
            self._left,
            self._skipped,
            self._task.sensors(self._stream),
        )

    def total_ns(self, stage: str) -> int:
        """All time spent in a stage so far, in nanoseconds; the difference around a call is that call's share."""
        return self._profiler.total(stage)

    def close(self) -> None:
        """Lets go of the bundle's file."""
        self._load.close()

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
