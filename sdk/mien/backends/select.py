"""Chooses the engine for each network of a bundle, and says why.

A device string is `auto`, `cpu`, an engine (`litert`), engine and device (`onnxruntime:CUDA`, `ort:TensorRT`), or a
short name of devices.toml (`jetson`, `intel-npu`, `mobile`). `auto` and `cpu` try the bundle's targets in their order;
anything else names what is wanted: it either runs there or raises.
"""

from __future__ import annotations

import logging
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

from mien import registry
from mien.backends.base import Session
from mien.backends.cache import folder, limit
from mien.backends.running import Attempt, Choice, Event, Patience, Running
from mien.backends.worker import Worker
from mien.bundle import Bundle
from mien.errors import DeviceError, MienError, ModelError
from mien.manifest import Network, Target

__all__ = ["Choice", "Compiling", "Event", "Patience", "Terms", "load", "table"]

log = logging.getLogger("mien")

_CPU = "CPU"
_ANY = ("auto", "cpu")
_MISSING, _OTHER = "not installed; run:", "not asked for"


@dataclass(frozen=True)
class Compiling:
    """How a network's compilation in the background goes.

    Attributes:
        network: its name. engine: what it is compiled for.
        state: ``"started"``, ``"running"`` (once a second), ``"ready"`` (it runs from the next frame on), ``"failed"``.
        seconds: since it started. text: one line; the reason of a failure.
    """

    network: str
    engine: str
    state: str
    seconds: float
    text: str


@dataclass(frozen=True)
class _Wanted:
    """engine: "" for any. place: a device of the engine, "" for what the target was made for, or else its CPU."""

    engine: str = ""
    place: str = ""


@dataclass(frozen=True)
class Terms:
    """On what terms networks are loaded.

    Attributes:
        device: a device string. threads: intra-op threads of each engine.
        strict: a named device is the only one, now and when it fails later.
        on_compile: what is not for a CPU is compiled in the background, while a CPU engine runs; this is told how it
            goes, from another thread.
        patience: with engines that hang or have failed.
        precision: of the targets that may run, ``"fp32"`` or ``"int8"`` for instance; ``"float"`` for any floating
            point, "" for any.
        cores, low_priority: where engines compute, and how urgently; see `Worker`.
    """

    device: str = "auto"
    threads: int = 1
    strict: bool = True
    on_compile: Callable[[Compiling], None] | None = None
    patience: Patience = field(default_factory=Patience)
    precision: str = ""
    cores: tuple[int, ...] = ()
    low_priority: bool = False

    @property
    def away(self) -> bool:
        """Whether CPU engines compute in threads of their own, not in the caller's."""
        return bool(self.cores) or self.low_priority

    def allows(self, precision: str) -> bool:
        """Whether a target of that precision may run."""
        return self.precision in ("", precision) or (self.precision == "float" and precision.startswith("fp"))


def load(bundle: Bundle, network: Network, terms: Terms | None = None) -> Running:
    """Loads a network on the best engine that the terms allow; without `strict`, on any engine at last.

    Raises:
        DeviceError: the string names no known engine, or nothing that it allows runs here; the message lists each
            refusal. ModelError: the loaded network lacks a tensor that the manifest names.
    """
    terms = terms or Terms()
    device, on_compile = terms.device, terms.on_compile
    wanted, named = _parse(device), device not in _ANY
    refused: list[str] = []
    attempts = _attempts(bundle, network, wanted, terms, refused)
    others = _attempts(bundle, network, [_Wanted()], terms, []) if named and (on_compile or not terms.strict) else []
    asked = {(attempt.target.blob, attempt.target.engine, attempt.place) for attempt in attempts}
    spare = [a for a in others if (a.target.blob, a.target.engine, a.place) not in asked]
    lasting = [*attempts, *spare] if not terms.strict else attempts
    stand_ins = [a for a in (*attempts, *spare) if a.place == _CPU]
    # Where no CPU can run the network meanwhile, the device is waited for.
    later = attempts[0] if on_compile and stand_ins and attempts and attempts[0].place != _CPU else None
    for attempt in stand_ins if later else lasting:
        try:
            session = attempt.start()
        except MienError as error:
            if error.code == "model.tensors":
                raise
            refused.append(f"{attempt.label}: {_why(error)}")
            continue
        fallback = not (named and terms.strict)
        running = Running(
            network, device, lasting, (attempt, session), refused, fallback=fallback, patience=terms.patience
        )
        if later and on_compile:
            running.prefer(later, _teller(network, later, on_compile), strict=not fallback)
        elif attempt in spare:
            used = f"{session.engine}:{session.device}"
            log.warning("%s: asked for %s, runs on %s: %s", network.name, device, used, "; ".join(refused))
        return running
    raise _none(bundle, network, wanted, terms, refused)


