"""Running: a network at work on one of the engines that can run it, and what becomes of it when that engine fails.

    run -> the active engine -> outputs that keep the manifest's promises
             fails, hangs or promises wrongly
          -> the next engine that answers the same inputs, so the frame is not lost
             after a while -> the first one again, tried in the background, taken back between two frames

With a named device and `strict` nothing is replaced: the error is raised.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.backends.base import Array, Session
from mien.backends.worker import Worker
from mien.errors import DeviceError, MienError, ModelError
from mien.manifest import Network, Target

F32 = npt.NDArray[np.float32]
Outputs = dict[str, F32]

log = logging.getLogger("mien")

_KEPT_EVENTS = 100


@dataclass(frozen=True)
class Event:
    """Something that happened to an engine while it ran.

    Attributes:
        t: seconds since the epoch. engine: ``"engine:device precision"``.
        what: ``"failed"``, ``"replaced"`` (by `engine`), ``"retried"`` (and failed again), ``"restored"``,
            ``"compiled"``.
        reason: one line.
    """

    t: float
    engine: str
    what: str
    reason: str

    def __str__(self) -> str:
        when = time.strftime("%H:%M:%S", time.localtime(self.t))
        return f"{when} {self.engine} {self.what}: {self.reason}"


@dataclass(frozen=True)
class Patience:
    """How long to wait, in seconds.

    Attributes:
        run: for an answer of an engine whose device lies behind a driver; the first answer gets ten times as long. CPU
            engines compute in the caller's thread and are not watched.
        retry: before a failed engine is tried again; doubles with each failure, up to `longest`.
    """

    run: float = 2.0
    retry: float = 30.0
    longest: float = 600.0


@dataclass(frozen=True)
class Choice:
    """What was asked for, what runs, what was refused on the way, and what happened since.

    Attributes:
        network: the network's name in the bundle.
        requested: the caller's device string.
        used: ``"engine:device"``; precision: of the chosen target; version: of the engine.
        refused: one line for each target that was tried or skipped, with the reason.
        events: what happened while it ran, the oldest first; the last hundred are kept.
    """

    network: str
    requested: str
    used: str
    precision: str
    version: str
    refused: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Attempt:
    """One way to run the network.

    Attributes:
        place: the engine's own word for the device. start: loads it; raises MienError.
    """

    target: Target
    place: str
    start: Callable[[], Session]

    @property
    def label(self) -> str:
        """Engine, device and precision, for people."""
        return f"{self.target.engine}:{self.place} {self.target.precision}"


class Running:
    """See the module's text. `run` may be called from several threads; they share the engine.

    Attributes:
        network: what it is.
    """

    def __init__(
        self,
        network: Network,
        requested: str,
        attempts: Sequence[Attempt],
        first: tuple[Attempt, Session],
        refused: Sequence[str] = (),
        *,
        fallback: bool,
        patience: Patience | None = None,
    ) -> None:
        """Args:
        attempts: in the order of preference, the running one among them. fallback: whether one may replace another.
        """
        self.network = network
        self._requested, self._refused = requested, list(refused)
        self._attempts, self._fallback = list(attempts), fallback
        self._patience = patience or Patience()
        self._active = _Active(network, *first, self._patience.run)
        self._events: list[Event] = []
        self._turn = threading.Lock()
        self._delays: dict[Attempt, float] = {}  # how long each failed attempt waits the next time
        self._absent: Attempt | None = None  # what should run instead of the active one
        self._when = math.inf  # ... and is tried again then
        self._trial: threading.Thread | None = None
        self._hopeless = -math.inf  # until then nothing else is tried: nothing answered the last time
        self._fatal = ""  # why nothing may run any more

    @property
    def session(self) -> Session:
        """The session that runs now."""
        return self._active.session

    @property
    def choice(self) -> Choice:
        """What runs now, and why."""
        active = self._active
        session = active.session
        return Choice(
            self.network.name, self._requested, f"{session.engine}:{session.device}", active.attempt.target.precision,
            session.version() or "", list(self._refused), list(self._events),
        )  # fmt: skip

    def run(self, feeds: Mapping[str, Array]) -> Outputs:
        """Runs the network once.

        Args:
            feeds: input name -> array as the manifest describes it.

        Returns:
            The outputs by name; they stay valid after the next run.

        Raises:
            DeviceError: the asked-for device could not be loaded in the background, and no other may do.
            ModelError: the engine failed or gave other shapes than the manifest promises, no float32, or NaN, and no
                other engine may or can do better.
        """
        if self._fatal:
            raise DeviceError("device.compile", self._fatal, "Use another device, or strict=False.")
        active = self._active
        try:
            said = active.answer(feeds)
        except ModelError as error:
            return self._rescued(active, error, feeds)
        if time.monotonic() >= self._when:
            self._reconsider(feeds)
        return said

    # -- failure --------------------------------------------------------------------------------------------------

    def _rescued(self, failed: _Active, error: ModelError, feeds: Mapping[str, Array]) -> Outputs:
        with self._turn:
            if self._active is failed:
                if not self._fallback or time.monotonic() < self._hopeless:
                    raise error
                return self._replaced(failed, error, feeds)
        return self.run(feeds)  # another stream has replaced it meanwhile

    def _replaced(self, failed: _Active, error: ModelError, feeds: Mapping[str, Array]) -> Outputs:
        """The same inputs through every other engine, then through a new session of the same one.

        An engine that waits for its own time is asked last, and not while it is being tried in the background.
        """
        self._note(failed.name, "failed", str(error))
        waiting = [self._absent] if self._absent is not None and self.settled(0) else []
        others = [a for a in self._attempts if a is not failed.attempt and a is not self._absent]
        for attempt in (*others, failed.attempt, *waiting):
            try:
                other = _Active(self.network, attempt, attempt.start(), self._patience.run)
                said = other.answer(feeds)
            except MienError as refusal:
                if attempt is not failed.attempt:
                    self._note(attempt.label, "failed", str(refusal))
                continue
            self._active = other
            self._note(other.name, "replaced", f"took over from {failed.name}")
            if attempt is self._absent:
                self._absent, self._when = None, math.inf
            elif attempt is not failed.attempt and self._absent is None:
                self._absent = failed.attempt
                self._schedule()
            return said
        # Nobody answers these inputs, so the engine need not be at fault: it stays, and others are not loaded again
        # for each frame.
        self._hopeless = time.monotonic() + self._patience.retry
        raise error

    def _schedule(self) -> None:
        assert self._absent is not None
        delay = self._delays.get(self._absent, self._patience.retry)
        self._delays[self._absent] = min(2 * delay, self._patience.longest)
        self._when = time.monotonic() + delay

    # -- return ---------------------------------------------------------------------------------------------------

    def prefer(self, attempt: Attempt, watch: Callable[[str, str, float], None], strict: bool = False) -> None:
        """Loads `attempt` in the background while the active engine runs, and switches over between two frames.

        Args:
            watch: called from another thread with ``"started"``, ``"running"`` once a second, then ``"ready"`` or
                ``"failed"``; a line of text; and the seconds since it began.
            strict: whether the next run raises if it cannot be loaded.
        """
        self._absent, self._when = attempt, math.inf
        blank = {name: np.zeros(port.shape, port.dtype) for name, port in self.network.inputs.items()}
        over = threading.Event()
        began = time.monotonic()

        def compile_() -> None:
            state, text = self._try(attempt, blank, "compiled", strict)
            over.set()
            watch(state, text, time.monotonic() - began)

        def tick() -> None:
            while not over.wait(1.0):
                watch("running", attempt.label, time.monotonic() - began)

        watch("started", attempt.label, 0.0)
        threading.Thread(target=tick, name="mien-compile", daemon=True).start()
        self._begin(compile_)

    def _reconsider(self, feeds: Mapping[str, Array]) -> None:
        with self._turn:
            attempt = self._absent
            if attempt is None or time.monotonic() < self._when:
                return
            self._when = math.inf  # until the trial is over
            kept = {name: np.array(value) for name, value in feeds.items()}
            self._begin(lambda: self._try(attempt, kept, "restored", False))

    def _begin(self, work: Callable[[], Any]) -> None:
        self._trial = threading.Thread(target=work, name="mien-engine", daemon=True)
        self._trial.start()

    def _try(self, attempt: Attempt, feeds: Mapping[str, Array], done: str, strict: bool) -> tuple[str, str]:
        """Starts it, lets it answer once, and makes it the active one; ``"ready"`` or ``"failed"``, and a line."""
        began = time.monotonic()
        try:
            other = _Active(self.network, attempt, attempt.start(), self._patience.run)
            other.answer(feeds)
        except MienError as error:
            with self._turn:
                self._note(attempt.label, "retried" if done == "restored" else "failed", str(error))
                if strict:
                    self._fatal = f"{attempt.label} could not be loaded in the background: {error}"
                else:
                    self._schedule()
            return "failed", str(error)
        text = f"after {time.monotonic() - began:.1f} s"
        with self._turn:
            self._active, self._absent, self._when = other, None, math.inf
            self._note(other.name, done, text)
        return "ready", f"{other.name} {text}"

    def settled(self, seconds: float) -> bool:
        """Waits for work in the background, if there is any; whether it is over."""
        if self._trial is not None:
            self._trial.join(seconds)
        return self._trial is None or not self._trial.is_alive()

    def _note(self, engine: str, what: str, reason: str) -> None:
        self._events = [*self._events[1 - _KEPT_EVENTS :], Event(time.time(), engine, what, reason)]
        level = logging.INFO if what in ("compiled", "restored") else logging.WARNING
        log.log(level, "%s: %s %s: %s", self.network.name, engine, what, reason)


class _Active:
    """A session, and how its answers are taken and checked."""

    def __init__(self, network: Network, attempt: Attempt, session: Session, patience: float) -> None:
        self.attempt, self.session = attempt, session
        self.name = f"{session.engine}:{session.device} {attempt.target.precision}"
        tensors = attempt.target.tensors
        self._network = network
        self._fed = [(name, tensors[name]) for name in network.inputs]
        self._wanted = [tensors[name] for name in network.outputs]
        self._shapes = [(name, port.shape) for name, port in network.outputs.items()]
        # A device that hangs costs one frame and not the program.
        self._patience = None if session.device == "CPU" else patience
        self._worker = session.worker or (Worker("mien-device") if self._patience else None)
        self._warm = False

    def answer(self, feeds: Mapping[str, Array]) -> Outputs:
        """The checked outputs. Raises ModelError, whatever the engine did."""
        named = {tensor: feeds[name] for name, tensor in self._fed}
        try:
            said = self._said(named)
        except ModelError:
            raise
        except Exception as error:  # an engine from another package need not keep the contract
            raise ModelError("model.run", f"{self.name} failed: {error!r}", "") from error
        if len(said) != len(self._shapes):
            raise ModelError("model.shape", f"{self.name} gave {len(said)} outputs, not {len(self._shapes)}.", "")
        for (name, shape), values in zip(self._shapes, said, strict=True):
            self._check(name, shape, values)
        return {name: values for (name, _), values in zip(self._shapes, said, strict=True)}

    def _said(self, named: Mapping[str, Array]) -> list[F32]:
        if self._worker is None:
            return self.session.run(named, self._wanted)
        seconds = self._patience and self._patience * (1 if self._warm else 10)
        session, wanted = self.session, self._wanted
        try:
            said = self._worker.call(lambda: session.run(named, wanted), seconds)
        except TimeoutError:
            raise ModelError(
                "model.hung", f"{session.engine} on {session.device} gave no answer in {seconds:g} s.", ""
            ) from None
        self._warm = True
        return said

    def _check(self, name: str, shape: tuple[int, ...], values: F32) -> None:
        what = f"Output {name!r} of {self._network.name!r}"
        if values.shape != shape:
            raise ModelError(
                "model.shape", f"{what} came as {values.shape}, promised {shape}.", "Import the model again."
            )
        if values.dtype != np.float32:
            raise ModelError(
                "model.dtype", f"{what} is {values.dtype}, expected float32.", "Export the model with float32 outputs."
            )
        # The sum of squares is finite only if every value is; a quarter of the time of np.isfinite().all().
        if not math.isfinite(np.vdot(values, values)):
            raise ModelError(
                "model.not_finite",
                f"{what} holds NaN, infinity or values beyond 1e19.",
                "Try another engine or precision of this bundle.",
            )
