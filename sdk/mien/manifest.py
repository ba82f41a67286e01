"""Manifest: what a bundle says of itself, read strictly.

Every field is fetched through a `Section`, which names the field's path, what was expected and what came. Networks,
their tensors and their targets are parsed here, since all tasks share them; a task reads its own section. A section
remembers what was read, so that a misspelt field is refused instead of ignored.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mien.errors import BundleError

SCHEMA = 1
_MISSING = object()
_LARGEST = 1e30  # of a scale, bias or quantization scale: every pixel value stays finite in float32


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # JSON may hold integers that no float can
        return False


class Section:
    """One JSON object of the manifest and where it stands."""

    def __init__(self, fields: Any, path: str) -> None:
        self.path = path
        self.fields: dict[str, Any] = self._typed(fields, dict, path, "an object")
        self._read: set[str] = set()
        self._inner: dict[str, Section] = {}
        for name in self.fields:
            if not isinstance(name, str) or not name.isprintable():
                raise self._refusal(name, path, "names of printable characters")

    def done(self) -> None:
        """Refuses fields that nobody read, here and in all sections handed out; call it when everything was read."""
        for name in self.fields.keys() - self._read:
            raise BundleError("manifest.unknown", f"{self.path}.{name} means nothing here.", "See docs/bundle.md.")
        for inner in self._inner.values():
            inner.done()

    def native(self) -> None:
        """Leaves the fields to the native core, which reads this section and refuses what means nothing in it."""
        self._read.update(self.fields)

    @classmethod
    def _typed(cls, value: Any, kind: type | tuple[type, ...], path: str, expected: str) -> Any:
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise cls._refusal(value, path, expected)
        # Names and licences are shown on terminals and web pages.
        if isinstance(value, str) and not value.isprintable():
            raise cls._refusal(value, path, f"{expected} of printable characters")
        return value

    @staticmethod
    def _refusal(value: Any, path: str, expected: str) -> BundleError:
        got = "nothing" if value is _MISSING else repr(value)[:80]
        return BundleError("manifest.field", f"{path}: expected {expected}, got {got}.", "See docs/bundle.md.")

    def _get(self, name: str, kind: type | tuple[type, ...], expected: str, default: Any) -> Any:
        self._read.add(name)
        if default is not _MISSING and name not in self.fields:
            return default
        return self._typed(self.fields.get(name, _MISSING), kind, f"{self.path}.{name}", expected)

    def __contains__(self, name: str) -> bool:
        return name in self.fields

    def section(self, name: str) -> Section:
        """A nested object; the same one each time."""
        return self._section(self._get(name, object, "an object", _MISSING), name, f".{name}")

    def _section(self, value: Any, key: str, place: str) -> Section:
        if key not in self._inner:
            self._inner[key] = Section(value, f"{self.path}{place}")
        return self._inner[key]

    def sections(self, name: str) -> dict[str, Section]:
        """A nested object of objects."""
        inner = self.section(name)
        return {key: inner.section(key) for key in inner.fields}

    def text(self, name: str, default: Any = _MISSING, among: tuple[str, ...] = ()) -> str:
        """A string, optionally one of a few."""
        expected = f"one of {', '.join(among)}" if among else "a string"
        value: str = self._get(name, str, expected, default)
        if among and value not in among:
            raise self._refusal(value, f"{self.path}.{name}", expected)
        return value

    def number(self, name: str, default: Any = _MISSING, low: float = -math.inf, high: float = math.inf) -> float:
        """A finite number within low..high."""
        value = self._get(name, (int, float), "a number", default)
        if not _is_finite(value) or not low <= value <= high:
            raise self._refusal(value, f"{self.path}.{name}", f"a number in {low}..{high}")
        return float(value)

    def integer(self, name: str, default: Any = _MISSING, low: int = 0, high: int = 1 << 31) -> int:
        """An integer within low..high."""
        value: int = self._get(name, int, "an integer", default)
        if not low <= value <= high:
            raise self._refusal(value, f"{self.path}.{name}", f"an integer in {low}..{high}")
        return value

    def flag(self, name: str, default: Any = _MISSING) -> bool:
        """true or false."""
        value: bool = self._get(name, bool, "true or false", default)
        return value

    def numbers(
        self, name: str, count: int | None = None, default: Any = _MISSING, limit: float = math.inf
    ) -> list[float]:
        """A list of finite numbers within -limit..limit, of a given length if one is given."""
        expected = f"a list of {'' if count is None else count} numbers"
        values = self._get(name, list, expected, default)
        good = all(
            isinstance(v, (int, float)) and not isinstance(v, bool) and _is_finite(v) and abs(v) <= limit
            for v in values
        )
        if not good or (count is not None and len(values) != count):
            raise self._refusal(values, f"{self.path}.{name}", expected)
        return [float(v) for v in values]

    def integers(self, name: str, count: int | None = None, default: Any = _MISSING) -> list[int]:
        """A list of integers."""
        values = self.numbers(name, count, default)
        if any(v != int(v) for v in values):
            raise self._refusal(values, f"{self.path}.{name}", "a list of integers")
        return [int(v) for v in values]

    def objects(self, name: str) -> list[Section]:
        """A list of objects."""
        values = self._get(name, list, "a list of objects", _MISSING)
        return [self._section(value, f"{name}[{i}]", f".{name}[{i}]") for i, value in enumerate(values)]

    def texts(self, name: str, default: Any = _MISSING) -> list[str]:
        """A list of strings."""
        expected = "a list of strings of printable characters"
        values = self._get(name, list, expected, default)
        if not all(isinstance(v, str) and v.isprintable() for v in values):
            raise self._refusal(values, f"{self.path}.{name}", expected)
        return list(values)


@dataclass(frozen=True)
class ImageInput:
    """How a picture becomes this input tensor.

    Attributes:
        scale, bias: value = pixel * scale + bias per channel, pixel in 0..255, in the tensor's channel order.
        align: ``"corner"``: tensor index 0 samples the crop's edge and index `size` its other edge (MediaPipe, OpenCV
            warps); ``"center"``: tensor pixel centres sample the centres of the crop's cells.
        border: outside the frame: ``"replicate"`` or ``"constant"`` (black).
        sampling: ``"fine"``, or ``"8bit"`` for networks whose reference pipeline warps 8-bit pictures (see mien.h).
        quant_scale, quant_zero: for integer inputs.
    """

    layout: str
    color: str
    scale: tuple[float, ...]
    bias: tuple[float, ...]
    align: str
    border: str
    sampling: str
    quant_scale: float
    quant_zero: int


@dataclass(frozen=True)
class Port:
    """One input or output of a network by its logical name; `image` only where pixels go in."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    image: ImageInput | None = None