def _none(bundle: Bundle, network: Network, wanted: list[_Wanted], terms: Terms, refused: list[str]) -> DeviceError:
    """What the bundle has and what can be done: another wish, an installation, or a look at the machine."""
    has = ", ".join(dict.fromkeys(_label(target) for target in network.targets))
    asked = terms.device + (f" in {terms.precision}" if terms.precision else "")
    engines = {wish.engine for wish in wanted}
    if not any({t.engine, ""} & engines and terms.allows(t.precision) for t in network.targets):
        return DeviceError(
            "device.none",
            f"{bundle.path.name} has nothing for {asked}. Its network {network.name!r} is made for {has}.",
            "Ask for one of these with device= and precision=, or make a bundle that has it: see docs/export.md.",
        )
    refused = [reason for reason in refused if _OTHER not in reason]
    missing = any(_MISSING in reason for reason in refused)
    return DeviceError(
        "device.none",
        f"Network {network.name!r} runs on no engine here that was asked for ({asked}). "
        f"{bundle.path.name} has {has}. Tried: {'; '.join(refused)}.",
        "Install what is missing." if missing else "`mien doctor` shows what this machine has.",
    )


def _label(target: Target) -> str:
    return f"{target.engine} {target.precision}" + (f" for {target.device}" if target.device else "")


def _teller(
    network: Network, attempt: Attempt, on_compile: Callable[[Compiling], None]
) -> Callable[[str, str, float], None]:
    def tell(state: str, text: str, seconds: float) -> None:
        try:
            on_compile(Compiling(network.name, attempt.label, state, seconds, text))
        except Exception:  # the host's mistake must not stop the engine
            log.exception("on_compile failed")

    return tell


@cache
def table() -> Mapping[str, Any]:
    """devices.toml."""
    return tomllib.loads(resources.files("mien.backends").joinpath("devices.toml").read_text(encoding="utf-8"))


def _parse(device: str) -> list[_Wanted]:
    known, aliases = registry.names("backends"), table()["aliases"]
    if device in _ANY:
        return [_Wanted(place=_CPU if device == "cpu" else "")]
    head, colon, place = device.partition(":") if isinstance(device, str) else ("", "", "")
    full = aliases.get(head, [head])
    if bool(colon) != bool(place) or (colon and len(full) > 1) or not all(f.partition(":")[0] in known for f in full):
        raise DeviceError(
            "device.unknown",
            f"Unknown device {device!r}.",
            f"Use auto, cpu, {', '.join(aliases)}, or one of {', '.join(known)} (optionally followed by ':DEVICE').",
        )
    if colon:
        return [_Wanted(full[0], place)]
    return [_Wanted(engine, where) for engine, _, where in (f.partition(":") for f in full)]


def _attempts(
    bundle: Bundle, network: Network, wanted: list[_Wanted], terms: Terms, refused: list[str]
) -> list[Attempt]:
    """The ways to run the network that the wishes allow and the machine seems to have; the others go to `refused`."""
    found = []
    for wish in wanted:
        made_for = [target for target in network.targets if wish.place and target.device.lower() == wish.place.lower()]
        for target in (*made_for, *(target for target in network.targets if target not in made_for)):
            label = f"{target.engine} {target.precision}"
            if wish.engine and target.engine != wish.engine:
                if len(wanted) == 1:
                    refused.append(f"{label}: {_OTHER} ({terms.device})")
                continue
            if not terms.allows(target.precision):
                refused.append(f"{label}: {_OTHER} ({terms.precision})")
                continue
            try:
                found.append(_attempt(bundle, network, target, wish.place, terms))
            except MienError as error:
                refused.append(f"{label}: {_why(error)}")
    if wanted and not found and not refused:
        refused.append(f"{bundle.path.name} has nothing for {terms.device}")
    return found


