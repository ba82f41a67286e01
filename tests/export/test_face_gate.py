"""The gate bites: the shipped face network in int8 passes on a film, and each way of breaking it is refused by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from torch import nn

from export.build import Build
from export.quiet import quiet
from export.recipe import load
from export.running import run_of
from export.settings import Settings
from export.values import Values
from quantization.gate import Verdict
from quantization.methods.base import Scheme
from quantization.methods.nncf_ptq import NncfPtq
from quantization.samples import F32, Arrays, Samples
from training.performer.coefficients import COEFFICIENTS


@pytest.fixture(scope="module")
def build(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Export of `face` with the film that ships as the user's pictures; half of them calibrate."""
    work = tmp_path_factory.mktemp("work")
    return Build(load("face", None), Settings(work, pictures=pictures, calibration=100))


@pytest.fixture(scope="module")
def int8(build: Build) -> onnx.ModelProto:
    with quiet():
        return build.int8_model()[0]


def named(verdict: Verdict) -> set[str]:
    return {breach.column for breach in verdict.breaches if breach.output == "coefficients" and breach.column}


def test_int8_passes_on_faces_that_nobody_calibrated_on(build: Build, int8: onnx.ModelProto) -> None:
    verdict = build.judge.at_the_gate(run_of(int8))
    assert verdict.passed, "\n".join(map(str, verdict.breaches))
    assert not verdict.outputs["coefficients"]["dead"].any()
    assert any(node.op_type == "QuantizeLinear" for node in int8.graph.node)


def test_int8_weighs_a_third_of_float(build: Build, int8: onnx.ModelProto) -> None:
    whole = sum(numpy_helper.to_array(weight).nbytes for weight in build.values.float_model.graph.initializer)
    assert whole / len(int8.SerializeToString()) >= 3.3


def test_a_corrupted_scale_is_refused_and_the_coefficients_named(build: Build, int8: onnx.ModelProto) -> None:
    broken = onnx.ModelProto()
    broken.CopyFrom(int8)
    held = {weight.name: weight for weight in broken.graph.initializer}
    node = next(n for n in broken.graph.node if n.op_type == "DequantizeLinear" and "mouth.fine" in n.input[0])
    scale = held[node.input[1]]
    scale.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(scale) * np.float32(4), scale.name))
    verdict = build.judge.at_the_gate(run_of(broken))
    assert not verdict.passed
    assert named(verdict) & {name for name in COEFFICIENTS if name.startswith(("mouth", "jaw"))}


def test_two_swapped_coefficients_are_refused_and_both_named(build: Build, int8: onnx.ModelProto) -> None:
    pair = [COEFFICIENTS.index("jawOpen"), COEFFICIENTS.index("mouthSmileLeft")]
    inner = run_of(int8)

    def swapped(feed: Arrays, outputs: Sequence[str]) -> Sequence[F32]:
        said = {name: np.array(value) for name, value in zip(outputs, inner(feed, outputs), strict=True)}
        said["coefficients"][:, pair] = said["coefficients"][:, pair[::-1]]
        return [said[name] for name in outputs]

    verdict = build.judge.at_the_gate(swapped)
    assert {"jawOpen", "mouthSmileLeft"} <= named(verdict)


def test_calibrating_on_noise_is_refused(build: Build) -> None:
    rng = np.random.default_rng(0)
    noise = Samples({"image": rng.normal(0.5, 0.02, (100, 3, 144, 144)).astype(np.float32)})
    with quiet():
        blind = NncfPtq().quantize(build.values.float_model, noise, Scheme(keep_float=tuple(build.recipe.keep_float)))
    verdict = build.judge.at_the_gate(run_of(blind))
    assert not verdict.passed
    assert named(verdict)


def test_no_dense_layer_of_the_shipped_network_is_silent(build: Build) -> None:
    """A branch that says nothing but zeros costs time and hides its loss; ranges of activations show it."""
    module = build.recipe.module
    assert module is not None
    loud: dict[str, torch.Tensor] = {}
    for name, part in module.named_modules():
        if isinstance(part, nn.Sequential) and [type(p) for p in part.children()] == [nn.Linear, nn.ReLU]:
            part.register_forward_hook(lambda _, __, out, name=name: loud.__setitem__(name, out.amax(0) > 0))
    with torch.no_grad():
        module(torch.from_numpy(build.values.held_out.feeds["image"]))
    assert len(loud) == 6
    for name, alive in loud.items():
        assert alive.float().mean() > 0.5, name


def test_other_pictures_in_the_same_folder_are_another_calibration(build: Build, tmp_path: Path) -> None:
    """What is kept on disk must not outlive the pictures that it was made of."""
    settings = build.values.settings
    assert settings.pictures is not None
    folder = tmp_path / "few"
    folder.mkdir()
    files = sorted(settings.pictures.iterdir())
    (folder / "a.jpg").write_bytes(files[0].read_bytes())
    before = Values(build.recipe, replace(settings, pictures=folder)).fingerprint
    (folder / "a.jpg").write_bytes(files[1].read_bytes())
    assert Values(build.recipe, replace(settings, pictures=folder)).fingerprint != before
