"""Values: one model on its way to its targets before anything is quantized: float graph, examples and samples.

Everything is keyed by what it is made of, so that another export takes up what has not changed, and targets can be
built in processes of their own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import cached_property

import numpy as np
import numpy.typing as npt
import onnx
import torch

from export import graph
from export.errors import ExportError
from export.kept import keep
from export.key import key_of
from export.pictures import frames, whole
from export.recipe import Recipe
from export.running import run_of, run_of_tflite
from export.settings import Settings
from quantization.calibration import SMALLEST, choose
from quantization.errors import QuantizationError
from quantization.samples import F32, Run, Samples

_SEED, _HELD_OUT_SEED = 11, 12
_CANDIDATES = 3  # pictures rendered for each one of the calibration set, from which it is chosen
_HELD_OUT = 500
_JUDGED = 3  # of a user's own pictures, the share that judges is one in so many
_EXAMPLES = 4  # samples on which engines are compared with torch


class Values:
    """See the module's text. `progress` is called with what is being done."""

    def __init__(self, recipe: Recipe, settings: Settings, progress: Callable[[str], None] = lambda what: None) -> None:
        self.recipe, self.settings, self.progress = recipe, settings, progress

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
        self.progress("tracing")
        examples = list(recipe.inputs.values())
        traced = graph.trace(recipe.module, examples, list(recipe.inputs), list(recipe.outputs))
        return graph.simplified(traced)

    @cached_property
    def fingerprint(self) -> str:
        """Of the float model, its samples and the limits: the key to all that is made of them."""
        recipe = self.recipe
        body = recipe.tflite or self.float_model.SerializeToString(deterministic=True)
        own = [self.settings.pictures] if self.settings.pictures else []
        settings = [self.settings.calibration, self.settings.method, key_of({}, own)]
        return hashlib.sha256(body + json.dumps(settings).encode() + repr(recipe.limits).encode()).hexdigest()[:24]

    @cached_property
    def run(self) -> Run:
        """The float network, as the gate runs it."""
        return run_of_tflite(self.recipe.tflite) if self.recipe.tflite else run_of(self.float_model)

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
            return [list(self.run(feed, list(recipe.outputs))) for feed in self.examples]
        with torch.no_grad():
            said = [recipe.module(*(torch.from_numpy(feed[name]) for name in recipe.inputs)) for feed in self.examples]
        return [[value.numpy() for value in ([a] if isinstance(a, torch.Tensor) else a)] for a in said]

    def kept(self, name: str, make: Callable[[], bytes]) -> bytes:
        """Bytes that depend on the float model and its samples alone: made once, then read from disk."""
        path = self.settings.work / f"{self.fingerprint}-{name}"
        if not path.is_file():
            self.progress(f"making {name}")
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
        self.progress("rendering samples")
        return self.recipe.samples(count, seed, held_out)

    @cached_property
    def _own_pictures(self) -> Samples | None:
        folder = self.settings.pictures
        if folder is None:
            return None
        self.progress("reading pictures")
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
            self.progress("choosing the calibration set")
            rows = choose(self.run, candidates, list(self.recipe.outputs), self.settings.calibration, _SEED)
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
