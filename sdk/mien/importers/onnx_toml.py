"""Plain ONNX files described by a TOML file: the manifest in TOML, with `file` where a bundle has blobs.

    name = "my-landmarks"
    task = "face"
    [licence]
    spdx = "BSD-2-Clause"
    [networks.landmarks]
    file = "landmarks.onnx"                      # beside the TOML file, or a path relative to it
    inputs.image = { tensor = "input", shape = [1, 3, 224, 224], image = { layout = "nchw", color = "rgb", ... } }
    outputs.maps = { tensor = "output", shape = [1, 198, 28, 28] }

docs/importing.md describes every field.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, ClassVar

from mien.errors import BundleError
from mien.importers.base import Imported, Importer, licence, licence_beside, read_bytes
from mien.manifest import Section


class OnnxToml(Importer):
    """Imports any number of ONNX networks as one TOML file describes them."""

    summary: ClassVar[str] = "ONNX models described by a .toml file"

    @classmethod
    def accepts(cls, path: Path) -> bool:
        return path.suffix == ".toml"

    def convert(self, path: Path) -> Imported:
        fields = _load(path)
        networks = Section(fields, "toml").sections("networks")
        blobs: dict[str, bytes] = {}
        described: dict[str, Any] = {}
        for name, network in networks.items():
            model = path.parent / network.text("file")
            member = f"onnx/{name}.onnx"
            blobs[member] = read_bytes(model)
            blobs |= licence_beside(model, name)
            tensors: dict[str, str] = {}
            ports: dict[str, Any] = {}
            for kind in ("inputs", "outputs"):
                ports[kind] = {}
                for key, port in network.sections(kind).items():
                    tensors[key] = port.text("tensor")
                    ports[kind][key] = {k: v for k, v in port.fields.items() if k != "tensor"}
            target = {
                "engine": "onnxruntime",
                "precision": network.text("precision", "fp32"),
                "blob": member,
                "tensors": tensors,
            }
            others = {k: v for k, v in network.fields.items() if k not in ("file", "precision")}
            described[name] = {**others, **ports, "targets": [target]}
        manifest = {"schema": 1, **fields, "networks": described}
        stated = Section(fields, "toml").section("licence")
        manifest["licence"] = {**stated.fields, **licence(stated.text("spdx"), stated.text("source", ""), blobs)}
        return Imported(manifest, blobs)


def _load(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_bytes(path).decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BundleError("import.toml", f"{str(path)!r} is not TOML ({error}).", "See docs/importing.md.") from error