def _attempt(bundle: Bundle, network: Network, target: Target, place: str, terms: Terms) -> Attempt:
    """Raises MienError if the engine or the device is not here, or the target was made for another device."""
    engine = registry.find("backends", target.engine, Session)
    if engine.version() is None:
        package = f"'mien[{engine.extra}]'" if engine.extra else engine.engine
        raise DeviceError("device.here", f"{_MISSING} pip install {package}")
    if place and target.device and place.lower() != target.device.lower():
        raise DeviceError("device.here", f"made for {target.device}, not for {place}")
    where = _place(engine, place or target.device)
    options = _options(engine.engine, where) | dict(target.options)
    # An engine that has no second file and no settings need not know these words.
    more: dict[str, Any] = {"options": options} if options else {}
    if target.weights:
        more["weights"] = bundle.blob(target.weights)

    def start() -> Session:
        worker = Worker("mien-engine", terms.cores, terms.low_priority) if terms.away else None

        def make() -> Session:
            return engine(bundle.blob(target.blob), device=where, threads=terms.threads, **more)

        try:
            session = worker.call(make) if worker else make()
            session.worker = worker
        except MienError:
            raise
        except Exception as error:  # an engine from another package need not keep the contract
            raise ModelError("model.load", f"{engine.engine} cannot load the model: {error!r}.", "") from error
        _check_tensors(session, network, target)
        return session

    return Attempt(target, where, start)


def _why(error: MienError) -> str:
    return (error.message if error.code == "device.here" else str(error)).rstrip(".")


def _options(engine: str, place: str) -> dict[str, str]:
    """The settings of devices.toml; those of a cache that cannot be written are left out."""
    settings: dict[str, str] = table()["options"].get(engine, {}).get(place, {})
    if not any("{cache}" in value for value in settings.values()):
        return settings
    kept = folder() / place.lower()
    try:
        if not limit():
            raise OSError("MIEN_CACHE_MB is 0")
        kept.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        log.warning("Compiled networks are not kept for the next start: %s", error)
        return {name: value for name, value in settings.items() if "cache" not in name}
    return {name: value.replace("{cache}", str(kept)) for name, value in settings.items()}


def _place(engine: type[Session], place: str) -> str:
    """The engine's own word for the device. Networks made for no device in particular are small: the CPU runs them."""
    devices = engine.devices()
    if not place:
        return _CPU if _CPU in devices else devices[0]
    if engine.takes(place):
        return place
    for device in devices:
        if device.lower() == place.lower():
            return device
    advice = {key.lower(): text for key, text in table()["advice"].get(engine.engine, {}).items()}
    raise DeviceError(
        "device.absent",
        f"{engine.engine} sees {', '.join(devices)} here, no {place!r}.",
        advice.get(place.lower(), ""),
    )


def _check_tensors(session: Session, network: Network, target: Target) -> None:
    described = {target.tensors[name] for name in network.inputs}
    if unfed := session.inputs.keys() - described:
        raise ModelError(
            "model.tensors",
            f"Network {network.name!r} ({target.engine}) also needs {', '.join(sorted(unfed))}, "
            "which the manifest does not describe.",
            "Describe every input; import the model again.",
        )
    for ports, tensors, kind in (
        (network.inputs, session.inputs, "input"),
        (network.outputs, session.outputs, "output"),
    ):
        for name, port in ports.items():
            tensor = target.tensors[name]
            if tensor not in tensors:
                raise ModelError(
                    "model.tensors",
                    f"Network {network.name!r} ({target.engine}) has no {kind} {tensor!r}; "
                    f"it has {', '.join(tensors)}.",
                    "The model was renamed or is not the one that the manifest describes; import it again.",
                )
            actual = tensors[tensor]
            same = len(actual) == len(port.shape) and all(a in (-1, e) for a, e in zip(actual, port.shape, strict=True))
            if not same:
                raise ModelError(
                    "model.tensors",
                    f"{kind.capitalize()} {tensor!r} of network {network.name!r} has shape {actual}, "
                    f"the manifest says {port.shape}.",
                    "Import the model again.",
                )
