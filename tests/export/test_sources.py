"""Models from elsewhere: .onnx, .pt2, .tflite and bundles, whole or broken."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn

from export.build import Build
from export.errors import ExportError
from export.graph import simplified, trace
from export.run import _possible
from export.settings import Settings
from export.sources import open_source


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, 2, 1)

    def forward(self, image: Tensor) -> Tensor:
        return torch.relu(self.conv(image)).mean((2, 3))


EXAMPLE = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(1))


def opened(path: Path, work: Path, shapes: Mapping[str, tuple[int, ...]] = {}) -> Build:  # never written
    settings = Settings(work, origin=path, calibration=100, shapes=shapes)
    return Build(open_source(settings), settings)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    module = Small().eval()
    onnx.save(simplified(trace(module, [EXAMPLE], ["image"], ["said"])), folder / "m.onnx")
    torch.export.save(torch.export.export(module, (EXAMPLE,)), folder / "m.pt2")
    return folder


@pytest.mark.parametrize("name", ["m.onnx", "m.pt2"])
def test_a_foreign_model_says_the_same_as_torch(name: str, files: Path, tmp_path: Path) -> None:
    build = opened(files / name, tmp_path)
    recipe = build.recipe
    assert recipe.image == "image"
    assert [tuple(example.shape) for example in recipe.inputs.values()] == [(1, 3, 16, 16)]
    torch.manual_seed(0)
    with torch.no_grad():
        expected = Small().eval()(torch.from_numpy(build.values.examples[0]["image"])).numpy()
    (said,) = build.values.run(build.values.examples[0], list(recipe.outputs))
    np.testing.assert_allclose(said, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "left_out"),
    [
        ("m.onnx", {"litert-cpu", "litert-int8", "executorch-xnnpack", "executorch-int8"}),
        ("m.pt2", set()),
    ],
)
def test_targets_that_a_file_cannot_become_are_left_out_with_the_reason(
    name: str, left_out: set[str], files: Path, tmp_path: Path
) -> None:
    from export.plugins import names

    build = opened(files / name, tmp_path)
    possible, without = _possible(build, names("export.targets"), every=True)
    assert set(without) == left_out
    assert set(possible) | left_out == set(names("export.targets"))
    if left_out:
        with pytest.raises(ExportError) as caught:
            _possible(build, sorted(left_out)[:1], every=False)
        assert caught.value.code == "export.source"


def test_a_bundles_float_network_is_taken_with_all_that_its_manifest_says(tmp_path: Path) -> None:
    from mien.locate import locate

    recipe = opened(locate("detect"), tmp_path).recipe
    assert recipe.network == "detector"
    assert recipe.manifest["task"] == "detect"
    assert recipe.value == (pytest.approx(1 / 255), 0.0)


@pytest.mark.parametrize("ending", [".onnx", ".pt2", ".tflite", ".mien"])
@pytest.mark.parametrize("content", [b"", b"not a model at all" * 20])
def test_a_broken_file_is_refused(ending: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"broken{ending}"
    path.write_bytes(content)
    with pytest.raises(ExportError) as caught:
        _ = opened(path, tmp_path).recipe
    assert caught.value.code in ("export.source", "export.dynamic")


def test_open_extents_are_refused_and_can_be_given(files: Path, tmp_path: Path) -> None:
    model = onnx.load(files / "m.onnx")
    extent = model.graph.input[0].type.tensor_type.shape.dim[2]
    extent.Clear()
    extent.dim_param = "height"
    path = tmp_path / "open.onnx"
    onnx.save(model, path)
    with pytest.raises(ExportError, match="height") as caught:
        _ = opened(path, tmp_path).recipe
    assert caught.value.code == "export.dynamic"
    fixed = opened(path, tmp_path, shapes={"image": (1, 3, 16, 16)}).recipe
    assert tuple(fixed.inputs["image"].shape) == (1, 3, 16, 16)