@dataclass(frozen=True)
class Target:
    """The same network made for one engine: which blob, and the engine's tensor name for each logical one.

    Attributes:
        weights: a second blob where the engine's format has two files, or "".
        device: the only device of that engine that this was made for, or "" for any.
        options: the engine's own settings, in its own words.
    """

    engine: str
    precision: str
    blob: str
    tensors: Mapping[str, str]
    weights: str = ""
    device: str = ""
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Network:
    """A network: ports by logical name, and targets in the order of preference."""

    name: str
    inputs: Mapping[str, Port]
    outputs: Mapping[str, Port]
    targets: tuple[Target, ...]

    def image_input(self) -> tuple[Port, ImageInput]:
        """The one input that takes pixels. Raises BundleError if there is not exactly one."""
        found = [(port, port.image) for port in self.inputs.values() if port.image is not None]
        if len(found) != 1:
            raise BundleError(
                "manifest.field", f"Network {self.name!r} has {len(found)} image inputs, expected one.", ""
            )
        return found[0]

    def output(self, name: str) -> Port:
        """One output's description. Raises BundleError if the manifest lacks it."""
        try:
            return self.outputs[name]
        except KeyError:
            raise BundleError("manifest.field", f"Network {self.name!r} needs an output named {name!r}.", "") from None


