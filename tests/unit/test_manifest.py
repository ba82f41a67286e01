"""mien.manifest: every refusal names the field, what was expected and what came."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mien.errors import BundleError
from mien.manifest import SCHEMA, Manifest, Section

FIELDS: dict[str, Any] = {
    "word": "hello",
    "half": 0.5,
    "whole": 7,
    "yes": True,
    "row": [1, 2.5],
    "counts": [1, 2],
    "names": ["a", "b"],
    "inner": {"x": 1},
    "list": [{"x": 1}, {"x": 2}],
    "mixed": [{"x": 1}, 3],
    "nothing": None,
    "huge": 10**400,
    "infinite": math.inf,
    "broken": [1, math.nan],
    "giant": [10**400],
}
SECTION = Section(FIELDS, "here")

READS: dict[str, tuple[Callable[[], Any], Any]] = {
    "text": (lambda: SECTION.text("word"), "hello"),
    "text among": (lambda: SECTION.text("word", among=("hello", "bye")), "hello"),
    "text by default": (lambda: SECTION.text("absent", "x"), "x"),
    "number": (lambda: SECTION.number("half"), 0.5),
    "number from an integer": (lambda: SECTION.number("whole"), 7.0),
    "number by default": (lambda: SECTION.number("absent", 2.0), 2.0),
    "integer": (lambda: SECTION.integer("whole"), 7),
    "flag": (lambda: SECTION.flag("yes"), True),
    "flag by default": (lambda: SECTION.flag("absent", False), False),
    "numbers": (lambda: SECTION.numbers("row", 2), [1.0, 2.5]),
    "integers": (lambda: SECTION.integers("counts"), [1, 2]),
    "texts": (lambda: SECTION.texts("names"), ["a", "b"]),
    "objects": (lambda: [o.integer("x") for o in SECTION.objects("list")], [1, 2]),
    "section": (lambda: SECTION.section("inner").integer("x"), 1),
    "sections": (lambda: list(Section({"a": {}, "b": {}}, "p").sections("a")), []),
    "contains": (lambda: ("word" in SECTION, "absent" in SECTION), (True, False)),
}


@pytest.mark.parametrize(("read", "expected"), READS.values(), ids=READS.keys())
def test_a_field_of_the_right_kind_is_read(read: Callable[[], Any], expected: Any) -> None:
    assert read() == expected


REFUSALS: dict[str, tuple[Callable[[], Any], str]] = {
    "text missing": (lambda: SECTION.text("absent"), "here.absent: expected a string, got nothing"),
    "text null": (lambda: SECTION.text("nothing"), "here.nothing: expected a string, got None"),
    "text number": (lambda: SECTION.text("whole"), "here.whole: expected a string, got 7"),
    "text among": (lambda: SECTION.text("word", among=("a", "b")), "here.word: expected one of a, b, got 'hello'"),
    "number missing": (lambda: SECTION.number("absent"), "here.absent: expected a number"),
    "number text": (lambda: SECTION.number("word"), "here.word: expected a number, got 'hello'"),
    "number flag": (lambda: SECTION.number("yes"), "here.yes: expected a number, got True"),
    "number low": (lambda: SECTION.number("half", low=0.6), r"here.half: expected a number in 0.6..inf, got 0.5"),
    "number high": (lambda: SECTION.number("half", high=0.4), r"here.half: expected a number in -inf..0.4"),
    "number infinite": (lambda: SECTION.number("infinite"), "here.infinite: expected a number"),
    "number huge": (lambda: SECTION.number("huge"), "here.huge: expected a number"),
    "integer fraction": (lambda: SECTION.integer("half"), "here.half: expected an integer, got 0.5"),
    "integer range": (lambda: SECTION.integer("whole", high=6), r"here.whole: expected an integer in 0..6, got 7"),
    "integer huge": (lambda: SECTION.integer("huge"), "here.huge: expected an integer"),
    "integer flag": (lambda: SECTION.integer("yes"), "here.yes: expected an integer, got True"),
    "flag number": (lambda: SECTION.flag("whole"), "here.whole: expected true or false, got 7"),
    "numbers scalar": (lambda: SECTION.numbers("half"), "here.half: expected a list of  ?numbers, got 0.5"),
    "numbers count": (lambda: SECTION.numbers("row", 3), r"here.row: expected a list of 3 numbers, got \[1, 2.5\]"),
    "numbers nan": (lambda: SECTION.numbers("broken"), "here.broken: expected a list"),
    "numbers huge": (lambda: SECTION.numbers("giant"), "here.giant: expected a list"),
    "numbers of text": (lambda: SECTION.numbers("names"), "here.names: expected a list"),
    "integers fraction": (lambda: SECTION.integers("row"), "here.row: expected a list of integers"),
    "texts mixed": (lambda: SECTION.texts("mixed"), "here.mixed: expected a list of strings"),
    "objects scalar": (lambda: SECTION.objects("word"), "here.word: expected a list of objects"),
    "objects mixed": (lambda: SECTION.objects("mixed"), r"here.mixed\[1\]: expected an object, got 3"),
    "section missing": (lambda: SECTION.section("absent"), "here.absent: expected an object, got nothing"),
    "section list": (lambda: SECTION.section("row"), "here.row: expected an object"),
    "sections scalar": (lambda: SECTION.sections("inner"), "here.inner.x: expected an object, got 1"),
    "nested": (lambda: SECTION.section("inner").text("x"), "here.inner.x: expected a string, got 1"),
}


@pytest.mark.parametrize(("read", "message"), REFUSALS.values(), ids=REFUSALS.keys())
def test_a_refusal_names_the_field_what_was_expected_and_what_came(read: Callable[[], Any], message: str) -> None:
    with pytest.raises(BundleError, match=message) as refused:
        read()
    assert refused.value.code == "manifest.field"


def full() -> dict[str, Any]:
    image = {"layout": "nchw", "color": "rgb", "scale": [1, 1, 1], "bias": [0, 0, 0]}
    network = {
        "inputs": {"image": {"shape": [1, 3, 8, 8], "image": image}},
        "outputs": {"y": {"shape": [1, 2]}},
        "targets": [
            {"engine": "e", "precision": "fp32", "blob": "m.onnx", "tensors": {"image": "i:0", "y": "Identity"}}
        ],
    }
    return {
        "schema": SCHEMA,
        "name": "n",
        "task": "face",
        "licence": {"spdx": "MIT", "source": "here"},
        "networks": {"net": network},
        "blobs": {"m.onnx": "0" * 64},
    }


def parsed(fields: Any) -> Manifest:
    return Manifest.parse(json.dumps(fields).encode())


def changed(path: str, value: Any) -> dict[str, Any]:
    """The full manifest with one field changed, or removed where value is `...`."""
    fields = full()
    *way, last = path.split(".")
    inner: Any = fields
    for step in way:
        inner = inner[int(step) if step.isdigit() else step]
    if value is ...:
        del inner[last]
    else:
        inner[last] = value
    return fields


def test_a_manifest_gives_networks_ports_and_targets_by_name() -> None:
    manifest = parsed(full())
    network = manifest.networks["net"]
    assert (manifest.name, manifest.task, manifest.licence, manifest.source) == ("n", "face", "MIT", "here")
    assert manifest.training_data == "not stated"
    assert network.inputs["image"].image is not None
    assert network.inputs["image"].image.align == "center"
    assert network.outputs["y"].shape == (1, 2)
    assert network.targets[0].tensors == {"image": "i:0", "y": "Identity"}


def test_a_target_may_have_a_second_file_a_device_and_options() -> None:
    fields = full()
    fields["networks"]["net"]["targets"][0] |= {"weights": "m.onnx", "device": "NPU", "options": {"a": "b"}}
    (target,) = parsed(fields).networks["net"].targets
    assert (target.weights, target.device, target.options) == ("m.onnx", "NPU", {"a": "b"})
    (plain,) = parsed(full()).networks["net"].targets
    assert (plain.weights, plain.device, plain.options) == ("", "", {})


def test_metrics_are_for_people_and_may_hold_anything() -> None:
    manifest = parsed({**full(), "metrics": {"jawOpen": [0.9, None]}})
    manifest.root.done()
    assert manifest.root.fields["metrics"] == {"jawOpen": [0.9, None]}


@pytest.mark.parametrize(
    "path",
    ["licence.spd", "networks.net.input", "networks.net.outputs.y.sape", "networks.net.inputs.image.image.borders",
     "networks.net.targets.0.opset", "networks.net.targets.0.tensors.extra"],
)  # fmt: skip
def test_a_field_that_means_nothing_is_refused(path: str) -> None:
    with pytest.raises(BundleError, match=path.split(".")[-1]) as refused:
        parsed(changed(path, 1))
    assert refused.value.code == "manifest.unknown"


def test_what_a_task_did_not_read_of_its_section_is_refused_when_it_is_done() -> None:
    manifest = parsed({**full(), "detect": {"score": 1, "crop": {"scale": 1, "scael": 2}}})
    detect = manifest.root.section("detect")
    detect.number("score")
    detect.section("crop").number("scale")
    with pytest.raises(BundleError, match=r"manifest\.detect\.crop\.scael means nothing") as refused:
        manifest.root.done()
    assert refused.value.code == "manifest.unknown"
    manifest.root.section("detect").section("crop").number("scael")
    manifest.root.done()


def test_a_section_that_no_task_reads_is_refused_when_they_are_done() -> None:
    with pytest.raises(BundleError, match=r"manifest\.fcae means nothing"):
        parsed({**full(), "fcae": {}}).root.done()


@pytest.mark.parametrize("text", ['{"schema": 99, "schema": 1}', '{"schema": 1, "licence": {"a": 1, "a": 2}}'])
def test_two_fields_of_one_name_are_refused(text: str) -> None:
    with pytest.raises(BundleError, match="two fields") as refused:
        Manifest.parse(text.encode())
    assert refused.value.code == "manifest.json"


@pytest.mark.parametrize("path", ["name", "task", "training_data", "licence.spdx", "licence.source",
                                  "networks.net.targets.0.engine", "networks.net.targets.0.tensors.y"])  # fmt: skip
@pytest.mark.parametrize("text", ["a\x1b[2Jb", "a\nb", "a\0", "a\ud800", "a\u202eb"])
def test_text_that_is_not_printable_is_refused(path: str, text: str) -> None:
    with pytest.raises(BundleError, match="printable") as refused:
        parsed(changed(path, text))
    assert "\x1b" not in refused.value.message


@pytest.mark.parametrize("path", ["networks", "networks.net.inputs", "blobs"])
def test_names_that_are_not_printable_are_refused(path: str) -> None:
    with pytest.raises(BundleError, match="printable"):
        parsed(changed(f"{path}.a\x07", {}))


@pytest.mark.parametrize("schema", [0, 2, 99])
def test_another_schema_asks_for_an_upgrade(schema: int) -> None:
    with pytest.raises(BundleError, match="Upgrade") as refused:
        parsed({**full(), "schema": schema})
    assert refused.value.code == "manifest.schema"


PORT = "networks.net.inputs.image"
WRONG: dict[str, tuple[str, Any, str]] = {
    "no schema": ("schema", ..., "manifest.schema"),
    "no licence": ("licence", ..., "manifest.licence"),
    "no spdx": ("licence.spdx", ..., "manifest.licence.spdx"),
    "no task": ("task", ..., "manifest.task"),
    "no networks": ("networks", ..., "manifest.networks"),
    "no targets": ("networks.net.targets", [], "networks.net.targets: expected at least one"),
    "a tensor without a name": ("networks.net.targets.0.tensors.y", ..., r"targets\[0\].tensors.y"),
    "a blob that is no member": ("networks.net.targets.0.blob", "x", r"targets\[0\].blob: 'x' is not a member"),
    "weights that are no member": ("networks.net.targets.0.weights", "x", r"targets\[0\].weights: 'x' is not a member"),
    "an option that is no text": ("networks.net.targets.0.options", {"a": 1}, r"targets\[0\].options.a"),
    "a device that is no text": ("networks.net.targets.0.device", 1, r"targets\[0\].device"),
    "a shape of nothing": ("networks.net.outputs.y.shape", [], "outputs.y.shape"),
    "an extent of zero": ("networks.net.outputs.y.shape", [1, 0], "outputs.y.shape"),
    "a negative extent": ("networks.net.outputs.y.shape", [-1, 2], "outputs.y.shape"),
    "a shape beyond memory": ("networks.net.outputs.y.shape", [1 << 20, 1 << 20], "outputs.y.shape"),
    "an unknown dtype": (f"{PORT}.dtype", "float64", "inputs.image.dtype"),
    "pixels as 64-bit integers": (f"{PORT}.dtype", "int64", "inputs.image.dtype"),
    "an image in three dimensions": (f"{PORT}.shape", [3, 8, 8], "inputs.image: shape"),
    "an image in a batch": (f"{PORT}.shape", [2, 3, 8, 8], "inputs.image: shape"),
    "channels that do not fit": (f"{PORT}.shape", [1, 1, 8, 8], "inputs.image: shape"),
    "channels in the other place": (f"{PORT}.shape", [1, 8, 8, 3], "inputs.image: shape"),
    "an image beyond all cameras": (f"{PORT}.shape", [1, 3, 40000, 8], "inputs.image: shape"),
    "too few scales": (f"{PORT}.image.scale", [1, 1], "inputs.image.image.scale: expected a list of 3"),
    "a scale beyond float32": (f"{PORT}.image.scale", [1e39, 1, 1], "image.image.scale: expected a list of 3"),
    "a bias beyond float32": (f"{PORT}.image.bias", [-1e39, 1, 1], "image.image.bias: expected a list of 3"),
    "a quantization beyond float32": (f"{PORT}.image.quant_scale", 1e39, "image.image.quant_scale: expected"),
    "a licence text that is no member": ("licence.texts", ["LICENSE"], "licence.texts: 'LICENSE' is not a member"),
    "an unknown colour": (f"{PORT}.image.color", "cmyk", "inputs.image.image.color: expected one of"),
    "an unknown border": (f"{PORT}.image.border", "wrap", "inputs.image.image.border: expected one of"),
}


@pytest.mark.parametrize(("path", "value", "message"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_manifest_names_the_field(path: str, value: Any, message: str) -> None:
    with pytest.raises(BundleError, match=message) as refused:
        parsed(changed(path, value))
    assert refused.value.code == "manifest.field"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
LEAVES = ["schema", "name", "networks", "networks.net", "networks.net.targets", PORT, f"{PORT}.image", f"{PORT}.shape"]


@given(
    path=st.sampled_from([*LEAVES, "blobs", "licence", f"{PORT}.image.scale", f"{PORT}.image.quant_zero"]), value=JSON
)
def test_any_json_in_any_place_is_read_or_refused(path: str, value: Any) -> None:
    try:
        parsed(changed(path, value))
    except BundleError as refused:
        assert refused.code.startswith("manifest.")
