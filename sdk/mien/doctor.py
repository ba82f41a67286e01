"""What this machine has: engines and their devices, each tried out; extras; device files and who may use them."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path
from typing import Any

import numpy as np

from mien import __version__, _native, registry
from mien.backends.base import Session
from mien.backends.cache import folder, limit
from mien.backends.select import Terms, load, table
from mien.bundle import Bundle
from mien.errors import MienError
from mien.locate import locate, shipped
from mien.machine import describe, installed

_DEV = Path("/dev")
_APART = 0.05  # of the detector's outputs; engines round differently, int8 most
_EXTRAS = {
    "cli": "typer",
    "video": "opencv-python-headless",
    "sign": "cryptography",
    "viewer": "matplotlib",
    "litert": "ai-edge-litert",
    "openvino": "openvino",
}


def examine() -> list[dict[str, Any]]:
    """One row per thing looked at: what, found, ok, required, advice (how to get it, or "")."""
    machine = describe()
    rows = [
        _row("mien", f"{__version__}, core {_native.version()}, {machine['python']}", True, required=True),
        _row("processor", f"{machine['processor']}, {machine['cores']} cores, {machine['simd']} kernels", True),
        _self_test(),
        _bundles(),
    ]
    for engine in registry.every("backends", Session):
        rows += _engine(engine)
    for extra, package in _EXTRAS.items():
        version = installed(package)
        advice = "" if version else f"pip install 'mien[{extra}]'"
        rows.append(_row(f"extra {extra}", f"{package} {version or 'not installed'}", bool(version), advice))
    return [*rows, _cache(), *_cameras(), *_accelerators()]


def _row(what: str, found: str, ok: bool, advice: str = "", required: bool = False) -> dict[str, Any]:
    return {"what": what, "found": found, "ok": ok, "required": required, "advice": advice}


def _engine(engine: type[Session]) -> list[dict[str, Any]]:
    """The engine and its devices; each device computes a frame, and must find what ONNX Runtime's CPU finds."""
    what, version = f"engine {engine.engine}", engine.version()
    if version is None:
        package = f"'mien[{engine.extra}]'" if engine.extra else engine.engine
        return [_row(what, "not installed", False, f"pip install {package}")]
    try:
        devices = engine.devices()
    except Exception as error:
        return [_row(what, f"{version}, broken: {error}", False, "reinstall it")]
    usual = table()["systems"].get(engine.engine, {})
    advice = table()["advice"].get(engine.engine, {})
    known = {place: text for place, text in advice.items() if platform.system() in usual.get(place, ())}
    rows = [_row(what, f"{version}: {', '.join(devices)}", True)]
    rows += [_tried(engine, device) for device in devices]
    missing = {place: advice for place, advice in known.items() if place not in devices}
    return rows + [_row(f"  {engine.engine}:{place}", "not here", False, text) for place, text in missing.items()]


def _tried(engine: type[Session], device: str) -> dict[str, Any]:
    """The shipped detector on one device, if it has a target for the engine."""
    what = f"  {engine.engine}:{device}"
    untried = _row(what, "seen; no shipped bundle to try it with", True)
    if "detect" not in shipped():
        return untried
    with Bundle.open(locate("detect")) as bundle:
        (network,) = bundle.manifest.networks.values()
        if engine.engine not in {target.engine for target in network.targets}:
            return untried
        rng = np.random.default_rng(1)
        feeds = {name: rng.random(port.shape, np.float32) for name, port in network.inputs.items()}
        try:
            running = load(bundle, network, Terms(f"{engine.engine}:{device}"))
            said = running.run(feeds)
            began = time.perf_counter()
            running.run(feeds)
            took = (time.perf_counter() - began) * 1e3
            expected = load(bundle, network, Terms("onnxruntime:CPU")).run(feeds)
        except MienError as error:
            return _row(what, f"fails: {error.message}", False, error.advice)
    apart = max(float(np.abs(said[name] - values).max()) for name, values in expected.items())
    good = apart < _APART
    found = f"computes, {took:.1f} ms a frame" if good else f"computes something else: {apart:.3g} apart"
    return _row(what, found, good, "" if good else "use another device; update its driver")


def _cache() -> dict[str, Any]:
    place = folder()
    size = sum(path.stat().st_size for path in place.glob("*.bin")) / 1e6 if place.is_dir() else 0.0
    near = next(path for path in (place, *place.parents) if path.exists())
    good = near.is_dir() and os.access(near, os.W_OK)
    advice = "" if good else "set MIEN_CACHE to a folder that you may write"
    return _row("cache", f"{place}, {size:.1f} of {limit() / 1e6:.0f} MB", good, advice)


def _bundles() -> dict[str, Any]:
    names = shipped()
    advice = "" if names else "`mien import` makes one from a public model"
    return _row("default bundles", ", ".join(names) or "none", bool(names), advice)


def _self_test() -> dict[str, Any]:
    """Every instruction set of this processor must give the scalar result."""
    picture = np.random.default_rng(1).integers(0, 256, (61, 83, 3), np.uint8)
    image = _native.Image("rgb", 83, 61, [picture])
    spec = _native.TensorSpec(32, 32, "float32", "nchw", "rgb", "replicate", [1 / 255] * 3, [0.0] * 3, 1.0, 0)
    affine = np.array([[1.3, -0.4, 11.0], [0.4, 1.3, 2.0]])
    before, results = _native.simd_active(), {}
    try:
        for name in _native.simd_available():
            _native.simd_select(name)
            results[name] = np.empty(spec.shape, np.float32)
            _native.image_to_tensor(image, affine, spec, results[name])
    finally:
        _native.simd_select(before)
    wrong = [name for name, tensor in results.items() if not np.array_equal(tensor, results["scalar"])]
    found = f"{', '.join(results)} agree" if not wrong else f"{', '.join(wrong)} differ from scalar"
    return _row("native self-test", found, not wrong, "reinstall mien" if wrong else "", required=True)


def _cameras() -> list[dict[str, Any]]:
    return _nodes("camera", "video*", "video") or [_row("cameras", "none in /dev", False, "plug one in, or use files")]


def _accelerators() -> list[dict[str, Any]]:
    return _nodes("NPU", "accel/accel*", "render") + _nodes("GPU", "dri/renderD*", "render")


def _nodes(what: str, pattern: str, group: str) -> list[dict[str, Any]]:
    """The device files of one kind, and whether this user may use them."""
    rows = []
    for device in sorted(_DEV.glob(pattern)):
        usable = os.access(device, os.R_OK | os.W_OK)
        advice = "" if usable else f"sudo usermod -aG {group} $USER, then log in again"
        rows.append(_row(f"{what} {device}", "readable" if usable else "no permission", usable, advice))
    return rows