@dataclass(frozen=True)
class Manifest:
    """A whole manifest. `root` gives the task its own section; call `root.done()` when the task has read it."""

    name: str
    task: str
    licence: str
    source: str
    training_data: str
    networks: Mapping[str, Network]
    blobs: Mapping[str, str]
    root: Section

    @classmethod
    def parse(cls, text: bytes) -> Manifest:
        """Reads and checks the JSON, all but the tasks' own sections. Raises BundleError naming the field."""
        try:
            fields = json.loads(text, object_pairs_hook=_without_doubles)
        except (ValueError, RecursionError) as error:
            raise BundleError("manifest.json", f"The manifest is not JSON ({error}).", "Get a fresh copy.") from error
        root = Section(fields, "manifest")
        schema = root.integer("schema")
        if schema != SCHEMA:
            raise BundleError(
                "manifest.schema", f"Manifest schema {schema}; this version reads {SCHEMA}.", "Upgrade mien."
            )
        licence = root.section("licence")
        blobs = root.section("blobs")
        hashes = {name: blobs.text(name) for name in blobs.fields}
        networks = {name: _network(name, section, hashes) for name, section in root.sections("networks").items()}
        for member in licence.texts("texts", []):
            _check_member(member, hashes, f"{licence.path}.texts")
        if "metrics" in root:
            root._get("metrics", dict, "an object", _MISSING)  # for people: nothing in it is read
        manifest = cls(
            root.text("name"),
            root.text("task"),
            licence.text("spdx"),
            licence.text("source", ""),
            root.text("training_data", "not stated"),
            networks,
            hashes,
            root,
        )
        for section in (licence, root.section("networks")):
            section.done()
        return manifest


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; two readers may disagree on which of two fields of one name counts."""
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("an object has two fields of the same name")
    return fields


def _check_member(member: str, blobs: Mapping[str, str], path: str) -> None:
    if member not in blobs:
        raise BundleError("manifest.field", f"{path}: {member!r} is not a member of the bundle.", "")


def _network(name: str, section: Section, blobs: Mapping[str, str]) -> Network:
    inputs = {key: _port(key, port) for key, port in section.sections("inputs").items()}
    outputs = {key: _port(key, port) for key, port in section.sections("outputs").items()}
    targets = []
    for target in section.objects("targets"):
        tensors = target.section("tensors")
        names = {key: tensors.text(key) for key in (*inputs, *outputs)}
        blob = target.text("blob")
        _check_member(blob, blobs, f"{target.path}.blob")
        weights = target.text("weights", "")
        if weights:
            _check_member(weights, blobs, f"{target.path}.weights")
        stated = target.section("options") if "options" in target else Section({}, f"{target.path}.options")
        options = {key: stated.text(key) for key in stated.fields}
        targets.append(
            Target(
                target.text("engine"),
                target.text("precision"),
                blob,
                names,
                weights,
                target.text("device", ""),
                options,
            )
        )
    if not targets:
        raise BundleError("manifest.field", f"{section.path}.targets: expected at least one target.", "")
    return Network(name, inputs, outputs, tuple(targets))


_CHANNELS = {"rgb": 3, "bgr": 3, "gray": 1}
_PIXELS = ("float32", "float16", "uint8", "int8")
_MAX_SIDE = 32767


def _port(name: str, section: Section) -> Port:
    shape = tuple(section.integers("shape"))
    if not shape or any(not 1 <= extent <= 1 << 24 for extent in shape) or math.prod(shape) > 1 << 28:
        raise BundleError("manifest.field", f"{section.path}.shape: {shape} is no possible tensor shape.", "")
    dtype = section.text("dtype", "float32", ("float32", "float16", "uint8", "int8", "int32", "int64"))
    if "image" not in section:
        return Port(name, shape, dtype)
    section.text("dtype", "float32", _PIXELS)
    image = section.section("image")
    layout = image.text("layout", among=("nchw", "nhwc"))
    color = image.text("color", among=tuple(_CHANNELS))
    channels = _CHANNELS[color]
    at = 1 if layout == "nchw" else 3
    if len(shape) != 4 or shape[0] != 1 or shape[at] != channels or max(shape) > _MAX_SIDE:
        raise BundleError("manifest.field", f"{section.path}: shape {shape} does not fit {layout} {color}.", "")
    return Port(
        name,
        shape,
        dtype,
        ImageInput(
            layout,
            color,
            tuple(image.numbers("scale", channels, limit=_LARGEST)),
            tuple(image.numbers("bias", channels, limit=_LARGEST)),
            image.text("align", "center", ("corner", "center")),
            image.text("border", "replicate", ("replicate", "constant")),
            image.text("sampling", "fine", ("fine", "8bit")),
            image.number("quant_scale", 1.0, 1e-12, _LARGEST),
            image.integer("quant_zero", 0, low=-128, high=255),
        ),
    )
