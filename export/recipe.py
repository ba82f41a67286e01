"""Recipe: everything export has to know of one model. A file of `export/recipes` holds one; so may a user's file.

    def recipe(origin: Path | None) -> Recipe: ...

A recipe that says no more than module, inputs and outputs is enough (docs/export.md); what is left out is generic.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mien.types import Frame
from torch import Tensor, nn

from export import recipes
from export.errors import ExportError
from quantization.gate import Limits
from quantization.samples import Arrays, Samples

# (what the network said, the truth) -> figures by name, each better when it is smaller.
Metrics = Callable[[Arrays, Arrays], Mapping[str, float]]


@dataclass(frozen=True, eq=False)
class Recipe:
    """One model and how it is judged.

    Attributes:
        name: of the bundle.
        module: is put into eval mode; takes the inputs in order, returns a tensor or a tuple of them. None: `onnx` or
            `tflite` is all there is.
        inputs: name -> an example with the batch extent of 1, float32; its shape is the network's.
        outputs: names in the module's order.
        manifest: what the bundle's manifest says but for targets and blobs: task, licence, sections, figures. Networks
            may be left out: then there is one of the recipe's name with the ports of the examples.
        network: which network of the manifest this is; "" means the recipe's name.
        blobs: further members of the bundle.
        image: name of the input that takes pixels, or "".
        value: pixel * scale + bias per channel is what that input wants; (1 / 255, 0) if nothing is said.
        keep_whole: parts of the names of weights that are not stored in half.
        keep_float: parts of the names of nodes or weights that no method quantizes.
        keep_float_fixed: the same, beside those, for methods that fix the ranges of what flows between layers (ONNX).
        columns: output -> the names of its columns, for reports and refusals.
        samples: (count, seed, held out) -> samples with labels, or None if only the user has pictures.
        cut: pictures -> what the network is fed when it looks at them; None resizes the whole of each.
        metrics: figures of the task beside what every output gets.
        limits: of the gate.
        rename: the model's own name of a tensor -> the manifest's, where they differ.
        tolerance: of a float engine's difference from torch, as `export.graph.difference` measures.
        onnx, tflite: a foreign model's bytes instead of a module.
        stored: the module as a bundle already holds it: float ONNX, weights in half, tensors of the recipe's names. It
            goes into the new bundle byte for byte; empty: it is traced.
    """

    name: str
    module: nn.Module | None
    inputs: Mapping[str, Tensor]
    outputs: Sequence[str]
    manifest: Mapping[str, Any] = field(default_factory=dict)
    network: str = ""
    blobs: Mapping[str, bytes] = field(default_factory=dict)
    image: str = ""
    value: tuple[float, float] = (1 / 255, 0.0)
    keep_whole: Sequence[str] = ()
    keep_float: Sequence[str] = ()
    keep_float_fixed: Sequence[str] = ()
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    samples: Callable[[int, int, bool], Samples] | None = None
    cut: Callable[[Iterable[Frame]], Samples] | None = None
    metrics: Metrics | None = None
    limits: Limits = field(default_factory=Limits)
    rename: Mapping[str, str] = field(default_factory=dict)
    tolerance: float = 1e-4
    onnx: bytes = b""
    tflite: bytes = b""
    stored: bytes = field(default=b"", repr=False)

    def __post_init__(self) -> None:
        for kind, names in (("input", list(self.inputs)), ("output", list(self.outputs))):
            if not names or len(set(names)) != len(names):
                raise ExportError("export.recipe", f"{self.name}: each {kind} needs a name of its own: {names}.", "")
        for name, example in self.inputs.items():
            if example.ndim < 1 or example.shape[0] != 1 or not example.is_floating_point():
                raise ExportError(
                    "export.recipe",
                    f"{self.name}: the example of {name} is {example.dtype} {tuple(example.shape)}.",
                    "Examples are float32 with a batch extent of 1.",
                )
        if self.image and self.image not in self.inputs:
            raise ExportError("export.recipe", f"{self.name}: there is no input {self.image!r} for pixels.", "")
        if (self.module is not None) + bool(self.onnx) + bool(self.tflite) != 1:
            raise ExportError("export.recipe", f"{self.name}: give one of module, onnx and tflite.", "")
        if self.module is not None:
            with suppress(NotImplementedError):  # an exported program is what it is
                self.module.eval()


def names() -> list[str]:
    """The recipes of this project."""
    return sorted(module.name for module in pkgutil.iter_modules(recipes.__path__))


def load(which: str, origin: Path | None) -> Recipe:
    """The recipe of that name, or in that file.

    Raises:
        ExportError: ``export.recipe``, there is none, its file fails, or it gives something else.
    """
    path = Path(which)
    if path.suffix == ".py":
        module = _from_file(path)
    elif which in names():
        module = importlib.import_module(f"export.recipes.{which}")
    else:
        raise ExportError(
            "export.recipe", f"There is no recipe {which!r}.", f"Known: {', '.join(names())}; or give a .py file."
        )
    make = getattr(module, "recipe", None)
    if not callable(make):
        raise ExportError("export.recipe", f"{which} has no function recipe(origin).", "See docs/export.md.")
    recipe = make(origin)
    if not isinstance(recipe, Recipe):
        raise ExportError("export.recipe", f"{which}: recipe() gave a {type(recipe).__name__}.", "It gives a Recipe.")
    return recipe


def _from_file(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ExportError("export.recipe", f"There is no file {path}.", "")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # torch looks a module's class up by name
    sys.path.insert(0, str(path.resolve().parent))  # as if python ran the file
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ExportError("export.recipe", f"{path} fails: {error!r}.", "Run it with python to see where.") from error
    return module
