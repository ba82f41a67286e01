"""Target: what a model becomes for one engine, device and precision. A file of this folder is one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from mien.manifest import Target as Entry

from export.recipe import Recipe
from quantization.samples import Run, Samples
from quantization.sensitivity import Layer


class Artifacts(Protocol):
    """What a target is made of; `export.build.Build` is one."""

    @property
    def recipe(self) -> Recipe:
        """What is exported."""

    @property
    def network(self) -> str:
        """The network's name in the manifest; members are named after it."""

    @property
    def calibration(self) -> Samples:
        """What int8 ranges are taken from."""

    def same_names(self) -> dict[str, str]:
        """Tensors that have the recipe's names."""

    def operators(self) -> dict[str, list[str]]:
        """Of the float graph: operator -> names of the nodes."""

    def float_blob(self) -> tuple[str, bytes]:
        """Member and bytes of the float ONNX."""

    def int8_blob(self, symmetric: bool = False) -> tuple[str, bytes]:
        """Member and bytes of the int8 ONNX."""

    def layers(self) -> list[Layer]:
        """What each layer costs in int8, the most costly first."""

    def kept(self, name: str, make: Callable[[], bytes]) -> bytes:
        """Bytes that depend on the float model and its samples alone: made once, then read from disk."""

    def good_enough(self, run: Run) -> bool:
        """Whether an int8 network may go to the gate."""


@dataclass(frozen=True, eq=False)
class Built:
    """What a target made of the model.

    Attributes:
        blobs: members of the bundle; targets with equal bytes share a member.
        blob: which of them the engine loads.
        tensors: logical name -> the engine's.
        options: the engine's own settings at run time.
        notes: what a reader of the manifest should know: command lines, checks that were made.
        operators: operator -> names of the nodes, for the table of what the target supports; empty where there is none.
    """

    blobs: Mapping[str, bytes] = field(repr=False)
    blob: str
    tensors: Mapping[str, str]
    options: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)
    operators: Mapping[str, list[str]] = field(default_factory=dict)

    def entry(self, target: type[Target]) -> Entry:
        """As the runtime reads it from a manifest."""
        return Entry(
            target.engine, target.precision, self.blob, self.tensors, device=target.device, options=self.options
        )


class Target(ABC):
    """A target.

    Attributes:
        summary: one line for the command line's help.
        engine: a file of `mien/backends`; device: the only one it is made for, or "".
        precision: ``"fp32"``, ``"fp16"`` or ``"int8"``; an int8 target has to pass the gate.
        packages: module -> distribution, what the build needs beside torch and ONNX.
        table: the file of `export/ops` that says what the target supports, or "".
        needs: ``"torch"`` or ``"onnx"``: the form of the model it starts from; ``"any"`` takes .tflite files too.
        rank: the order in a bundle where nothing was measured; smaller is tried earlier.
    """

    summary: ClassVar[str]
    engine: ClassVar[str]
    device: ClassVar[str] = ""
    precision: ClassVar[str]
    packages: ClassVar[Mapping[str, str]] = {}
    table: ClassVar[str] = ""
    needs: ClassVar[str] = "onnx"
    rank: ClassVar[int] = 50

    @classmethod
    @abstractmethod
    def build(cls, artifacts: Artifacts) -> Built:
        """Makes it.

        Raises:
            MissingExtraError, ExportError, QuantizationError.
        """
