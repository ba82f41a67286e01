"""Build: one model on its way to its targets: float graph, samples and int8 graph, each made once and kept on disk.

Everything is keyed by what it is made of, so that another export takes up what has not changed, and targets can be
built in processes of their own.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch

from export import graph
from export.errors import ExportError
from export.key import key_of
from export.plugins import find
from export.recipe import Recipe
from export.sources import open_source
from quantization.calibration import LARGEST, SMALLEST, choose
from quantization.errors import QuantizationError
from quantization.gate import Limits, Verdict, judge
from quantization.methods.base import Method, Scheme
from quantization.methods.ort_static import WEIGHTED, keeps
from quantization.methods.qat import Torch
from quantization.mixed import fewest_in_float
from quantization.refit import refit
from quantization.samples import F32, Run, Samples, answers
from quantization.sensitivity import Layer, scan
from quantization.weights import weights_only

_SEED, _HELD_OUT_SEED = 11, 12
_CANDIDATES = 3  # pictures rendered for each one of the calibration set, from which it is chosen
_HELD_OUT = 500
_JUDGED = 3  # of a user's own pictures, the share that judges is one in so many
_EXAMPLES = 4  # samples on which engines are compared with torch


@dataclass(frozen=True)
class Settings:
    """What the command line says; equal settings and files give equal bundles.

    Attributes:
        source: a recipe's name or .py file, or with `foreign` a model file.
        network: which network of a foreign bundle; "" means the first that looks at pictures.
        foreign: whether it is a model that this project has no recipe for.
        checkpoint: the recipe's weights; None: its own choice.
        pictures: a folder with the user's pictures to calibrate and judge on, instead of the recipe's samples.
        calibration: how many samples to calibrate on.
        method: the file of quantization/methods that makes int8 ONNX.
        shapes: input -> extents, for foreign models that leave them open.
        work: folder of everything between.
    """

    source: str
    foreign: bool
    checkpoint: Path | None
    pictures: Path | None
    calibration: int
    method: str
    shapes: Mapping[str, tuple[int, ...]]
    work: Path
    network: str = ""

    def __post_init__(self) -> None:
        if not SMALLEST <= self.calibration <= LARGEST:
            raise QuantizationError(
                "calibration.small" if self.calibration < SMALLEST else "calibration.large",
                f"{self.calibration} samples to calibrate on.",
                f"{SMALLEST} to {LARGEST} are sensible.",
            )


class Build:
    """See the module's text. `progress` is called with what is being done."""

    def __init__(self, settings: Settings, progress: Callable[[str], None] = lambda what: None) -> None:
        self.settings = settings
        self._progress = progress

    @cached_property
    def recipe(self) -> Recipe:
        """What is exported."""
        return open_source(self.settings)

    @property
    def network(self) -> str:
        """The network's name in the manifest; members are named after it."""
        return self.recipe.network or self.recipe.name

    def same_names(self) -> dict[str, str]:
        """Tensors that have the recipe's names."""
        return {name: name for name in (*self.recipe.inputs, *self.recipe.outputs)}

    # -- float ----------------------------------------------------------------------------------------------------

    @cached_property
    def float_model(self) -> onnx.ModelProto:
        """The simplified float32 graph."""
        recipe = self.recipe
        if recipe.tflite:
            raise ExportError("export.source", f"{recipe.name} is a .tflite file; it has no ONNX graph.", "")
        if recipe.onnx:
            return onnx.load_from_string(recipe.onnx)
        assert recipe.module is not None
        self._progress("tracing")
        examples = list(recipe.inputs.values())
        traced = graph.trace(recipe.module, examples, list(recipe.inputs), list(recipe.outputs))
        return graph.simplified(traced)

    @cached_property
    def fingerprint(self) -> str:
        """Of the float model, its samples and this code: the key to all that is made of them."""
        recipe = self.recipe
        body = recipe.tflite or self.float_model.SerializeToString(deterministic=True)
        own = [self.settings.pictures] if self.settings.pictures else []
        settings = [self.settings.calibration, self.settings.method, key_of({}, own)]
        return hashlib.sha256(body + json.dumps(settings).encode() + repr(recipe.limits).encode()).hexdigest()[:24]

    def float_blob(self) -> tuple[str, bytes]:
        """Member and bytes of the float graph as bundles store it: weights in half, preprocessing as metadata."""
        model = graph.halved(self.float_model, self.recipe.keep_whole)
        return f"onnx/{self.network}.onnx", self._described(model)

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
        """Of the float graph."""
        return graph.operators(self.float_model)

    def float_run(self) -> Run:
        """The float network, as the gate runs it; loaded once."""
        return self._float_run

    @cached_property
    def _float_run(self) -> Run:
        if self.recipe.tflite:
            from export.running import runner
            from export.targets.litert_cpu import LiteRtCpu

            return runner(LiteRtCpu, LiteRtCpu.build(self))
        return run_of(self.float_model)

    @cached_property
    def examples(self) -> list[dict[str, F32]]:
        """Inputs on which engines are compared."""
        rng = np.random.default_rng(_SEED)
        recipe = self.recipe
        first = {name: example.numpy() for name, example in recipe.inputs.items()}
        shapes = {name: example.shape for name, example in recipe.inputs.items()}
        others = [
            {name: (first[name] * rng.uniform(0.2, 1, shape)).astype(np.float32) for name, shape in shapes.items()}
            for _ in range(_EXAMPLES - 1)
        ]
        return [first, *others]

    @cached_property
    def expected(self) -> list[list[F32]]:
        """What the module says to the examples; for foreign files, what their own engine says."""
        recipe = self.recipe
        if recipe.module is None:
            run = self.float_run()
            return [list(run(feed, list(recipe.outputs))) for feed in self.examples]
        with torch.no_grad():
            said = [recipe.module(*(torch.from_numpy(feed[name]) for name in recipe.inputs)) for feed in self.examples]
        return [[value.numpy() for value in ([a] if isinstance(a, torch.Tensor) else a)] for a in said]

    def kept(self, name: str, make: Callable[[], bytes]) -> bytes:
        """Bytes that depend on the float model and its samples alone: made once, then read from disk."""
        path = self.settings.work / f"{self.fingerprint}-{name}"
        if not path.is_file():
            self._progress(f"making {name}")
            data = make()
            keep(path, lambda target: target.write_bytes(data))
        return path.read_bytes()

    # -- samples --------------------------------------------------------------------------------------------------

    @cached_property
    def candidates(self) -> Samples:
        """What the calibration set is chosen from."""
        own = self._own_pictures
        if own is not None:
            return own.rows(np.flatnonzero(np.arange(len(own)) % _JUDGED))
        return self._rendered(self.settings.calibration * _CANDIDATES, _SEED, held_out=False)

    @cached_property
    def held_out(self) -> Samples:
        """What the gate judges on: other people than those of the calibration set, where it can know."""
        own = self._own_pictures
        if own is not None:
            return own.rows(np.arange(0, len(own), _JUDGED))
        return self._rendered(_HELD_OUT, _HELD_OUT_SEED, held_out=True)

    def _rendered(self, count: int, seed: int, held_out: bool) -> Samples:
        if self.recipe.samples is None:
            raise QuantizationError(
                "calibration.none",
                f"Nobody knows what {self.recipe.name} looks at.",
                "Give a folder of pictures with --calibration, or a recipe with samples.",
            )
        self._progress("rendering samples")
        return self.recipe.samples(count, seed, held_out)

    @cached_property
    def _own_pictures(self) -> Samples | None:
        folder = self.settings.pictures
        if folder is None:
            return None
        from export.pictures import frames, whole

        self._progress("reading pictures")
        recipe = self.recipe
        found = recipe.cut(frames(folder)) if recipe.cut else whole(frames(folder), recipe)
        if len(found) == 0:
            raise QuantizationError("calibration.faces", f"No face was found in {folder}.", "Give pictures of faces.")
        if len(found) * (_JUDGED - 1) // _JUDGED < SMALLEST:
            raise QuantizationError(
                "calibration.small",
                f"{folder} gives {len(found)} samples, of which every third one judges.",
                f"Give {SMALLEST * _JUDGED // (_JUDGED - 1)} or more, of many people, lights and expressions.",
            )
        return found

    @cached_property
    def _chosen(self) -> npt.NDArray[np.intp]:
        """Which candidates are the calibration set."""
        path = self.settings.work / f"{self.fingerprint}-calibration.npy"
        if not path.is_file():
            candidates = self.candidates
            self._progress("choosing the calibration set")
            outputs = list(self.recipe.outputs)
            rows = choose(self.float_run(), candidates, outputs, self.settings.calibration, _SEED)
            keep(path, lambda target: np.save(target, rows))
        return np.load(path)  # type: ignore[no-any-return]

    @cached_property
    def calibration(self) -> Samples:
        """The calibration set."""
        return self.candidates.rows(self._chosen)

    @cached_property
    def tuning(self) -> Samples:
        """Candidates that nobody calibrates on: what mixed precision is decided by, so that the gate stays unseen."""
        others = np.setdiff1d(np.arange(len(self.candidates)), self._chosen)
        return self.candidates.rows(others[:_HELD_OUT]) if len(others) >= SMALLEST else self.calibration

    # -- int8 -----------------------------------------------------------------------------------------------------

    @cached_property
    def limits(self) -> Limits:
        """The recipe's; where nobody knows an output's unit it is the range of its values, or 1 if that is less."""
        recipe = self.recipe
        if recipe.module is not None:
            return recipe.limits
        said = answers(self.float_run(), self.tuning, list(recipe.outputs))
        spans = {name: float(np.ptp(np.percentile(values, (1, 99)))) for name, values in said.items()}
        return replace(recipe.limits, units={**{k: max(v, 1.0) for k, v in spans.items()}, **recipe.limits.units})

    def judged(self, run: Run, samples: Samples, limits: Limits | None = None) -> Verdict:
        """A network beside the float one."""
        recipe = self.recipe
        return judge(
            self.float_run(), run, samples, list(recipe.outputs), limits or self.limits, columns=recipe.columns,
            metrics=recipe.metrics, image=recipe.image, white=recipe.value[0] * 255,
        )  # fmt: skip

    def good_enough(self, run: Run) -> bool:
        """Whether an int8 network may go to the gate: on samples of its own, with less room than there."""
        return self.judged(run, self.tuning, self.limits.stricter()).passed

    @cached_property
    def _dense(self) -> dict[str, str]:
        """Node -> weight of the layers that run once a frame: their time goes into reading weights, so int8 sums gain
        nothing. In a network without convolutions they are all there is, and nothing is spared.
        """
        nodes = self.float_model.graph.node
        if not any(node.op_type == "Conv" for node in nodes):
            return {}
        held = {weight.name for weight in self.float_model.graph.initializer}
        weights = {node.name: node.input[1] for node in nodes if node.op_type in ("Gemm", "MatMul")}
        spared = (*self.recipe.keep_float, *self.recipe.keep_float_fixed)
        return {n: w for n, w in weights.items() if w in held and not any(part in w or part == n for part in spared)}

    def _spared(self, symmetric: bool) -> Mapping[str, str]:
        """The dense layers that need not try int8 sums. TensorRT multiplies in int8 or not at all: there all try."""
        return {} if symmetric else self._dense

    def _summed_in_float(self, *parts: Sequence[str]) -> set[str]:
        """The weights of the layers that stay in float: int8 takes a quarter of the room there too."""
        scheme = Scheme(keep_float=[part for some in parts for part in some])
        nodes = [node for node in self.float_model.graph.node if node.op_type in WEIGHTED and keeps(node, scheme)]
        weights = {node.input[1] for node in nodes}
        return {name for name in weights if not any(part in name for part in self.recipe.keep_whole)}

    def layers(self, symmetric: bool = False) -> list[Layer]:
        """What each layer costs in int8, the most costly first."""
        path = self.settings.work / f"{self.fingerprint}-layers-{symmetric}.json"
        if path.is_file():
            return [Layer(**layer) for layer in json.loads(path.read_text())]
        self._progress("trying layer after layer")
        scheme = Scheme(symmetric, (*self.recipe.keep_float, *self._spared(symmetric)))
        found = scan(self.float_model, self.calibration, list(self.recipe.outputs), scheme, run_of)
        text = json.dumps([layer.__dict__ for layer in found])
        keep(path, lambda target: target.write_text(text))
        return found

    def int8_model(self, symmetric: bool = False) -> tuple[onnx.ModelProto, list[str]]:
        """The int8 graph, and the names of the layers that it keeps in float."""
        stem = f"{self.fingerprint}-int8-{'symmetric' if symmetric else 'free'}"
        path, about = self.settings.work / f"{stem}.onnx", self.settings.work / f"{stem}.json"
        if path.is_file() and about.is_file():
            return onnx.load(path), json.loads(about.read_text())
        model, kept = self._quantized(find("quantization.methods", self.settings.method, Method), symmetric)
        keep(path, lambda target: onnx.save(model, target))
        keep(about, lambda target: target.write_text(json.dumps(list(kept))))
        return model, list(kept)

    def _quantized(self, method: type[Method], symmetric: bool) -> tuple[onnx.ModelProto, Sequence[str]]:
        recipe, samples = self.recipe, self.calibration
        dense = self._spared(symmetric)
        always = (*recipe.keep_float, *recipe.keep_float_fixed)
        stay = (*always, *dense)
        if method.form == "module":
            if recipe.module is None:
                raise QuantizationError("quantization.method", f"{recipe.name} did not come as torch.", "")
            self._progress("training in int8")
            taught = Torch(recipe.module, list(recipe.inputs), list(recipe.outputs))
            spared = (*always, *(_place(weight) for weight in dense.values()))
            model = method().quantize(taught, samples, Scheme(symmetric, spared))
            return graph.halved(model, recipe.keep_whole), []
        if method.form != "onnx":
            raise QuantizationError("quantization.method", f"{self.settings.method} makes no ONNX.", "")
        layers = self.layers(symmetric)
        heads = Scheme(symmetric, always)

        def quantize(kept: Sequence[str]) -> onnx.ModelProto:
            self._progress(f"quantizing, {len(kept)} of {len(layers)} layers in float")
            model = method().quantize(self.float_model, samples, Scheme(symmetric, (*stay, *kept)))
            model = refit(model, self.float_model, samples, lambda node: keeps(node, heads), run_of)
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


def run_of(model: onnx.ModelProto) -> Run:
    """A graph in ONNX Runtime."""
    loaded = graph.session(model.SerializeToString())
    return lambda feed, outputs: loaded.run(list(outputs), dict(feed))


def keep(path: Path, write: Callable[[Path], Any]) -> None:
    """Writes a file whole or not at all.

    Raises:
        ExportError: ``export.write``, the disk is full or the folder cannot be written.
    """
    part = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(part)
        part.replace(path)
    except OSError as error:
        raise ExportError(
            "export.write", f"{path} cannot be written: {error.strerror or error}.", "Free some space; run it again."
        ) from error
    finally:
        part.unlink(missing_ok=True)
