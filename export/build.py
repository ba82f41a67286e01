"""Build: what targets are made of: the float graph as it is stored, and an int8 graph that is fit for the gate.

See `values` for what comes before, `judge` for the gate.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

import onnx

from export import graph
from export.judge import Judge
from export.kept import keep
from export.plugins import find
from export.recipe import Recipe
from export.running import run_of
from export.settings import Settings
from export.values import Values
from quantization.errors import QuantizationError
from quantization.methods.base import Method, Scheme
from quantization.methods.ort_static import WEIGHTED, keeps
from quantization.methods.qat import Torch
from quantization.mixed import fewest_in_float
from quantization.refit import refit
from quantization.samples import Run, Samples
from quantization.sensitivity import Layer, scan
from quantization.weights import weights_only


class Build:
    """The `Artifacts` of targets. `progress` is called with what is being done."""

    def __init__(self, recipe: Recipe, settings: Settings, progress: Callable[[str], None] = lambda what: None) -> None:
        self.values = Values(recipe, settings, progress)
        self.judge = Judge(self.values)

    @property
    def recipe(self) -> Recipe:
        """What is exported."""
        return self.values.recipe

    @property
    def network(self) -> str:
        """The network's name in the manifest; members are named after it."""
        return self.recipe.network or self.recipe.name

    @property
    def calibration(self) -> Samples:
        """What int8 ranges are taken from."""
        return self.values.calibration

    def same_names(self) -> dict[str, str]:
        """Tensors that have the recipe's names."""
        return {name: name for name in (*self.recipe.inputs, *self.recipe.outputs)}

    def kept(self, name: str, make: Callable[[], bytes]) -> bytes:
        """Bytes that depend on the float model and its samples alone: made once, then read from disk."""
        return self.values.kept(name, make)

    def good_enough(self, run: Run) -> bool:
        """Whether an int8 network may go to the gate."""
        return self.judge.good_enough(run)

    # -- float ----------------------------------------------------------------------------------------------------

    def float_blob(self) -> tuple[str, bytes]:
        """Member and bytes of the float graph as bundles store it: weights in half, preprocessing as metadata."""
        member = f"onnx/{self.network}.onnx"
        if self.recipe.stored:
            return member, self.recipe.stored
        return member, self._described(graph.halved(self.values.float_model, self.recipe.keep_whole))

    def _described(self, model: onnx.ModelProto) -> bytes:
        """With what the image input wants, for readers that have the graph alone."""
        recipe = self.recipe
        if recipe.image:
            scale, bias = recipe.value
            shape = list(recipe.inputs[recipe.image].shape)
            about = {"input": recipe.image, "shape": shape, "color": "rgb", "scale": scale, "bias": bias}
            onnx.helper.set_model_props(model, {"mien.image": json.dumps(about)})
        return bytes(model.SerializeToString(deterministic=True))

    def operators(self) -> dict[str, list[str]]:
        """Of the float graph: operator -> names of the nodes."""
        return graph.operators(self.values.float_model)

    # -- int8 -----------------------------------------------------------------------------------------------------

    @cached_property
    def _dense(self) -> dict[str, str]:
        """Node -> weight of the layers that run once a frame: their time goes into reading weights, so int8 sums gain
        nothing. In a network without convolutions they are all there is, and nothing is spared.
        """
        model = self.values.float_model.graph
        if not any(node.op_type == "Conv" for node in model.node):
            return {}
        held = {weight.name for weight in model.initializer}
        weights = {node.name: node.input[1] for node in model.node if node.op_type in ("Gemm", "MatMul")}
        spared = (*self.recipe.keep_float, *self.recipe.keep_float_fixed)
        return {n: w for n, w in weights.items() if w in held and not any(part in w or part == n for part in spared)}

    def _spared(self, symmetric: bool) -> Mapping[str, str]:
        """The dense layers that need not try int8 sums. TensorRT multiplies in int8 or not at all: there all try."""
        return {} if symmetric else self._dense

    def _summed_in_float(self, *parts: Sequence[str]) -> set[str]:
        """The weights of the layers that stay in float: int8 takes a quarter of the room there too."""
        scheme = Scheme(keep_float=[part for some in parts for part in some])
        nodes = [
            node for node in self.values.float_model.graph.node if node.op_type in WEIGHTED and keeps(node, scheme)
        ]
        weights = {node.input[1] for node in nodes}
        return {name for name in weights if not any(part in name for part in self.recipe.keep_whole)}

    def layers(self, symmetric: bool = False) -> list[Layer]:
        """What each layer costs in int8, the most costly first."""
        values = self.values
        path = values.settings.work / f"{values.fingerprint}-layers-{symmetric}.json"
        if path.is_file():
            return [Layer(**layer) for layer in json.loads(path.read_text())]
        values.progress("trying layer after layer")
        scheme = Scheme(symmetric, (*self.recipe.keep_float, *self._spared(symmetric)))
        found = scan(values.float_model, values.calibration, list(self.recipe.outputs), scheme, run_of)
        text = json.dumps([layer.__dict__ for layer in found])
        keep(path, lambda target: target.write_text(text))
        return found

    def int8_model(self, symmetric: bool = False) -> tuple[onnx.ModelProto, list[str]]:
        """The int8 graph, and the names of the layers that it keeps in float."""
        work = self.values.settings.work
        stem = f"{self.values.fingerprint}-int8-{'symmetric' if symmetric else 'free'}"
        path, about = work / f"{stem}.onnx", work / f"{stem}.json"
        if path.is_file() and about.is_file():
            return onnx.load(path), json.loads(about.read_text())
        model, kept = self._quantized(find("quantization.methods", self.values.settings.method, Method), symmetric)
        keep(path, lambda target: onnx.save(model, target))
        keep(about, lambda target: target.write_text(json.dumps(list(kept))))
        return model, list(kept)

    def _quantized(self, method: type[Method], symmetric: bool) -> tuple[onnx.ModelProto, Sequence[str]]:
        recipe, values = self.recipe, self.values
        samples, dense = values.calibration, self._spared(symmetric)
        always = (*recipe.keep_float, *recipe.keep_float_fixed)
        stay = (*always, *dense)
        if method.form == "module":
            if recipe.module is None:
                raise QuantizationError("quantization.method", f"{recipe.name} did not come as torch.", "")
            values.progress("training in int8")
            taught = Torch(recipe.module, list(recipe.inputs), list(recipe.outputs))
            spared = (*always, *(_place(weight) for weight in dense.values()))
            model = method().quantize(taught, samples, Scheme(symmetric, spared))
            return graph.halved(model, recipe.keep_whole), []
        if method.form != "onnx":
            raise QuantizationError("quantization.method", f"{values.settings.method} makes no ONNX.", "")
        layers = self.layers(symmetric)
        heads = Scheme(symmetric, always)

        def quantize(kept: Sequence[str]) -> onnx.ModelProto:
            values.progress(f"quantizing, {len(kept)} of {len(layers)} layers in float")
            model = method().quantize(values.float_model, samples, Scheme(symmetric, (*stay, *kept)))
            model = refit(model, values.float_model, samples, lambda node: keeps(node, heads), run_of)
            small = model if symmetric else weights_only(model, self._summed_in_float(stay, kept))
            return graph.halved(small, recipe.keep_whole)

        return fewest_in_float(layers, quantize, lambda model: self.good_enough(run_of(model)))

    def int8_blob(self, symmetric: bool = False) -> tuple[str, bytes]:
        """Member and bytes of the int8 graph."""
        model, _ = self.int8_model(symmetric)
        return f"onnx/{self.network}-int8{'-symmetric' if symmetric else ''}.onnx", self._described(model)


def _place(weight: str) -> str:
    """The module that a weight belongs to."""
    return weight.rsplit(".", 1)[0]
