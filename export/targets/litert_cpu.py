"""LiteRT on phones and headsets, float, with the XNNPACK kernels. Weights are stored in half."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import Any, ClassVar

from mien.errors import MissingExtraError

from export.errors import ExportError
from export.graph import reason
from export.recipe import Recipe
from export.targets.base import Artifacts, Built, Target
from quantization.half import halved


class LiteRtCpu(Target):
    summary: ClassVar[str] = "LiteRT, CPU, float32"
    engine: ClassVar[str] = "litert"
    precision: ClassVar[str] = "fp32"
    packages: ClassVar[dict[str, str]] = {
        "litert_torch": "litert-torch",
        "ai_edge_litert": "ai-edge-litert",
        "ai_edge_quantizer": "ai-edge-quantizer",
    }
    table: ClassVar[str] = "litert_gpu"
    needs: ClassVar[str] = "any"
    rank: ClassVar[int] = 25

    @classmethod
    def build(cls, artifacts: Artifacts) -> Built:
        data = halved_tflite(artifacts)
        blob = f"litert/{artifacts.network}.tflite"
        return Built({blob: data}, blob, tensors_of(artifacts.recipe, data), operators=operators(data))


def halved_tflite(artifacts: Artifacts) -> bytes:
    """The float model with weights in half, which XNNPACK widens while it loads; a foreign one as it came.

    Half of the file, and not a bit of difference: what is exported has rounded its weights before.
    """
    source = float_tflite(artifacts)
    if artifacts.recipe.tflite:
        return source
    return artifacts.kept(f"{artifacts.network}-half.tflite", lambda: halved(source))


def float_tflite(artifacts: Artifacts) -> bytes:
    """The float model as .tflite: a foreign one as it came, else converted from torch once and kept."""
    recipe = artifacts.recipe
    if recipe.tflite:
        return recipe.tflite
    if recipe.module is None:
        raise ExportError(
            "export.source", f"{recipe.name} came as ONNX; LiteRT's converter reads torch.", "Export it from torch."
        )
    return artifacts.kept(f"{artifacts.network}.tflite", lambda: _converted(recipe))


def _converted(recipe: Recipe) -> bytes:
    try:
        import litert_torch
    except ImportError as error:
        raise MissingExtraError("export", "litert-torch", "Exporting to LiteRT") from error
    assert recipe.module is not None
    with warnings.catch_warnings(), tempfile.TemporaryDirectory(prefix="mien-") as folder:
        warnings.simplefilter("ignore")
        path = Path(folder) / "model.tflite"
        try:
            litert_torch.convert(recipe.module, tuple(recipe.inputs.values())).export(str(path))
        except Exception as error:
            raise ExportError(
                "export.target", f"LiteRT cannot convert {recipe.name}: {reason(error)}", "Rewrite that operation."
            ) from error
        return path.read_bytes()


def tensors_of(recipe: Recipe, data: bytes) -> dict[str, str]:
    """Logical name -> the file's name of the tensor: quantizers rename them, but keep their order."""
    if recipe.tflite:
        now = dict(zip(_ports(_plain(recipe.tflite)), _ports(_plain(data)), strict=True))
        return {name: now[name] for name in (*recipe.inputs, *recipe.outputs)}
    signature = _plain(data).get_signature_runner()
    inputs, outputs = signature.get_input_details(), signature.get_output_details()
    tensors = {name: str(inputs[f"args_{k}"]["name"]) for k, name in enumerate(recipe.inputs)}
    return tensors | {name: str(outputs[f"output_{k}"]["name"]) for k, name in enumerate(recipe.outputs)}


def _ports(interpreter: Any) -> list[str]:
    return [str(port["name"]) for port in (*interpreter.get_input_details(), *interpreter.get_output_details())]


def operators(data: bytes) -> dict[str, list[str]]:
    """Operator -> names of what it makes, without those that only the CPU delegate adds."""
    interpreter = _plain(data)
    names = {int(d["index"]): str(d["name"]) for d in interpreter.get_tensor_details()}
    found: dict[str, list[str]] = {}
    for op in interpreter._get_ops_details():  # the one way to a .tflite file's operators without its compiler
        outputs = [names.get(int(i), "") for i in op["outputs"]]
        found.setdefault(op["op_name"], []).append(outputs[0] if outputs else "")
    return found


def _plain(data: bytes) -> Any:
    """An interpreter without a delegate, which would hide the file's operators."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    try:
        interpreter = Interpreter(
            model_content=data, experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        )
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:  # quantizers write files now and then that LiteRT refuses
        raise ExportError("export.target", f"LiteRT refuses the file that was made: {error}", "") from error
    return interpreter
