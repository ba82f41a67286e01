"""Chooses the engine for each network of a bundle, and says why.

A device string is `auto`, `cpu`, an engine (`litert`), or engine and device (`onnxruntime:CUDA`). `auto` and `cpu` try
the bundle's targets in their order; a named engine either runs there or raises.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any

from mien import registry
from mien.backends.base import Session
from mien.bundle import Bundle
from mien.errors import DeviceError, MienError, ModelError
from mien.manifest import Network, Target

log = logging.getLogger("mien")


@dataclass(frozen=True)
class Choice:
    """What was asked for, what runs, and what was refused on the way.

    Attributes:
        network: the network's name in the bundle.
        requested: the caller's device string.
        used: ``"engine:device"``; precision: of the chosen target; version: of the engine.
        refused: one line for each target that was tried or skipped, with the reason.
    """

    network: str
    requested: str
    used: str
    precision: str
    version: str
    refused: list[str] = field(default_factory=list)


def load(
    bundle: Bundle, network: Network, device: str = "auto", threads: int = 1, strict: bool = True
) -> tuple[Session, Target, Choice]:
    """Loads a network on the best engine that the device string allows; without `strict`, on any engine at last.

    Raises:
        DeviceError: the string names no known engine, or nothing that it allows runs here; the message lists each
            refusal. ModelError: the loaded network lacks a tensor that the manifest names.
    """
    wanted, place = _parse(device)
    refused: list[str] = []
    attempts = [(target, wanted, place) for target in network.targets]
    if not strict and device not in ("auto", "cpu"):
        attempts += [(target, None, None) for target in network.targets]
    for target, wanted, place in attempts:
        label = f"{target.engine} {target.precision}"
        if wanted and target.engine != wanted:
            refused.append(f"{label}: not asked for ({device})")
            continue
        try:
            engine = registry.find("backends", target.engine, Session)
            if engine.version() is None:
                package = f"'mien[{engine.extra}]'" if engine.extra else engine.engine
                refused.append(f"{label}: not installed; run: pip install {package}")
                continue
            if place and target.device and place.lower() != target.device.lower():
                refused.append(f"{label}: made for {target.device}, not for {place}")
                continue
            where = _place(engine, place or target.device or None)
            # An engine that has no second file and no settings need not know these words.
            more: dict[str, Any] = {"weights": bundle.blob(target.weights)} if target.weights else {}
            more |= {"options": target.options} if target.options else {}
            session = engine(bundle.blob(target.blob), device=where, threads=threads, **more)
            _check_tensors(session, network, target)
        except ModelError as error:
            if error.code == "model.tensors":
                raise
            refused.append(f"{label}: {error}")
            continue
        except MienError as error:
            refused.append(f"{label}: {error}")
            continue
        used = f"{session.engine}:{session.device}"
        if device not in ("auto", "cpu") and wanted is None:
            log.warning("%s: asked for %s, runs on %s: %s", network.name, device, used, "; ".join(refused))
        return session, target, Choice(network.name, device, used, target.precision, engine.version() or "", refused)
    raise DeviceError(
        "device.none",
        f"Network {network.name!r} runs on no engine here. Tried: {'; '.join(refused)}.",
        "Install one of them; `mien doctor` shows what this machine has.",
    )


def _parse(device: str) -> tuple[str | None, str | None]:
    engine, _, place = device.partition(":") if isinstance(device, str) else ("", "", "")
    if engine in ("auto", "cpu") and not place:
        return None, "CPU" if engine == "cpu" else None
    known = registry.names("backends")
    if engine not in known or (":" in device and not place):
        raise DeviceError(
            "device.unknown",
            f"Unknown device {device!r}.",
            f"Use auto, cpu, or one of {', '.join(known)} (optionally followed by ':DEVICE').",
        )
    return engine, place or None


def _place(engine: type[Session], place: str | None) -> str:
    devices = engine.devices()
    if place is None:
        return devices[0]
    for device in devices:
        if device.lower() == place.lower():
            return device
    raise DeviceError("device.absent", f"{engine.engine} sees {', '.join(devices)} here, no {place!r}.", "")


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
