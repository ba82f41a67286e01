"""Assembly: proven targets -> one bundle, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mien.bundle import Bundle
from mien.manifest import Target as Entry

from export.build import Build
from export.errors import ExportError
from export.prove import Proof
from export.recipe import Recipe
from export.targets.base import Target

_LICENCE = {"spdx": "LicenseRef-unknown", "source": "not stated"}


def order(targets: Mapping[str, type[Target]], proofs: Mapping[str, Proof]) -> list[str]:
    """The targets as `auto` is to try them: TensorRT, then CPUs in float, then CPUs in int8, then other devices.

    On CPUs ONNX Runtime comes first: the core install has it, and the cards' figures are measured on it. The others
    follow by measured time. int8 gives up a little truth, so it is for those who ask for it, or have nothing else.
    """

    def place(name: str) -> tuple[int, bool, float]:
        target, proof = targets[name], proofs[name]
        if target.device == "Tensorrt":
            return 0, False, target.rank
        if target.device in ("", "CPU") and proof.milliseconds is not None:
            return 2 if target.precision == "int8" else 1, target.engine != "onnxruntime", proof.milliseconds
        return 3, False, target.rank

    return sorted(targets, key=place)


def faster_int8(targets: Mapping[str, type[Target]], proofs: Mapping[str, Proof]) -> dict[str, float]:
    """Engine -> how many times faster its int8 is than its float here."""
    best: dict[tuple[str, bool], float] = {}
    for name, target in targets.items():
        if target.device in ("", "CPU") and (spent := proofs[name].milliseconds) is not None:
            slot = target.engine, target.precision == "int8"
            best[slot] = min(spent, best.get(slot, spent))
    return {
        engine: best[engine, False] / best[engine, True] for engine, int8 in best if int8 and (engine, False) in best
    }


def manifest(
    build: Build, targets: Mapping[str, type[Target]], proofs: Mapping[str, Proof], key: str
) -> dict[str, Any]:
    """The bundle's manifest without the hashes."""
    recipe = build.recipe
    fields: dict[str, Any] = json.loads(json.dumps(dict(recipe.manifest))) or plain(build)
    networks = fields.setdefault("networks", {})
    network = networks.setdefault(build.network, ports(build))
    entries = [_described(proofs[name].built.entry(targets[name]), recipe) for name in order(targets, proofs)]
    network["targets"] = entries
    about = {
        "key": key,
        "calibration": build.values.settings.calibration,
        "targets": {name: _lasting(facts(targets[name], proof)) for name, proof in proofs.items()},
    }
    fields["metrics"] = {**fields.get("metrics", {}), "export": about}
    return fields


def _described(entry: Entry, recipe: Recipe) -> dict[str, Any]:
    tensors = {recipe.rename.get(name, name): tensor for name, tensor in entry.tensors.items()}
    out: dict[str, Any] = {
        "engine": entry.engine,
        "precision": entry.precision,
        "blob": entry.blob,
        "tensors": tensors,
    }
    out |= {"device": entry.device} if entry.device else {}
    return out | ({"options": dict(entry.options)} if entry.options else {})


def _lasting(found: Mapping[str, Any]) -> dict[str, Any]:
    """What is true of the bundle wherever it goes: latencies are of the machine that made it, and in the report."""
    return {name: value for name, value in found.items() if name != "milliseconds"}


def facts(target: type[Target], proof: Proof) -> dict[str, Any]:
    """What the report keeps of a proof."""
    return {
        "engine": target.engine,
        "device": target.device or "CPU",
        "precision": target.precision,
        "bytes": proof.bytes,
        "ran_on": proof.ran_on,
        "parity": proof.parity,
        "milliseconds": proof.milliseconds,
        "gate": _summary(proof),
        "operators": {name: found.as_json() for name, found in proof.support.items()},
        **dict(proof.built.notes),
    }


def _summary(proof: Proof) -> dict[str, Any] | None:
    if proof.verdict is None:
        return None
    whole = proof.verdict.as_json()
    return {key: whole[key] for key in ("samples", "labelled", "passed", "metrics", "breaches")}


def plain(build: Build) -> dict[str, Any]:
    """The manifest of a recipe that states none: no task that mien knows, for programs that run the network alone."""
    return {"schema": 1, "name": build.recipe.name, "task": "network", "licence": _LICENCE}


def ports(build: Build) -> dict[str, Any]:
    """Inputs and outputs as the examples show them."""
    recipe = build.recipe
    inputs: dict[str, Any] = {}
    for name, example in recipe.inputs.items():
        shape = list(example.shape)
        inputs[name] = {"shape": shape}
        if name == recipe.image:
            nhwc = shape[3] == 3 and shape[1] != 3
            scale, bias = recipe.value
            image = {"layout": "nhwc" if nhwc else "nchw", "color": "rgb", "scale": [scale] * 3, "bias": [bias] * 3}
            inputs[name]["image"] = image
    shapes = {name: list(value.shape) for name, value in zip(recipe.outputs, build.values.expected[0], strict=True)}
    return {"inputs": inputs, "outputs": {name: {"shape": shape} for name, shape in shapes.items()}}


def write(
    path: Path,
    build: Build,
    targets: Mapping[str, type[Target]],
    proofs: Mapping[str, Proof],
    key: str,
    signature: bytes | None,
) -> None:
    """Writes the bundle; the one before stays whole until the new one is.

    Raises:
        BundleError: it cannot be written. ExportError: two targets mean different things by one member.
    """
    blobs: dict[str, bytes] = dict(build.recipe.blobs)
    for proof in proofs.values():
        for name, data in proof.built.blobs.items():
            if blobs.setdefault(name, data) != data:
                raise ExportError("export.members", f"Two targets want a member {name} of different bytes.", "")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ExportError("export.write", f"{path.parent} cannot be made: {error.strerror}.", "") from error
    Bundle.write(path, manifest(build, targets, proofs, key), blobs, signature)
