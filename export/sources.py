"""Sources: a recipe of this project or of a user, or a model file from anywhere: .onnx, .pt2, .tflite, .mien."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import onnx
import torch
from mien.bundle import Bundle
from mien.manifest import Network

from export import graph
from export.errors import ExportError
from export.pictures import fed
from export.recipe import Recipe, load
from export.settings import Settings

_SUFFIXES = (".onnx", ".pt2", ".tflite", ".mien")


def open_source(settings: Settings) -> Recipe:
    """The recipe that the settings name, or one made up for a foreign file.

    Raises:
        ExportError: ``export.source``, the file is missing, damaged or of an unknown kind; as `recipe.load`.
    """
    path = settings.origin
    if path is not None and not path.is_file():
        raise ExportError("export.source", f"There is no file {path}.", "")
    if settings.recipe:
        return load(settings.recipe, path)
    assert path is not None
    openers = {".onnx": _onnx, ".pt2": _program, ".tflite": _tflite, ".mien": _bundle}
    if path.suffix not in openers:
        raise ExportError(
            "export.source",
            f"{path.name} is none of {', '.join(_SUFFIXES)}.",
            f"For a checkpoint name its recipe: python -m export RECIPE --from {path.name}.",
        )
    try:
        return openers[path.suffix](path, settings)
    except ExportError:
        raise
    except Exception as error:
        raise ExportError("export.source", f"{path.name} cannot be read: {error}", "Is the file complete?") from error


def _inputs_of(model: onnx.ModelProto) -> dict[str, torch.Tensor]:
    weights = {weight.name for weight in model.graph.initializer}
    generator = torch.Generator().manual_seed(0)
    examples = {}
    for port in model.graph.input:
        if port.name in weights:
            continue
        if port.type.tensor_type.elem_type != onnx.TensorProto.FLOAT:
            raise ExportError("export.source", f"The input {port.name} is not float32.", "Cast inside the model.")
        shape = [extent.dim_value for extent in port.type.tensor_type.shape.dim]
        examples[port.name] = torch.rand(shape, generator=generator)
    return examples


def _onnx(path: Path, settings: Settings) -> Recipe:
    return _from_onnx(path.stem, onnx.load(path), settings)


def _from_onnx(name: str, model: onnx.ModelProto, settings: Settings) -> Recipe:
    model = graph.fix_shapes(model, settings.shapes) if settings.shapes else model
    graph.check_static(model)
    slim = graph.simplified(model)
    inputs = _inputs_of(slim)
    image = next((key for key, value in inputs.items() if value.ndim == 4 and value.shape[1] == 3), "")
    return Recipe(
        name=name,
        module=None,
        inputs=inputs,
        outputs=[port.name for port in slim.graph.output],
        image=image,
        onnx=slim.SerializeToString(),
    )


def _program(path: Path, settings: Settings) -> Recipe:
    program = torch.export.load(path)
    module = program.module()
    examples = program.example_inputs
    if examples is None or examples[1]:
        raise ExportError("export.source", f"{path.name} holds no example inputs by position.", "Export it again.")
    names = [spec.arg.name for spec in program.graph_signature.input_specs if spec.kind.name == "USER_INPUT"]
    outputs = [spec.arg.name for spec in program.graph_signature.output_specs if spec.kind.name == "USER_OUTPUT"]
    inputs = dict(zip(names, examples[0], strict=True))
    image = next((key for key, value in inputs.items() if value.ndim == 4 and value.shape[1] == 3), "")
    return Recipe(name=path.stem, module=module, inputs=inputs, outputs=outputs, image=image)


def _tflite(path: Path, settings: Settings) -> Recipe:
    return _from_tflite(path.stem, path.read_bytes())


def _from_tflite(name: str, data: bytes) -> Recipe:
    from mien.backends.litert import LiteRtSession

    session = LiteRtSession(memoryview(data), device="CPU", threads=1)
    generator = torch.Generator().manual_seed(0)
    inputs = {key: torch.rand(shape, generator=generator) for key, shape in session.inputs.items()}
    image = next((key for key, value in inputs.items() if value.ndim == 4 and value.shape[3] == 3), "")
    return Recipe(name=name, module=None, inputs=inputs, outputs=list(session.outputs), image=image, tflite=data)


def _bundle(path: Path, settings: Settings) -> Recipe:
    """The first network of a bundle that pixels go into, with all that the manifest says of it."""
    bundle = Bundle.open(path)
    seeing = {k: n for k, n in bundle.manifest.networks.items() if any(p.image for p in n.inputs.values())}
    network = seeing.get(settings.network) if settings.network else next(iter(seeing.values()), None)
    if network is None:
        which = settings.network or "that looks at pictures"
        raise ExportError("export.source", f"{path.name} has no network {which}.", f"It has: {', '.join(seeing)}.")
    image, port = next((key, port) for key, port in network.inputs.items() if port.image is not None)
    target = next((t for t in network.targets if "int" not in t.precision), None)
    if target is None or target.engine not in ("onnxruntime", "litert"):
        raise ExportError("export.source", f"{path.name} has no float network in ONNX or TFLite.", "")
    data = bytes(bundle.blob(target.blob))
    assert port.image is not None
    value = (port.image.scale[0], port.image.bias[0])
    if target.engine == "litert":
        recipe = _from_tflite(bundle.manifest.name, data)
    else:
        recipe = _from_onnx(bundle.manifest.name, onnx.load_from_string(data), settings)
    return _as_bundled(recipe, bundle, network, target.tensors, image, value)


def _as_bundled(
    recipe: Recipe,
    bundle: Bundle,
    network: Network,
    tensors: Mapping[str, str],
    image: str,
    value: tuple[float, float],
) -> Recipe:
    fields = json.loads(json.dumps({k: v for k, v in bundle.manifest.root.fields.items() if k != "blobs"}))
    used = {name for n in bundle.manifest.networks.values() for t in n.targets for name in (t.blob, t.weights) if name}
    others = {name: bytes(bundle.blob(name)) for name in bundle.names() if name not in used}
    # Other networks of the bundle go along as they are.
    for name, other in bundle.manifest.networks.items():
        if name != network.name:
            others |= {t.blob: bytes(bundle.blob(t.blob)) for t in other.targets}
    by_tensor = {tensor: name for name, tensor in tensors.items()}
    return Recipe(
        name=recipe.name, module=None, onnx=recipe.onnx, tflite=recipe.tflite,
        inputs=recipe.inputs,
        outputs=[name for name in recipe.outputs if name in by_tensor],
        cut=lambda shown: fed(shown, bundle.path, network.name, {tensors[key]: tensors[key] for key in network.inputs}),
        manifest=fields, network=network.name, blobs=others, image=tensors[image], value=value,
        rename=by_tensor, limits=recipe.limits,
    )  # fmt: skip
