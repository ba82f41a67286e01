"""What this machine has: engines and their devices, extras, cameras, and a self-test of the native core."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from mien import __version__, _native, registry
from mien.backends.base import Session
from mien.locate import shipped
from mien.machine import describe, installed

_EXTRAS = {
    "cli": "typer",
    "video": "opencv-python-headless",
    "sign": "cryptography",
    "viewer": "matplotlib",
    "litert": "ai-edge-litert",
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
        version = engine.version()
        if version is None:
            rows.append(_row(f"engine {engine.engine}", "not installed", False, f"pip install 'mien[{engine.extra}]'"))
            continue
        try:
            rows.append(_row(f"engine {engine.engine}", f"{version}: {', '.join(engine.devices())}", True))
        except Exception as error:
            rows.append(_row(f"engine {engine.engine}", f"{version}, broken: {error}", False, "reinstall it"))
    for extra, package in _EXTRAS.items():
        version = installed(package)
        advice = "" if version else f"pip install 'mien[{extra}]'"
        rows.append(_row(f"extra {extra}", f"{package} {version or 'not installed'}", bool(version), advice))
    return rows + _cameras()


def _row(what: str, found: str, ok: bool, advice: str = "", required: bool = False) -> dict[str, Any]:
    return {"what": what, "found": found, "ok": ok, "required": required, "advice": advice}


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
    devices = sorted(Path("/dev").glob("video*"))
    if not devices:
        return [_row("cameras", "none in /dev", False, "plug one in, or use files")]
    rows = []
    for device in devices:
        readable = os.access(device, os.R_OK | os.W_OK)
        advice = "" if readable else "sudo usermod -aG video $USER, then log in again"
        rows.append(_row(f"camera {device}", "readable" if readable else "no permission", readable, advice))
    return rows
