"""Target: what a model becomes for one engine, device and precision. A file of this folder is one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from mien.manifest import Target as Entry

if TYPE_CHECKING:
    from export.build import Build


@dataclass(frozen=True, eq=False)
class Built:
    """What a target made of the model.

    Attributes:
        blobs: members of the bundle; targets with equal bytes share a member.
        blob, weights: which of them the engine loads.
        tensors: logical name -> the engine's.
        options: the engine's own settings at run time.
        notes: what a reader of the manifest should know: command lines, checks that were made.
        operators: operator -> names of the nodes, for the table of what the target supports; empty where there is none.
    """

    blobs: Mapping[str, bytes] = field(repr=False)
    blob: str
    tensors: Mapping[str, str]
    weights: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)
    operators: Mapping[str, list[str]] = field(default_factory=dict)

    def entry(self, target: type[Target]) -> Entry:
        """As the runtime reads it from a manifest."""
        return Entry(
            target.engine, target.precision, self.blob, self.tensors, self.weights, target.device, self.options
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
    def build(cls, build: Build) -> Built:
        """Makes it.

        Raises:
            MissingExtraError, ExportError, QuantizationError.
        """
