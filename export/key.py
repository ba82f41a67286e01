"""The key of an export: equal if nothing that it depends on has changed. Needs none of the heavy tools."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parent.parent
_CODE = ("export", "quantization", "training")
_SOURCES = (".py", ".toml", ".frag", ".vert", ".glsl")  # shaders change what samples show
_TOOLS = (
    "torch", "onnx", "onnxruntime", "onnxslim", "openvino", "nncf", "litert-torch", "ai-edge-quantizer", "executorch",
)  # fmt: skip


def key_of(settings: dict[str, Any], files: Sequence[Path]) -> str:
    """SHA-256 over the settings, the contents of `files` (folders: all below), this code and its tools' versions."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode())
    sources = [path for name in _CODE for path in (_ROOT / name).rglob("*") if path.suffix in _SOURCES]
    for path in [*sorted(sources), *files]:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                digest.update(str(file.name).encode() + hashlib.sha256(file.read_bytes()).digest())
    for tool in _TOOLS:
        try:
            digest.update(f"{tool} {metadata.version(tool)}".encode())
        except metadata.PackageNotFoundError:
            digest.update(tool.encode())
    return digest.hexdigest()


def key_in(path: Path) -> str:
    """The key of the export that wrote this bundle, or "" if there is none or it is damaged."""
    from mien.bundle import Bundle
    from mien.errors import BundleError

    try:
        with Bundle.open(path) as bundle:
            return str(bundle.manifest.root.fields.get("metrics", {}).get("export", {}).get("key", ""))
    except BundleError:
        return ""
